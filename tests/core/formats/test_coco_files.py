"""Real COCO files: every value is written back, and what is added is only what COCO demands."""

import json

import pytest

from jmpose_core.formats.coco import read_coco, write_coco
from tests.core.formats.fixtures import SHARED, without_number_formats

MMPOSE = SHARED / "data" / "fixtures" / "mmpose"
ADDED = {"area", "iscrowd", "num_keypoints", "bbox", "id", "category_id"}


@pytest.mark.skipif(not MMPOSE.is_dir(), reason="needs ../shared/data/fixtures/mmpose")
@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("ochuman/test_ochuman", True),
        ("aic/test_aic", False),
        ("crowdpose/test_crowdpose", False),
        ("jhmdb/test_jhmdb_sub1", False),
        ("mpii/test_mpii_trb", False),
    ],
)
def test_real_files_are_written_back(name, whole, tmp_path):
    path, copy = MMPOSE / f"{name}.json", tmp_path / "copy.json"
    write_coco(read_coco(path), copy)
    before, after = (without_number_formats(json.loads(file.read_bytes())) for file in (path, copy))
    if whole:
        assert json.dumps(after) == json.dumps(before)
        return
    for ours, theirs in zip(before.pop("annotations"), annotations := after.pop("annotations"), strict=True):
        assert {key: theirs[key] for key in ours} == ours
        assert theirs.keys() - ours.keys() <= ADDED
    assert annotations
    assert after == before

import sys

import numpy as np
import pytest

from jmpose_core.errors import FormatError
from jmpose_core.formats.document import ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.slp import read_slp, write_slp


def document():
    keypoints = np.zeros((17, 3))
    keypoints[0], keypoints[5] = (10.5, 20.25, 1), (30, 40, 0)
    return PoseTrackDocument(
        images=[ImageRecord(id=7, file_name="a/0.jpg"), ImageRecord(id=8, file_name="a/1.jpg")],
        people=[
            PersonRecord(image_id=8, keypoints=keypoints, track_id=3, scores=()),
            PersonRecord(image_id=8, keypoints=keypoints + 1, track_id=0, scores=(0.5,) * 17, score=0.25),
        ],
    )


def test_without_sleap_io_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    for action in (lambda: read_slp(tmp_path / "a.slp"), lambda: write_slp(document(), tmp_path / "a.slp")):
        with pytest.raises(FormatError, match="pip install sleap-io"):
            action()


def test_tracks_joints_and_scores_come_back(tmp_path):
    path = tmp_path / "a.slp"
    before = document()
    summary = write_slp(before, path)
    after = read_slp(path)
    assert summary.dropped == {"images.id": 2}
    assert [image.file_name for image in after.images] == ["a/0.jpg", "a/1.jpg"]
    for ours, theirs in zip(before.people, after.people, strict=True):
        assert (theirs.track_id, theirs.scores, theirs.score) == (ours.track_id, ours.scores, ours.score)
        assert np.array_equal(theirs.keypoints[:, :2], ours.keypoints[:, :2])
        assert np.array_equal(theirs.keypoints[:, 2] > 0, ours.keypoints[:, 2] > 0)


def test_a_broken_file_is_refused(tmp_path):
    (tmp_path / "a.slp").write_bytes(b"no HDF5")
    with pytest.raises(FormatError, match=r"a\.slp: sleap-io cannot read it"):
        read_slp(tmp_path / "a.slp")

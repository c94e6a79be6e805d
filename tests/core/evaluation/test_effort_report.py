"""Effort of files: what is counted, and what is left out."""

import json

import pytest

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.effort_report import effort_report
from jmpose_core.evaluation.report import evaluate
from jmpose_core.skeleton import POSETRACK18_SLOTS
from tests.core.formats.fixtures import CONFORMANCE, needs_conformance

CATEGORY = {"id": 1, "name": "person", "keypoints": list(POSETRACK18_SLOTS), "skeleton": []}
JOINTS = [0 if "ear" in name else 1 for name in POSETRACK18_SLOTS]


def person(frame, track=0, *, left=0.0, off=0.0, head=True):
    """15 joints on a slope, the nose `off` pixels to the right; its head size is 0.6 * 50."""
    keypoints = [
        number
        for slot, there in enumerate(JOINTS)
        for number in (there * (left + 10 * slot + 5), there * 40.0 * slot + there, there)
    ]
    keypoints[0] += off
    box = {"bbox_head": [left, 0.0, 30.0, 40.0]} if head else {}
    return {
        "id": 10 * frame + track,
        "image_id": frame,
        "track_id": track,
        "category_id": 1,
        "keypoints": keypoints,
        **box,
    }


def written(path, people, *, frames=2, names="images/val/000001_mpii_test/{:06d}.jpg", **of_images):
    images = [{"id": frame, "file_name": names.format(frame), **of_images} for frame in range(frames)]
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": [CATEGORY]}))
    return path


def test_the_tolerance_is_half_a_head_size(tmp_path):
    truth = written(tmp_path / "gt.json", [person(0), person(1)])
    pred = written(tmp_path / "pred.json", [person(0, off=14.9), person(1, off=15.1)])
    report = effort_report(truth, pred)
    assert report["edits"] == {"joint moved": 1}
    assert (report["correcting"]["actions"], report["from_scratch"]["actions"]) == (1, 2 * 17)
    assert report["actions_ratio"] == 1 / 34
    assert report["tolerance_from"] == {"head": 2}


def test_unlabelled_images_and_ignore_regions_do_not_count(tmp_path):
    nobody = written(tmp_path / "nobody.json", [person(0)], is_labeled=False)
    with pytest.raises(FormatError, match=r"nobody\.json: nobody with joints"):
        effort_report(nobody, nobody)
    region = {"ignore_regions_x": [[900.0, 2000.0, 2000.0, 900.0]], "ignore_regions_y": [[-9.0, -9.0, 2000.0, 2000.0]]}
    pred = written(tmp_path / "pred.json", [person(0), person(0, 1, left=1000.0)])
    ignoring = written(tmp_path / "ignoring.json", [person(0)], **region)
    assert effort_report(ignoring, pred)["edits"] == {}
    strict = written(tmp_path / "strict.json", [person(0)])
    assert effort_report(strict, pred)["edits"] == {"false person deleted in a frame": 1}


def test_exports_of_the_program_are_measured_whatever_their_images_are_called(tmp_path):
    people = [{**person(frame), "scores": [0.9] * 17} for frame in range(3)]
    truth = written(tmp_path / "gt.json", people, frames=3)
    bare = written(tmp_path / "bare.json", people, frames=3, names="{:06d}.jpg")
    assert evaluate(truth, bare)["mota"]["total"] == 100
    assert evaluate(bare, truth)["images"][0]["by"] == "image id"
    foreign = written(tmp_path / "foreign.json", people, frames=3, names="my_video/{:06d}.jpg")
    with pytest.raises(FormatError, match="--match names or position"):
        evaluate(truth, foreign)
    for match in ("names", "position"):
        assert evaluate(truth, foreign, match=match)["ap"]["total"] == 100


def test_boxes_of_json_files(tmp_path):
    truth = written(tmp_path / "gt.json", [person(0), person(1), person(1, 1, left=1000.0)])
    pred = written(tmp_path / "pred.json", [person(0, 4), person(1, 4)])
    figures = evaluate(truth, pred, "boxes")["boxes"]["OVERALL"]
    assert figures["num_misses"] == 1
    assert figures["precision"] == figures["motp"] == 100
    assert figures["recall"] == pytest.approx(100 * 2 / 3)
    assert figures["loca"] == pytest.approx(100)

    twice = written(tmp_path / "twice.json", [person(0, 4), person(0, 4, left=1000.0)])
    huge = written(tmp_path / "huge.json", [person(0, 2**70)])
    for path, fault in ((twice, "4 is also"), (huge, "out of range")):
        with pytest.raises(FormatError, match=rf"annotations\[\d\]\.track_id: .*{fault}"):
            evaluate(truth, path, "boxes")


@needs_conformance
def test_a_perfect_prediction_costs_nothing_and_worse_ones_more():
    ratios = {}
    for case in ("c01_perfect", "c04_id_switch", "c02_jitter"):
        ratios[case] = effort_report(CONFORMANCE / case / "gt", CONFORMANCE / case / "pred")["actions_ratio"]
    assert ratios["c01_perfect"] == 0
    assert 0 < ratios["c04_id_switch"] < 0.15 < ratios["c02_jitter"] < 0.7

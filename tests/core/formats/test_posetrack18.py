import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from jmpose_core.annotations import Origin, Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.people import annotations_of, document_from
from jmpose_core.formats.posetrack18 import read_posetrack18, write_posetrack18
from jmpose_core.skeleton import JOINT_INDEX, POSETRACK18_SLOTS
from tests.builders.people import annotated
from tests.core.formats.fixtures import (
    CONFORMANCE,
    POSETRACK18,
    needs_conformance,
    needs_fixtures,
    without_number_formats,
)


def small_file():
    keypoints = [10.5, 20, 1, 11, 40, 1, 10, 2, 1] + [0, 0, 0] * 2 + [5, 50, 0] + [0, 0, 0] * 11
    return {
        "images": [{"file_name": "images/val/000001_mpii/000000.jpg", "id": 7, "is_labeled": True, "maker": "x"}],
        "annotations": [{"image_id": 7, "keypoints": keypoints, "track_id": 3, "scores": [], "id": 700}],
        "categories": [{"id": 1, "name": "person", "keypoints": list(POSETRACK18_SLOTS)}],
        "licence": {"name": "own"},
    }


def read_values(tmp_path, values):
    path = tmp_path / "file.json"
    path.write_text(json.dumps(values))
    return read_posetrack18(path)


def assert_written_back(path: Path, tmp_path: Path):
    copy = tmp_path / "copy.json"
    write_posetrack18(read_posetrack18(path), copy)
    before, after = (json.dumps(without_number_formats(json.loads(file.read_bytes()))) for file in (path, copy))
    assert after == before


@needs_fixtures
@pytest.mark.parametrize(
    "name", ["test_posetrack18_val", "val/003418_mpii_test", "val/009473_mpii_test", "val/012834_mpii_test"]
)
def test_real_files_are_written_back_to_the_byte_but_for_number_formats(name, tmp_path):
    assert_written_back(POSETRACK18 / f"{name}.json", tmp_path)


@needs_conformance
def test_all_reference_files_are_written_back(tmp_path):
    written = 0
    for path in CONFORMANCE.glob("c*/*/*.json"):
        content = json.loads(path.read_bytes())
        if isinstance(content, dict) and "annotations" in content:  # neither PoseTrack17 nor a list of results
            assert_written_back(path, tmp_path)
            written += 1
    assert written > 30


def test_unknown_keys_are_kept(tmp_path):
    document = read_values(tmp_path, small_file())
    assert document.extra == {"licence": {"name": "own"}}
    assert document.images[0].extra == {"maker": "x"}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda f: f["annotations"][0]["keypoints"].pop(), "annotations[0].keypoints: 50 numbers, 51 expected"),
        (lambda f: f["annotations"][0].update(track_id="three"), "annotations[0].track_id: expected `int`, got `str`"),
        (lambda f: f["annotations"][0].update(image_id=8), "annotations[0].image_id: no image has the id 8"),
        (lambda f: f["annotations"][0].update(scores=[0.5]), "annotations[0].scores: 1 numbers, 17 expected"),
        (lambda f: f["annotations"][0].update(bbox=[1, 2, 3]), "annotations[0].bbox"),
        (lambda f: f["annotations"][0].update(bbox=[1, 2, 3, 1e300]), "annotations[0].bbox"),
        (lambda f: f["images"].append(f["images"][0]), "images[1].id: 7 is the id of images[0] too"),
        (lambda f: f["images"][0].update(ignore_regions_x=[[1, 2, 3]]), "images[0].ignore_regions"),
        (lambda f: f["images"][0].pop("file_name"), "images[0]: object missing required field `file_name`"),
        (lambda f: f["categories"].clear(), "categories: 0 given"),
        (lambda f: f.pop("images"), "missing required field `images`"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path, change, place):
    values = small_file()
    change(values)
    with pytest.raises(FormatError) as caught:
        read_values(tmp_path, values)
    assert place in str(caught.value)
    assert "file.json" in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"images": "\xff"}', b"[" * 100_000, b"NaN"])
def test_what_is_no_json_object_is_refused(tmp_path, data):
    path = tmp_path / "file.json"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"file\.json"):
        read_posetrack18(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        read_posetrack18(tmp_path / "none.json")


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    document = read_values(tmp_path, small_file())
    path = tmp_path / "out.json"
    path.write_text("old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FormatError, match="No space left"):
        write_posetrack18(document, path)
    assert path.read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file.json", "out.json"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FormatError, match="not written"):
        write_posetrack18(read_values(tmp_path, small_file()), tmp_path / "none" / "out.json")


def test_annotations_take_joints_by_name_and_say_what_is_occluded(tmp_path):
    (annotation,) = annotations_of(read_values(tmp_path, small_file()))
    assert annotation.frame_index == 0
    assert annotation.track_id == 3
    assert annotation.keypoints[JOINT_INDEX["nose"]].tolist() == [10.5, 20]
    assert annotation.visibility[JOINT_INDEX["nose"]] == Visibility.VISIBLE
    assert annotation.visibility[JOINT_INDEX["left_shoulder"]] == Visibility.OCCLUDED
    assert annotation.visibility[JOINT_INDEX["left_ankle"]] == Visibility.ABSENT
    assert annotation.origin[JOINT_INDEX["nose"]] == Origin.CORRECTED
    assert annotation.bbox_xyxy == pytest.approx((4.1, -5.2, 11.9, 57.2))


def test_people_without_track_ids_become_tracks_of_their_own(tmp_path):
    values = small_file()
    other = dict(values["annotations"][0], id=701)
    del other["track_id"]
    values["annotations"] += [other, dict(other, id=702)]
    assert [person.track_id for person in annotations_of(read_values(tmp_path, values))] == [3, 4, 5]


def annotation(frame_index=0, track_id=0, **changes):
    """One joint of each kind of visibility; what is absent has no place, confidence or origin."""
    visibility = np.array([2] * 13 + [1, 0], np.uint8)
    there = visibility > 0
    fields = {
        "keypoints": (np.arange(30.0).reshape(15, 2) + 1) * there[:, None],
        "visibility": visibility,
        "confidence": np.linspace(0.1, 0.9, 15) * there,
        "origin": np.where(there, Origin.PREDICTED, Origin.NONE),
        "bbox_xyxy": (1.0, 2.0, 30.0, 40.0),
        "source": "",
    }
    return annotated(frame_index, track_id, **(fields | changes))


def test_predictions_come_back_as_they_were(tmp_path):
    people = [annotation(0, 4), annotation(1, 2), annotation(1, 4)]
    path = tmp_path / "out.json"
    write_posetrack18(document_from(people, ["000000.jpg", "000001.jpg"], image_size=(64, 48)), path)
    assert annotations_of(read_posetrack18(path)) == people


def test_a_template_keeps_images_ids_and_head_boxes(tmp_path):
    values = small_file()
    values["annotations"][0].update(bbox_head=[1, 2, 3, 4], person_id=99)
    template = read_values(tmp_path, values)
    document = document_from([annotation(0, 3)], template=template)
    assert document.images == template.images
    assert document.categories == template.categories
    (person,) = document.people
    assert (person.image_id, person.id, person.track_id) == (7, 700, 3)
    assert (person.bbox_head_xywh, person.person_id) == ((1, 2, 3, 4), 99)
    assert person.scores is not None
    assert len(person.scores) == 17


def test_derived_boxes_are_named_in_the_summary(tmp_path):
    person = annotation(bbox_xyxy=(0.0, 0.0, 0.0, 0.0), visibility=np.full(15, 2, np.uint8))
    document = document_from([person], ["000000.jpg"], scores=False)
    summary = write_posetrack18(document, tmp_path / "out.json")
    assert summary.synthesised == {"bbox": 1, "bbox_head": 1}
    assert document.people[0].scores == ()
    assert document.people[0].bbox_head_xywh is not None


def test_a_person_on_a_frame_without_image_is_refused():
    with pytest.raises(FormatError, match="frame 3"):
        document_from([annotation(3)], ["000000.jpg"])

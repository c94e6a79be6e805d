"""JSON as other programs write it: crowds, nulls, missing names, several classes, byte order marks, NumPy numbers."""

import codecs
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jmpose_core.annotations import Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.table import read_document, read_named_document
from jmpose_core.skeleton import JOINT_INDEX, JOINTS
from tests.builders.foreign_files import coco_person, coco_values, noses, numbers, write_json

NAMES = ["000000.jpg", "000001.jpg"]


def read(tmp_path: Path, values: Any) -> PoseTrackDocument:
    return read_document(write_json(tmp_path / "file.json", values))


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_json_with_a_byte_order_mark_is_read(tmp_path: Path, mark: bytes, encoding: str) -> None:
    file = tmp_path / "file.json"
    text = json.dumps(coco_values(["Straße.jpg"], [coco_person(0)]), ensure_ascii=False, indent=1)
    file.write_bytes(mark + text.replace("\n", "\r\n").encode(encoding))
    assert noses(read_document(file)) == [("Straße.jpg", 365.0)]


def test_a_group_of_people_is_no_person(tmp_path: Path) -> None:
    crowd = coco_person(0, keypoints=[0] * 45, num_keypoints=0, iscrowd=1, segmentation={"counts": [1], "size": [1, 1]})
    document = read(tmp_path, coco_values(NAMES, [crowd, coco_person(1)]))
    assert len(document.people) == 2  # an evaluation needs it
    persons = document.without_crowds()
    assert [person.image_id for person in persons.people] == [1]
    assert persons.notes == ["1 group of people (iscrowd) left out"]


@pytest.mark.parametrize(
    "keys",
    [
        {"keypoints": [], "bbox": [0, 0, 0, 0], "num_keypoints": 0},  # CVAT, of somebody without any point
        {"keypoints": None, "bbox": None, "area": None, "num_keypoints": None},
        {"keypoints": [], "bbox": []},
    ],
)
def test_a_person_without_joints_does_not_stop_the_others(tmp_path: Path, keys: dict[str, Any]) -> None:
    document = read(tmp_path, coco_values(NAMES, [coco_person(0, **keys), coco_person(1)]))
    assert document.people[0].keypoints is None
    assert noses(document) == [("000001.jpg", 365.0)]


def test_null_counts_as_missing(tmp_path: Path) -> None:
    person = coco_person(0, track_id=None, score=None, person_id=None, iscrowd=None, bbox_head=None, scores=None)
    values = coco_values(NAMES, [person])
    values["images"][0] |= {"frame_id": None, "is_labeled": None, "vid_id": None, "width": None}
    (found,) = annotations_of(read(tmp_path, values))
    assert found.origin.max() == 3 and found.track_id == 0


def test_a_joint_of_nulls_or_nan_is_absent(tmp_path: Path) -> None:
    person = coco_person(0)
    person["keypoints"][:6] = [None, None, 0, float("nan"), float("nan"), float("nan")]
    (found,) = annotations_of(read(tmp_path, coco_values(NAMES, [person])))
    assert [JOINTS[i] for i in np.flatnonzero(found.visibility == Visibility.ABSENT)] == list(JOINTS[:2])


def test_whole_numbers_may_be_written_as_numpy_and_pandas_do(tmp_path: Path) -> None:
    person = coco_person(0, id=1.0, category_id="1", track_id="7", iscrowd=0.0) | {"image_id": 0.0}
    values = coco_values(NAMES, [person])
    values["images"][0] |= {"id": "0", "is_labeled": 1, "has_labeled_person": 0.0, "width": 640.0}
    document = read(tmp_path, values)
    assert (document.images[0].is_labeled, document.images[0].has_labeled_person) == (True, False)
    (found,) = annotations_of(document)
    assert found.track_id == 7
    with pytest.raises(FormatError, match=r"annotations\[0\].track_id: expected `int`, got `float`"):
        read(tmp_path, coco_values(NAMES, [coco_person(0, track_id=1.5)]))


def test_without_categories_17_joints_with_cocos_visibility_are_cocos(tmp_path: Path) -> None:
    for categories in (None, []):
        values = coco_values(NAMES, [coco_person(0, 17)])
        values["categories"] = categories
        if categories is None:
            del values["categories"]
        name, document = read_named_document(write_json(tmp_path / "file.json", values))
        assert name == "coco" and document.joint_names == COCO17
        (found,) = annotations_of(document)
        assert found.visibility[JOINT_INDEX["head_top"]] == found.visibility[JOINT_INDEX["head_bottom"]] == 0
        assert document.notes == [
            "the file names no joints: read as COCO's 17, as each person has 17 with COCO's visibility"
        ]
    values["annotations"][0]["keypoints"] = numbers(15)
    with pytest.raises(FormatError, match='no category "person" with keypoints'):
        read(tmp_path, values)


def test_predictions_without_categories_are_posetracks(tmp_path: Path) -> None:
    person = {"image_id": 0, "track_id": 0, "keypoints": numbers(17, visibility=1), "scores": [0.5] * 17}
    values = {"images": [{"id": 0, "file_name": "000000.jpg"}], "annotations": [person]}
    name, document = read_named_document(write_json(tmp_path / "file.json", values))
    assert name == "posetrack18" and document.joint_names[1] == "head_bottom"


def test_things_that_are_not_persons_are_left_out_and_counted(tmp_path: Path) -> None:
    values = coco_values(NAMES, [coco_person(0), coco_person(1, category_id=2), coco_person(1, category_id=9, id=5)])
    values["categories"].append({"id": 2, "name": "dog", "keypoints": list(JOINTS)})
    document = read(tmp_path, values)
    assert [person.image_id for person in document.people] == [0]
    assert document.notes == ["not persons, left out: dog (1), unknown category (1)"]


@pytest.mark.parametrize("absent", [True, False])
def test_in_a_file_of_one_class_nobody_need_be_of_it(tmp_path: Path, absent: bool) -> None:
    person = coco_person(0, category_id=None)
    if absent:
        del person["category_id"]
    assert len(read(tmp_path, coco_values(NAMES, [person])).people) == 1


@pytest.mark.parametrize("name", ["Person", "people", "human"])
def test_the_category_of_people_may_bear_another_name(tmp_path: Path, name: str) -> None:
    values = coco_values(NAMES, [coco_person(0)])
    values["categories"][0]["name"] = name
    assert len(read(tmp_path, values).people) == 1


def test_a_position_with_visibility_0_is_not_labelled_in_coco(tmp_path: Path) -> None:
    """Whether a 2 tells that the file is COCO's, or only the count of labelled joints."""
    for others in (2, 1):
        keypoints = numbers(15, visibility=others)
        keypoints[2::3][:2] = [0, 0]
        keypoints[2] = keypoints[5] = 0
        person = coco_person(0, keypoints=keypoints, num_keypoints=13)
        (found,) = annotations_of(read(tmp_path, coco_values(NAMES, [person])))
        assert (found.visibility != Visibility.ABSENT).sum() == 13
    del person["num_keypoints"]  # as in PoseTrack21, where 0 marks a hidden joint
    (found,) = annotations_of(read(tmp_path, coco_values(NAMES, [person])))
    assert (found.visibility == Visibility.OCCLUDED).sum() == 2


@pytest.mark.parametrize("track_id", [4, "4"])
def test_cvats_track_id_among_the_attributes_is_read(tmp_path: Path, track_id: object) -> None:
    person = coco_person(0, attributes={"occluded": False, "track_id": track_id, "keyframe": True})
    (found,) = annotations_of(read(tmp_path, coco_values(NAMES, [person])))
    assert found.track_id == 4


def test_joints_under_other_spellings_are_known(tmp_path: Path) -> None:
    names = [f"{name[:5].capitalize()} {name[6:].capitalize()}" if name[:5] == "right" else name for name in JOINTS]
    names = [{"head_bottom": "Neck", "left_hip": "lHip", "left_knee": "KneeLeft"}.get(name, name) for name in names]
    assert "Right Shoulder" in names
    (found,) = annotations_of(read(tmp_path, coco_values(NAMES, [coco_person(0)], names)))
    assert (found.visibility == Visibility.VISIBLE).all()
    assert found.keypoints[JOINT_INDEX["right_shoulder"], 0] == 300 + 5 * JOINT_INDEX["right_shoulder"]


def test_a_box_without_area_gives_way_to_the_joints_extent(tmp_path: Path) -> None:
    (found,) = annotations_of(read(tmp_path, coco_values(NAMES, [coco_person(0, bbox=[0, 0, 0, 0])])))
    left, top, right, bottom = found.bbox_xyxy
    assert (right - left, bottom - top) == pytest.approx((1.3 * 70, 1.3 * 168))

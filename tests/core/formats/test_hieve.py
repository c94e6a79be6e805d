"""HiEve's labels, in files as its authors describe them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jmpose_core.annotations import Origin, Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.hieve import JOINTS_OF_HIEVE, read_hieve
from jmpose_core.formats.joint_sets import our_names
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.table import read_named_document
from jmpose_core.project import Project
from jmpose_core.project.importing import plan_import
from jmpose_core.skeleton import JOINT_INDEX
from tests.builders.exchange import image_folder, project_of
from tests.builders.hieve_folder import hieve_object, write_frame, write_hieve
from train.labels import read_labels

# As http://humaninevents.org/format.html prints it, but for its dots.
PRINTED = r"""{
  "annotation":{
    "folder":"hm_in_fighting1",
    "filename":"0.jpg",
    "path":"D:\hm_in_fighting1\0.jpg",
    "source":{
      "database":"Unknown"},
    "size":{
      "width":"1920","height":"1080","depth":"3"},
    "segmented":"0",
    "object":[
    {
      "name":"P-1", "action":"standing-alone", "pose":"unspecified", "truncated":"0", "difficult":"0",
      "bndbox":{
         "xmin":"747", "ymin":"103", "xmax":"1044", "ymax":"1079", "Nose": "928,185,0","Chest":"943,278,0"}
    }]
  }
}"""
MEANT = {0: Visibility.VISIBLE, 1: Visibility.OCCLUDED, -1: Visibility.ABSENT}


def test_the_example_of_the_data_sets_page_is_read(tmp_path: Path) -> None:
    (tmp_path / "000000.xml").write_text(PRINTED)
    (person,) = annotations_of(read_named_document(tmp_path)[1])
    assert (person.track_id, person.bbox_xyxy) == (1, (747, 103, 1044, 1079))
    assert person.keypoints[JOINT_INDEX["nose"]].tolist() == [928, 185]
    assert (person.visibility != Visibility.ABSENT).sum() == 1


@pytest.mark.parametrize("suffix", [".json", ".xml"])
def test_people_have_their_tracks_boxes_and_joints_by_name(tmp_path: Path, suffix: str) -> None:
    people = [hieve_object("P-7", Left_wrist="33,44,1", Right_knee="0,0,-1"), hieve_object("P-12")]
    name, document = read_named_document(write_hieve(tmp_path / "walk", {2: people, 11: []}, suffix))
    first, second = annotations_of(document)
    assert name == "hieve" and [image.frame_index for image in document.images] == [2, 11]
    assert (document.images[0].file_name, document.images[0].width) == ("walk/2.jpg", 640)
    assert (first.track_id, second.track_id, first.bbox_xyxy) == (7, 12, (200, 40, 300, 340))
    assert first.keypoints[JOINT_INDEX["left_wrist"]].tolist() == [33, 44]
    assert first.visibility[JOINT_INDEX["left_wrist"]] == Visibility.OCCLUDED
    absent = {name for name, index in JOINT_INDEX.items() if not first.visibility[index]}
    assert absent == {"head_bottom", "head_top", "right_knee"}


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from((0, 1, -1))),
            min_size=len(JOINTS_OF_HIEVE),
            max_size=len(JOINTS_OF_HIEVE),
        ),
        max_size=4,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_every_joint_that_has_a_name_of_ours_comes_with_its_place_and_flag(
    tmp_path: Path, frames: list[list[tuple[int, int, int]]]
) -> None:
    folder = tmp_path / "v"
    for old in folder.glob("*"):
        old.unlink()
    write_frame(folder, 0, [])
    for frame, joints in enumerate(frames):
        values = {
            name.replace("-", "_"): "{},{},{}".format(*joint)
            for name, joint in zip(JOINTS_OF_HIEVE, joints, strict=True)
        }
        write_frame(folder, frame, [hieve_object(**values)])
    people = annotations_of(read_hieve(folder))
    assert len(people) == len(frames)
    for person, joints in zip(people, frames, strict=True):
        for name, (x, y, flag) in zip(our_names(JOINTS_OF_HIEVE), joints, strict=True):
            if name == "Chest":
                continue
            joint = JOINT_INDEX[name]
            assert person.visibility[joint] == MEANT[flag]
            assert flag == -1 or person.keypoints[joint].tolist() == [x, y]


def test_one_person_without_a_list_and_a_frame_with_nobody_are_read(tmp_path: Path) -> None:
    write_frame(tmp_path / "v", 0, hieve_object())  # as XML's converters write a single element
    write_frame(tmp_path / "v", 1, None)
    assert [person.track_id for person in read_hieve(tmp_path / "v").people] == [1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Nose": "12,13"}, r'bndbox\.Nose: "12,13"; write "x,y,flag"'),
        ({"Nose": "12,13,2"}, r"bndbox\.Nose"),
        ({"Nose": "12,NaN,0"}, r"bndbox\.Nose"),
        ({"Nose": "12,13,0,0"}, r"bndbox\.Nose"),
        ({"xmax": "wide"}, r'bndbox\.xmax: "wide" is no number of pixels; correct it'),
        ({"xmax": "3"}, r"bndbox: its maximum is below its minimum; exchange"),
    ],
)
def test_a_fault_is_named_with_file_place_and_cure(tmp_path: Path, change: dict[str, str], words: str) -> None:
    broken = hieve_object()
    broken["bndbox"] |= change
    write_hieve(tmp_path / "v", {0: [hieve_object()], 1: [hieve_object("P-2"), broken]})
    with pytest.raises(FormatError, match=rf"000001\.json: annotation\.object\[1\]\.{words}"):
        read_hieve(tmp_path / "v")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, r"000000\.json: annotation: missing; a folder of HiEve's"),
        ({"annotation": {"object": []}}, r"000000\.json: annotation: .*filename"),
        (
            {"annotation": {"filename": "0.jpg", "object": [{"name": "P", "bndbox": {}}]}},
            r'"P" has no number; name the',
        ),
    ],
)
def test_another_file_is_refused(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    (tmp_path / "000000.json").write_text(json.dumps(values))
    with pytest.raises(FormatError, match=words):
        read_hieve(tmp_path)


def test_two_files_of_one_frame_are_refused(tmp_path: Path) -> None:
    for suffix in (".json", ".xml"):
        write_frame(tmp_path / "v", 5, [hieve_object()], suffix)
    with pytest.raises(FormatError, match=r"000005\.xml: 000005\.json is of frame 5 too; keep one"):
        read_named_document(tmp_path / "v")


def test_a_single_frames_file_asks_for_its_folder(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "v", 0, [hieve_object()])
    with pytest.raises(FormatError, match="give the folder that holds all frames"):
        read_named_document(path)


def test_a_joint_that_hieve_has_not_is_told(tmp_path: Path) -> None:
    write_hieve(tmp_path / "v", {0: [hieve_object(Tail="1,2,0")]})
    assert read_hieve(tmp_path / "v").notes == ["no joint of HiEve's: Tail (1 left out)"]


def test_an_import_puts_each_frame_where_it_belongs_and_says_which_joints_are_missing(tmp_path: Path) -> None:
    path = project_of(tmp_path / "p.jmpose", image_folder(tmp_path / "walk"))
    labels = write_hieve(tmp_path / "labels" / "walk", {1: [hieve_object()], 3: [hieve_object("P-2")]})
    with Project.open(path) as project:
        plan = plan_import(project, project.videos()[0], labels)
    assert [(person.frame_index, person.track_id) for person in plan.labels] == [(1, 1), (3, 2)]
    assert plan.missing_joints == ("head_bottom", "head_top")


def test_training_finds_the_pictures_beside_the_labels(tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images" / "walk", pattern="{}.png")
    labels = write_hieve(tmp_path / "labels" / "walk", {0: [], 2: [hieve_object(Nose="20,30,1")]})
    (label,) = read_labels([labels])
    (person,) = label.people
    assert (label.video_path.resolve(), person.frame_index) == (images.resolve(), 2)
    assert np.count_nonzero(person.origin == Origin.VERIFIED) == 13

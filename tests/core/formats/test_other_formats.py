"""CSV, CVAT, YOLO-pose, data set folders and conversion on writing: faults, and what the round trips do not show."""

import re

import numpy as np
import pytest

from jmpose_core.annotations import Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.csv_table import read_csv, write_csv
from jmpose_core.formats.cvat import read_cvat, write_cvat
from jmpose_core.formats.document import Category, ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.posetrack18 import read_posetrack18, write_posetrack18
from jmpose_core.formats.posetrack_folder import open_posetrack_folder
from jmpose_core.formats.table import FORMAT_NAMES, read_document, write_document
from jmpose_core.formats.yolo_pose import read_yolo_pose, write_yolo_pose
from jmpose_core.skeleton import JOINT_INDEX
from tests.core.formats.fuzzing import seed_document


def replaced(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("track_id,", "track,", "line 1: no column track_id"),
        ("nose_y,", "nose_why,", "line 1: no column nose_y"),
        ("1.0,2.0,30.0,40.0", "1.0,,30.0,40.0", "line 2: some of the box's cells are empty"),
        ("1.0,2.0,30.0,40.0", "1.0,two,30.0,40.0", 'line 2: column bbox_y: "two" is not a number'),
        ("1.0,2.0,30.0,40.0", "1.0,nan,30.0,40.0", 'line 2: column bbox_y: "nan" is not a number'),
        ("\n0,", "\nfirst,", 'line 2: column frame: "first" is not a whole number'),
    ],
)
def test_csv_faults_name_line_and_column(tmp_path, old, new, message):
    path = tmp_path / "people.csv"
    write_csv(seed_document(), path)
    path.write_text(path.read_text().replace("\r\n", "\n"))
    replaced(path, old, new)
    with pytest.raises(FormatError, match=re.escape(message)):
        read_csv(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<annotations>", "<annotation>", "not valid XML"),
        ('frame="0"', 'frame="x"', 'track 0: "x" is not a whole number'),
        ('points="', 'points="a', "track 0, frame 0, nose: points="),
    ],
)
def test_cvat_faults_name_track_and_frame(tmp_path, old, new, message):
    path = tmp_path / "people.xml"
    write_cvat(seed_document(), path)
    replaced(path, old, new)
    with pytest.raises(FormatError, match=re.escape(message)):
        read_cvat(path)


def test_cvat_of_an_unknown_encoding_is_refused(tmp_path):
    path = tmp_path / "file.xml"
    path.write_bytes(b"<?xml version='1.0' encoding='ut--8'?><annotations/>")
    with pytest.raises(FormatError, match=r"file\.xml: not valid XML \(unknown encoding: ut--8\)"):
        read_cvat(path)


def test_a_person_who_leaves_is_outside_on_the_next_frame(tmp_path):
    path = tmp_path / "people.xml"
    document = seed_document()
    document.people = document.people[:1]
    write_cvat(document, path)
    leaving = path.read_text().split('<skeleton frame="1"')[1]
    assert 'outside="0"' not in leaving
    assert leaving.count('outside="1"') == np.count_nonzero(document.people[0].keypoints.any(axis=1))


def test_the_same_track_twice_in_a_frame_cannot_be_written_for_cvat(tmp_path):
    document = seed_document()
    document.people[2].track_id = document.people[0].track_id
    with pytest.raises(FormatError, match="twice in image 0"):
        write_cvat(document, tmp_path / "people.xml")
    assert not list(tmp_path.iterdir())


def test_yolo_pose_needs_image_sizes_and_an_empty_folder(tmp_path):
    document = seed_document()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    with pytest.raises(FormatError, match="not an empty folder"):
        write_yolo_pose(document, tmp_path / "full")
    document.images[1].width = None
    with pytest.raises(FormatError, match="size unknown"):
        write_yolo_pose(document, tmp_path / "new")
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["full", "mine.txt"]


def test_yolo_pose_flips_left_and_right_but_not_the_heads_ends(tmp_path):
    write_yolo_pose(seed_document(), tmp_path / "yolo")
    flips = re.search(r"flip_idx: \[(.*)\]", (tmp_path / "yolo" / "data.yaml").read_text())
    assert flips is not None
    assert [int(index) for index in flips[1].split(",")] == [0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]


def test_yolo_pose_faults_name_file_and_line(tmp_path):
    write_yolo_pose(seed_document(), tmp_path / "yolo")
    label = tmp_path / "yolo" / "labels" / "000001.txt"
    label.write_text("0 1 2\n")
    with pytest.raises(FormatError, match=r"000001\.txt: line 1: 3 numbers, 56 expected"):
        read_yolo_pose(tmp_path / "yolo")


def coco_document():
    keypoints = np.zeros((17, 3))
    for name, xy in (
        ("nose", (52, 20)),
        ("left_shoulder", (60, 40)),
        ("right_shoulder", (40, 44)),
        ("left_eye", (54, 18)),
    ):
        keypoints[COCO17.index(name)] = (*xy, 1)
    return PoseTrackDocument(
        [ImageRecord(id=1, file_name="a.jpg")],
        [PersonRecord(image_id=1, keypoints=keypoints, track_id=0)],
        [Category(keypoints=COCO17)],
    )


def test_coco_people_exported_as_posetrack_get_a_head_and_the_summary_says_so(tmp_path):
    path = tmp_path / "people.json"
    summary = write_document(coco_document(), path, "posetrack18")
    assert summary.synthesised == {"head_bottom": 1, "head_top": 1}
    assert summary.dropped == {"left_eye": 1}
    (person,) = annotations_of(read_posetrack18(path))
    assert person.keypoints[JOINT_INDEX["head_top"]].tolist() == [54, -2]
    assert any("head_top" in line for line in summary.lines())


def test_hidden_joints_stay_hidden_in_coco_though_posetrack_counts_otherwise(tmp_path):
    document = seed_document()
    write_document(document, tmp_path / "coco.json", "coco")
    write_document(document, tmp_path / "posetrack.json", "posetrack18")
    coco, posetrack = (annotations_of(read_document(tmp_path / f"{name}.json")) for name in ("coco", "posetrack"))
    for ours, theirs in zip(coco, posetrack, strict=True):
        assert np.array_equal(ours.visibility, theirs.visibility)
        assert Visibility.OCCLUDED in ours.visibility


@pytest.mark.parametrize("name", [name for name in FORMAT_NAMES if name != "slp"])
def test_every_format_says_what_it_leaves_out(tmp_path, name):
    document = seed_document()
    document.people[0].extra = {"mood": "good"}
    summary = write_document(document, tmp_path / "out", name)
    holds_everything = name in ("posetrack18", "posetrack21", "coco")
    assert ("annotations.extra" in summary.dropped) is not holds_everything


def test_unknown_formats_and_files_are_named(tmp_path):
    with pytest.raises(FormatError, match="posetrack18"):
        write_document(seed_document(), tmp_path / "a", "posetrack19")
    with pytest.raises(FormatError, match=r"\.csv"):
        read_document(tmp_path / "a.docx")


@pytest.mark.parametrize(
    ("layout", "images"),
    [
        ("annotations/val", "images"),
        ("posetrack_data/val", "images"),  # PoseTrack21
        ("posetrack_data/annotations/val", "posetrack_data/images"),  # PoseTrack17 and 18, as downloaded
        (".", "images"),
    ],
)
def test_a_data_set_folder_opens_as_its_sequences(tmp_path, layout, images):
    pictures = tmp_path / images / "val" / "000001_mpii_test"
    pictures.mkdir(parents=True)
    (tmp_path / layout).mkdir(parents=True, exist_ok=True)
    for name in ("000002_mpii_test", "000001_mpii_test"):
        write_posetrack18(seed_document(), tmp_path / layout / f"{name}.json")
    sequences = open_posetrack_folder(tmp_path)
    assert [sequence.name for sequence in sequences] == ["000001_mpii_test", "000002_mpii_test"]
    assert {sequence.split for sequence in sequences} == {"" if layout == "." else "val"}
    assert sequences[0].read() == seed_document()
    first = seed_document().images[0].file_name
    for opened in (tmp_path, tmp_path / layout.split("/")[0], (tmp_path / layout).parent, tmp_path / layout):
        if opened.is_relative_to(tmp_path):
            assert open_posetrack_folder(opened)[0].image_folder(first) == pictures


def test_images_that_are_named_without_a_folder_lie_beside_the_file_or_in_the_usual_place(tmp_path):
    file = tmp_path / "annotations" / "val" / "000001_a.json"
    file.parent.mkdir(parents=True)
    write_posetrack18(seed_document(), file)
    (sequence,) = open_posetrack_folder(tmp_path)
    assert sequence.image_folder("000000.jpg") is None
    usual = tmp_path / "images" / "val" / "000001_a"
    usual.mkdir(parents=True)
    assert sequence.image_folder("000000.jpg") == usual == sequence.image_folder("elsewhere/000000.jpg")
    (file.parent / "000000.jpg").touch()
    assert sequence.image_folder("000000.jpg") == file.parent


def test_a_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(FormatError, match="no annotations"):
        open_posetrack_folder(tmp_path)

"""YOLO-pose folders as Ultralytics, Roboflow and people make them."""

import codecs
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from jmpose_core.annotations import Origin, Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.document import PersonRecord
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.people import annotations_of, document_from
from jmpose_core.formats.table import read_document
from jmpose_core.formats.yolo_pose import read_yolo_pose, write_yolo_pose
from jmpose_core.skeleton import JOINT_INDEX, POSETRACK18_SLOTS
from tests.builders.foreign_files import noses, yolo_line

SETTINGS = "kpt_shape: [17, 3]\nnames:\n  0: person\n"
LIST = "".join(f"    - {name}\n" for name in POSETRACK18_SLOTS)


def data_set(
    root: Path,
    labels: dict[str, str],
    pictures: list[str] | None = None,
    settings: str = SETTINGS,
    *,
    images: str = "images",
    texts: str = "labels",
) -> Path:
    """Pictures of 64 x 36 pixels and label files by name without suffix."""
    for name in labels if pictures is None else pictures:
        file = root / images / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.zeros((36, 64, 3), np.uint8))
    for name, text in labels.items():
        file = root / texts / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "data.yaml").write_text(settings)
    return root


def test_pictures_without_a_label_file_are_images_without_people_in_natural_order(tmp_path: Path) -> None:
    names = [f"shot{number}" for number in range(12)]
    document = read_yolo_pose(data_set(tmp_path, {"shot10": yolo_line(), "shot2": yolo_line(x=0.25)}, names))
    assert [image.file_name for image in document.images] == [f"{name}.jpg" for name in names]
    assert noses(document) == [("shot2.jpg", 16), ("shot10.jpg", 32)]


@pytest.mark.parametrize(
    ("images", "texts"),
    [("images", "labels"), ("images/train", "labels/train"), ("train/images", "train/labels"), (".", ".")],
)
def test_every_layout_is_read(tmp_path: Path, images: str, texts: str) -> None:
    data_set(tmp_path, {"000001": yolo_line()}, ["000001", "000002"], images=images, texts=texts)
    (tmp_path / "README.roboflow.txt").write_text("Exported by somebody\n")
    document = read_yolo_pose(tmp_path)
    assert noses(document) == [("000001.jpg", 32)] and len(document.images) == 2


def test_roboflows_parts_are_one_data_set(tmp_path: Path) -> None:
    for part, name in (("train", "000002_jpg.rf.0a1b2c"), ("valid", "000001_jpg.rf.3d4e5f")):
        data_set(tmp_path, {name: yolo_line()}, images=f"{part}/images", texts=f"{part}/labels")
    (tmp_path / "data.yaml").write_text(SETTINGS + "train: ../train/images\nval: ../valid/images\nnc: 1\n")
    assert [name[:6] for name, _ in noses(read_document(tmp_path / "data.yaml"))] == ["000001", "000002"]
    data_set(tmp_path, {"000002_jpg.rf.0a1b2c": yolo_line()}, images="test/images", texts="test/labels")
    with pytest.raises(FormatError, match="of the same name"):
        read_yolo_pose(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        "kpt_names:\n  0:\n" + LIST,
        "kpt_names:   # of the joints\n" + LIST.replace("    -", "-"),
        f"kpt_names:\n  0: [{', '.join(POSETRACK18_SLOTS)}]\n",
        "kpt_names: {'0': [" + ", ".join(f"'{name}'" for name in POSETRACK18_SLOTS) + "]}\n",
        "kpt_names:\n" + "".join(f'  {index}: "{name}"  # {index}\n' for index, name in enumerate(POSETRACK18_SLOTS)),
        "keypoint_names:\n" + LIST,
    ],
)
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_joint_names_are_read_however_yaml_writes_them(tmp_path: Path, names: str, mark: bytes) -> None:
    data_set(tmp_path, {"000000": yolo_line()})
    (tmp_path / "data.yaml").write_bytes(mark + (SETTINGS + names).replace("\n", "\r\n").encode())
    (person,) = annotations_of(read_yolo_pose(tmp_path))
    head_bottom = person.keypoints[JOINT_INDEX["head_bottom"]]
    assert head_bottom == pytest.approx([64 * 0.505, 36 * 0.12])


def test_17_joints_without_names_are_cocos_unless_they_mirror_otherwise(tmp_path: Path) -> None:
    document = read_yolo_pose(data_set(tmp_path, {"000000": yolo_line()}))
    assert document.joint_names == COCO17 and document.notes == ["the joints have no names: read as COCO's 17"]
    (tmp_path / "data.yaml").write_text(SETTINGS + "flip_idx: [0,1,2,4,3,6,5,8,7,10,9,12,11,14,13,16,15]\n")
    with pytest.raises(FormatError, match="flip_idx is not that of COCO"):
        read_yolo_pose(tmp_path)


@pytest.mark.parametrize(
    ("names", "person"),
    [("names: [dog, person, cat]", 1), ("names:\n  '0': Person\n  '1': dog", 0), ('names: ["pose"]', 0), ("nc: 1", 0)],
)
def test_only_persons_are_people_and_the_others_are_counted(tmp_path: Path, names: str, person: int) -> None:
    lines = yolo_line(cls=person) + yolo_line(cls=2, x=0.7) + "3 0.5 0.5 0.1 0.1\n"
    document = read_yolo_pose(data_set(tmp_path, {"000000": lines}, settings=f"kpt_shape: [17, 3]\n{names}\n"))
    assert noses(document) == [("000000.jpg", 32)]
    assert document.notes[-1].startswith("not persons, left out: ") and document.notes[-1].endswith("class 3 (1)")


def test_classes_of_which_none_is_a_person_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="which of cat, dog is a person"):
        read_yolo_pose(data_set(tmp_path, {}, settings="kpt_shape: [17, 3]\nnames: [cat, dog]\n"))


def test_a_confidence_is_no_visibility(tmp_path: Path) -> None:
    """What Ultralytics predicts has a confidence for each joint, and the person's and the track at the end."""
    unsure = yolo_line(third=0.87).split()
    unsure[5:8] = ["0", "0", "0.31"]
    labels = {
        "000000": yolo_line(third=0.87, extra="0.75 3"),
        "000001": yolo_line(third=0.87, extra="0.75"),
        "000002": yolo_line(third=0.87, extra="3"),
        "000003": " ".join(unsure),
    }
    people = annotations_of(read_yolo_pose(data_set(tmp_path, labels)))
    assert all((person.visibility[:12] == Visibility.VISIBLE).all() for person in people)
    assert all(person.origin.max() == Origin.PREDICTED for person in people)
    assert [round(person.score, 3) for person in people] == [0.75, 0.75, 0.87, 0.87]
    assert people[0].track_id == people[2].track_id == 3
    assert people[3].visibility[JOINT_INDEX["nose"]] == Visibility.ABSENT
    assert people[0].confidence[JOINT_INDEX["nose"]] == pytest.approx(0.87)


def test_joints_without_visibility_are_visible_where_they_are_placed(tmp_path: Path) -> None:
    line = yolo_line(per_joint=2).split()
    line[5:7] = ["0", "0"]
    document = read_yolo_pose(data_set(tmp_path, {"0": " ".join(line)}, settings=SETTINGS.replace("17, 3", "17, 2")))
    (person,) = annotations_of(document)
    assert person.visibility[JOINT_INDEX["nose"]] == Visibility.ABSENT
    assert (person.visibility == Visibility.VISIBLE).sum() == 12
    assert person.origin.max() == Origin.CORRECTED


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("a: [", "not valid YAML"),
        ("- a\n- b\n", "not the settings of a data set"),
        ("names: [person]\n", "kpt_shape: missing"),
        ("kpt_shape: [17, 4]\n", r"expected \[K, 2\] or \[K, 3\]"),
        ("kpt_shape: [14, 3]\n", "missing for 14 joints"),
        ("kpt_shape: [3, 3]\nkpt_names: [a, b]\n", "2 names for 3 joints"),
        ("kpt_shape: [2, 3]\nkpt_names: [a, a]\n", "missing or repeated"),
        (SETTINGS + "image_sizes:\n  a: [0, 3]\n", r"image_sizes\.a"),
    ],
)
def test_faults_of_the_settings_are_named(tmp_path: Path, settings: str, words: str) -> None:
    with pytest.raises(FormatError, match=rf"data\.yaml: .*{words}"):
        read_yolo_pose(data_set(tmp_path, {}, settings=settings))


def ultralytics_takes(folder: Path) -> bool:
    """What Ultralytics' verify_image_label asks of the numbers of a label file, or it leaves out the whole picture."""
    for file in folder.rglob("*.txt"):
        rows = np.array([[float(word) for word in line.split()] for line in file.read_text().splitlines()])
        if len(rows) and (rows.min() < 0 or rows[:, 5:].reshape(-1, 3)[:, :2].max() > 1 or rows[:, 1:5].max() > 1):
            return False
    return True


def test_what_lies_outside_the_picture_is_not_written_and_counted(tmp_path: Path) -> None:
    document = document_from([], ["a.jpg"], image_size=(64, 36))
    inside, below = np.zeros((17, 3)), np.zeros((17, 3))
    inside[0], inside[5], inside[6] = (10, 5, 1), (30, 40, 1), (-2, 5, 0)
    below[0] = (10, 50, 1)
    first = document.images[0].id
    document.people = [
        PersonRecord(image_id=first, keypoints=inside, bbox_xywh=(-5.0, 1.0, 60.0, 50.0)),
        PersonRecord(image_id=first, keypoints=below, bbox_xywh=(5.0, 45.0, 20.0, 20.0)),
    ]
    summary = write_yolo_pose(document, tmp_path / "yolo")
    assert summary.people == 1
    assert {what: count for what, count in summary.dropped.items() if "outside" in what} == {
        "joints outside the picture": 2,
        "parts of boxes outside the picture": 1,
        "people outside the picture": 1,
    }
    assert ultralytics_takes(tmp_path / "yolo")
    (person,) = read_yolo_pose(tmp_path / "yolo").people
    assert person.bbox_xywh == pytest.approx((0, 1, 55, 35))


def test_the_settings_that_are_written_are_yaml_with_awkward_names_quoted(tmp_path: Path) -> None:
    names = ["000001.jpg", "yes.jpg", "a: b.jpg", "two words.jpg"]
    write_yolo_pose(document_from([], names, image_size=(64, 36)), tmp_path / "yolo")
    settings = yaml.safe_load((tmp_path / "yolo" / "data.yaml").read_text())
    assert list(settings["image_sizes"]) == [re.sub(r"\.jpg$", "", name) for name in names]
    assert settings["kpt_names"][0] == list(POSETRACK18_SLOTS)
    assert [image.file_name for image in read_yolo_pose(tmp_path / "yolo").images] == sorted(names)

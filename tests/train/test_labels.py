"""Labels of files to fine-tune on: the pictures that they name, and the joints that somebody labelled."""

from pathlib import Path

import pytest

from jmpose_core.errors import JMPoseError
from jmpose_core.project import Project
from jmpose_core.video import open_video
from tests.builders.exchange import FRAMES, NAMES, image_folder, label_file, project_of, put
from tests.builders.foreign_files import coco_person, coco_values, numbers, write_json
from tests.builders.projects import person
from train.labels import LabelledVideo, read_labels, trusted_joints


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return image_folder(tmp_path / "images")


def pictures(label: LabelledVideo) -> list[str]:
    """The name of each person's picture."""
    with open_video(label.video_path) as video:
        return [video.image_name(person.frame_index) for person in label.people]


def coco_file(folder: Path, names: list[str], *people: dict[str, object]) -> Path:
    return write_json(folder / "labels.json", coco_values(names, people))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["images/000002.jpg", "images/000004.jpg"], ["000002.jpg", "000004.jpg"]),  # labelled frames alone
        (["images/000005.jpg", "images/000001.jpg"], ["000001.jpg", "000005.jpg"]),  # in any order
        (["images\\000003.jpg", "images/000004.png"], ["000003.jpg", "000004.jpg"]),  # written elsewhere
        (["000003.jpg", "000004.jpg"], ["000003.jpg", "000004.jpg"]),  # in the folder "images" beside the file
    ],
)
def test_people_are_learnt_on_the_pictures_that_the_file_names(
    tmp_path: Path, images: Path, names: list[str], expected: list[str]
) -> None:
    (label,) = read_labels([coco_file(tmp_path, names, coco_person(0), coco_person(1))])
    assert pictures(label) == expected and label.video_path.resolve() == images.resolve()


def test_a_file_of_two_folders_is_two_videos(tmp_path: Path) -> None:
    for name in ("walk", "run"):
        image_folder(tmp_path / "images" / name)
    file = coco_file(tmp_path, ["images/run/000003.jpg", "images/walk/000001.jpg"], coco_person(0), coco_person(1))
    assert [(label.video_path.name, pictures(label)) for label in read_labels([file])] == [
        ("run", ["000003.jpg"]),
        ("walk", ["000001.jpg"]),
    ]


def test_a_picture_that_is_not_there_is_named(tmp_path: Path, images: Path) -> None:
    file = coco_file(tmp_path, ["images/000002.jpg", "images/elsewhere.jpg"], coco_person(0), coco_person(1))
    with pytest.raises(JMPoseError, match=r"labels\.json: images/elsewhere\.jpg not found in any folder above it"):
        read_labels([file])


def test_numbers_in_names_are_no_pictures_and_position_counts_only_where_it_is_asked_for(
    tmp_path: Path, images: Path
) -> None:
    file = label_file(tmp_path / "x.json", [person(3, 0)], [f"images/f{number}.jpg" for number in range(FRAMES)])
    with pytest.raises(JMPoseError, match=r"images/f3\.jpg not found"):
        read_labels([file])
    (label,) = read_labels([file], by_position=True)
    assert pictures(label) == ["000003.jpg"]


@pytest.mark.parametrize("others", [1, 2])
def test_joints_with_visibility_0_are_not_trusted_in_coco(tmp_path: Path, images: Path, others: float) -> None:
    keypoints = numbers(15, visibility=others)
    keypoints[2] = keypoints[5] = 0
    labelled = coco_person(0, keypoints=keypoints, num_keypoints=13)
    (label,) = read_labels([coco_file(tmp_path, ["images/000000.jpg"], labelled)])
    assert trusted_joints(label.people[0]).sum() == 13


def test_groups_of_people_are_not_learnt(tmp_path: Path, images: Path) -> None:
    file = coco_file(tmp_path, ["images/000000.jpg"], coco_person(0), coco_person(0, id=7, iscrowd=1))
    (label,) = read_labels([file])
    assert len(label.people) == 1


def test_a_box_without_area_is_made_from_the_joints(tmp_path: Path, images: Path) -> None:
    (label,) = read_labels([coco_file(tmp_path, ["images/000000.jpg"], coco_person(0, bbox=[0, 0, 0, 0]))])
    ((left, top, right, bottom),) = [person.bbox_xyxy for person in label.people]
    assert (right - left, bottom - top) == pytest.approx((1.3 * 70, 1.3 * 168))


def test_a_box_without_area_of_a_project_too(tmp_path: Path, images: Path) -> None:
    path = project_of(tmp_path / "p.jmpose", images)
    flat = person(2, 0).with_joint(3, xy=(30.0, 40.0))
    with Project.open(path) as project, project.step("x") as step:
        step.put(project.videos()[0].id, type(flat)(**{**_fields(flat), "bbox_xyxy": (5.0, 5.0, 5.0, 9.0)}))
    put(path, [person(4, 0)])  # nobody corrected that one
    (label,) = read_labels([path])
    assert pictures(label) == [NAMES[2]]
    left, top, right, bottom = label.people[0].bbox_xyxy
    assert right > left and bottom > top


def _fields(annotation: object) -> dict[str, object]:
    return {name: getattr(annotation, name) for name in annotation.__dataclass_fields__}

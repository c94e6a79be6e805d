"""JHMDB's labels, in files as its authors lay them out."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from jmpose_core.cli.boxes import output_with_boxes
from jmpose_core.errors import FormatError
from jmpose_core.formats.jhmdb import read_jhmdb
from jmpose_core.formats.people import annotations_of
from jmpose_core.project import Project
from jmpose_core.project.importing import plan_import
from jmpose_core.skeleton import JOINT_INDEX
from tests.builders.exchange import project_of
from tests.builders.jhmdb_folder import positions, write_jhmdb
from train.labels import read_labels


def test_joints_go_by_name_and_pixels_are_counted_from_zero(tmp_path: Path) -> None:
    people = annotations_of(read_jhmdb(write_jhmdb(tmp_path)))
    assert [person.frame_index for person in people] == [0, 1, 2]
    assert people[2].keypoints[JOINT_INDEX["head_bottom"]].tolist() == [102, 20]
    assert people[2].keypoints[JOINT_INDEX["left_ankle"]].tolist() == [242, 90]
    absent = {name for name, index in JOINT_INDEX.items() if not people[0].visibility[index]}
    assert absent == {"nose", "head_top"}


def test_a_video_of_one_frame_is_read(tmp_path: Path) -> None:
    assert len(read_jhmdb(write_jhmdb(tmp_path, frames=1)).people) == 1


def test_the_box_is_the_silhouettes_and_missing_where_the_masks_end(tmp_path: Path) -> None:
    people = read_jhmdb(write_jhmdb(tmp_path, masks=2)).people
    assert [person.bbox_xywh for person in people] == [(90, 10, 200, 100), (91, 10, 200, 100), None]


def test_a_mask_beside_the_joints_counts_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    path = write_jhmdb(tmp_path, frames=1)
    place = path.with_name("puppet_mask.mat")
    mask = np.zeros((240, 320), np.uint8)  # MATLAB drops the axis of a single frame
    mask[20:30, 40:45] = 1
    savemat(place, {"part_mask": mask})
    assert read_jhmdb(path).people[0].bbox_xywh == (40, 20, 5, 10)
    place.write_bytes(b"hello")
    with pytest.raises(FormatError, match=r"puppet_mask\.mat: not a MATLAB file .* or move it away"):
        read_jhmdb(path)


def test_predictions_in_its_boxes_are_of_its_frames_and_bear_the_videos_name(tmp_path: Path) -> None:
    output = output_with_boxes(tmp_path, write_jhmdb(tmp_path, masks=3))
    (clip,) = output.clips
    assert (output.name, clip.image_of_frame) == ("a_catch_1", {0: 0, 1: 1, 2: 2})
    assert clip.boxes is not None and clip.boxes[0][1] == (91, 10, 291, 110)


def test_it_is_imported_into_its_video(tmp_path: Path) -> None:
    labels = write_jhmdb(tmp_path)
    path = project_of(tmp_path / "p.jmpose", tmp_path / "Rename_Images" / "catch" / "a_catch_1")
    with Project.open(path) as project:
        plan = plan_import(project, project.videos()[0], labels)
    assert [person.frame_index for person in plan.labels] == [0, 1, 2]
    assert plan.missing_joints == ("nose", "head_top")


def test_training_finds_the_pictures_of_the_labels(tmp_path: Path) -> None:
    (label,) = read_labels([write_jhmdb(tmp_path)])
    assert label.video_path.parts[-3:] == ("Rename_Images", "catch", "a_catch_1")
    assert [person.frame_index for person in label.people] == [0, 1, 2]


@pytest.mark.parametrize(
    "values", [{"other": 1}, {"pos_img": np.zeros((2, 13, 3))}, {"pos_img": np.nan * positions(2)}]
)
def test_another_file_is_refused_with_its_place(tmp_path: Path, values: dict[str, object]) -> None:
    savemat(tmp_path / "joint_positions.mat", values)
    with pytest.raises(FormatError, match="pos_img"):
        read_jhmdb(tmp_path / "joint_positions.mat")


def test_what_is_no_matlab_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "joint_positions.mat").write_text("hello")
    with pytest.raises(FormatError, match="MATLAB"):
        read_jhmdb(tmp_path / "joint_positions.mat")

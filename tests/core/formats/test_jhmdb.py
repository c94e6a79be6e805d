"""JHMDB's labels, in files as its authors lay them out."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from jmpose_core.errors import FormatError
from jmpose_core.formats.jhmdb import read_jhmdb
from jmpose_core.formats.people import annotations_of
from jmpose_core.skeleton import JOINT_INDEX
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

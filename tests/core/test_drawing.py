from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from jmpose_core import colouring, drawing
from jmpose_core.annotations import Visibility
from jmpose_core.errors import JMPoseError
from jmpose_core.skeleton import JOINT_INDEX
from tests.builders.people import annotated

GREY = np.full((240, 320, 3), 128, np.uint8)
PERSON = annotated(0, 1, (40.0, 20.0, 280.0, 220.0))


def at_joint(picture: drawing.Picture, name: str) -> tuple[int, ...]:
    x, y = PERSON.keypoints[JOINT_INDEX[name]].round().astype(int)
    return tuple(int(value) for value in picture[y, x])


def test_sides_differ_in_colour_and_the_frame_is_left_as_it_was() -> None:
    before = GREY.copy()
    picture = drawing.draw_people(GREY, [PERSON])
    assert at_joint(picture, "left_wrist") == colouring.LEFT
    assert at_joint(picture, "right_ankle") == colouring.RIGHT
    assert at_joint(picture, "nose") == colouring.MIDDLE
    assert np.array_equal(GREY, before)


def test_occluded_joints_are_hollow_and_absent_ones_are_not_drawn() -> None:
    codes = np.full(15, Visibility.ABSENT, np.uint8)
    codes[JOINT_INDEX["left_wrist"]] = Visibility.OCCLUDED
    picture = drawing.draw_people(GREY, [replace(PERSON, visibility=codes)])
    assert at_joint(picture, "left_wrist") == colouring.INK
    assert at_joint(picture, "nose") == (128, 128, 128)


def test_people_partly_outside_the_frame_are_drawn() -> None:
    outside = replace(PERSON, keypoints=PERSON.keypoints - 150.0, bbox_xyxy=(-110.0, -130.0, 130.0, 70.0))
    assert not np.array_equal(drawing.draw_people(GREY, [outside]), GREY)


def test_heatmaps_are_brightest_at_their_peak() -> None:
    maps = np.zeros((15, 60, 80), np.float32)
    maps[3, 10, 20] = 1.0
    lit = drawing.heatmaps_over(GREY, maps).sum(axis=2)
    y, x = np.unravel_index(lit.argmax(), lit.shape)
    assert max(abs(y / 4 - 10), abs(x / 4 - 20)) < 1


def test_panels_hold_four_pictures_in_a_row() -> None:
    crop = np.zeros((64, 48, 3), np.uint8)
    maps = np.zeros((15, 16, 12), np.float32)
    picture = drawing.panels(crop, maps, np.ones((2, 64, 48)), maps, height=200)
    assert picture.shape[1] > 4 * 150
    assert picture.shape[0] > 200


def test_a_contact_sheet_has_room_for_all() -> None:
    sheet = drawing.contact_sheet([(str(index), GREY) for index in range(5)], columns=2, width=80)
    assert sheet.shape == (3 * 64 + 4, 2 * 84 + 4, 3)


def test_pictures_are_written_in_rgb_order(tmp_path: Path) -> None:
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    drawing.write_picture(tmp_path / "red.png", red)
    assert cv2.imread(str(tmp_path / "red.png"))[0, 0].tolist() == [0, 0, 255]
    with pytest.raises(JMPoseError, match="not written"):
        drawing.write_picture(tmp_path / "missing" / "red.png", red)

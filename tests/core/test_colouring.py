"""Colours of joints and tracks, heatmaps and flow: the same in the window and in the overlay video."""

from dataclasses import replace

import numpy as np

from jmpose_core import colouring, drawing
from jmpose_core.skeleton import JOINT_INDEX, JOINTS, LIMBS
from tests.builders.people import annotated


def test_sides_have_their_own_colours_and_the_middle_has_neither() -> None:
    colours = dict(zip(JOINTS, colouring.JOINT_COLOURS, strict=True))
    assert colours["left_wrist"] == colouring.LEFT and colours["right_hip"] == colouring.RIGHT
    assert colours["nose"] == colouring.MIDDLE
    limbs = dict(zip(LIMBS, colouring.LIMB_COLOURS, strict=True))
    assert limbs[JOINT_INDEX["right_hip"], JOINT_INDEX["left_hip"]] == colouring.MIDDLE
    assert limbs[JOINT_INDEX["head_bottom"], JOINT_INDEX["left_shoulder"]] == colouring.LEFT


def test_the_overlay_draws_a_track_in_the_palettes_colour() -> None:
    grey = np.full((240, 320, 3), 128, np.uint8)
    person = annotated(0, 1, (40.0, 20.0, 280.0, 220.0))
    for track_id in (0, 3, 13):
        picture = drawing.draw_people(grey, [replace(person, track_id=track_id)])
        beside_its_number = picture[18, 42]
        assert tuple(beside_its_number.tolist()) == colouring.track_colour(track_id)


def test_heat_is_brightest_at_the_peak_and_transparent_at_zero() -> None:
    heatmap = np.zeros((64, 48), np.float32)
    heatmap[20, 10] = 1.0
    rgba = colouring.heat_rgba(heatmap, (256, 192))
    assert rgba.shape == (256, 192, 4)
    assert rgba[200, 150, 3] == 0
    row, column = np.unravel_index(rgba[..., 3].argmax(), (256, 192))
    assert abs(row - 81.5) <= 2 and abs(column - 41.5) <= 2  # geometry.scaled: cell c is at 4c + 1.5


def test_the_picture_shows_through_where_there_is_no_heat() -> None:
    picture = np.full((32, 32, 3), 200, np.uint8)
    shown = colouring.heat_over(picture, np.zeros((8, 8), np.float32))
    assert (shown == shown[0, 0]).all() and 0 < shown[0, 0, 0] < 200


def test_flow_is_white_at_rest_and_opposite_directions_have_opposite_colours() -> None:
    flow = np.zeros((2, 2, 3), np.float32)
    flow[0, :, 0], flow[0, :, 2] = -5, 5
    rgb = colouring.flow_rgb(flow)
    assert rgb[0, 1].tolist() == [255, 255, 255]
    assert rgb[0, 2].tolist() == [255, 0, 0]
    assert rgb[0, 0].tolist() == [0, 255, 255]


def test_flow_is_enlarged_before_it_is_coloured() -> None:
    flow = np.full((2, 4, 4), 2.0, np.float32)
    assert (colouring.flow_rgb(flow, (16, 12)) == colouring.flow_rgb(flow)[0, 0]).all()


def test_noise_stays_pale() -> None:
    assert colouring.longest_flow(np.full((2, 8, 8), 0.01)) == 1.0

"""Heatmaps and flow as colours."""

import numpy as np

from app.inspector.dock import values_at
from app.look.probe_render import flow_rgb, heat_on_crop, heat_rgba, longest_flow, one_map
from app.picture.overlay import overlay_of
from app.session.view_state import Layer
from jmpose_core.engine.protocol import Probe, ProbeResult
from tests.app.stand_in_engine import BOX, Work


def probe() -> ProbeResult:
    return Work().probe(Probe(video_path="", frame_index=0, bbox_xyxy=BOX))


def test_heat_is_brightest_at_the_peak_and_transparent_at_zero() -> None:
    heatmap = np.zeros((64, 48), np.float32)
    heatmap[20, 10] = 1.0
    rgba = heat_rgba(heatmap, (256, 192), peak=1.0)
    assert rgba.shape == (256, 192, 4)
    assert rgba[200, 150, 3] == 0
    row, column = np.unravel_index(rgba[..., 3].argmax(), (256, 192))
    assert abs(row - 81.5) <= 2 and abs(column - 41.5) <= 2  # geometry.scaled: cell c is at 4c + 1.5


def test_crop_shows_through_where_there_is_no_heat() -> None:
    crop = np.full((32, 32, 3), 200, np.uint8)
    shown = heat_on_crop(crop, np.zeros((8, 8), np.float32), peak=1.0)
    assert (shown == shown[0, 0]).all() and 0 < shown[0, 0, 0] < 200


def test_flow_is_white_where_still_and_opposite_colours_for_opposite_ways() -> None:
    flow = np.zeros((2, 2, 3), np.float32)
    flow[0, :, 0], flow[0, :, 2] = -5, 5
    rgb = flow_rgb(flow, (2, 3), longest=longest_flow(flow))
    assert rgb[0, 1].tolist() == [255, 255, 255]
    assert rgb[0, 2, 0] > 200 and rgb[0, 2, 1] < 30  # to the right: red
    assert rgb[0, 0, 0] < 30 and rgb[0, 0, 1] > 200  # to the left: cyan


def test_values_are_those_of_the_cell_under_the_cursor() -> None:
    text = values_at(probe(), 3, (41.5, 81.5))
    assert "initial 0.50" in text and "refined 1.00" in text and "difference +0.50" in text
    assert "flow +1.0, +1.0" in text
    assert "initial 0.00" in values_at(probe(), None, (0.0, 0.0))


def test_maximum_over_joints() -> None:
    maps = np.zeros((15, 2, 2), np.float32)
    maps[3, 0, 1], maps[7, 1, 0] = 0.5, 0.25
    assert one_map(maps, None).tolist() == [[0, 0.5], [0.25, 0]]
    assert one_map(maps, 7).tolist() == [[0, 0], [0.25, 0]]


def test_each_layer_but_the_image_has_an_overlay_of_the_crops_size() -> None:
    assert overlay_of(probe(), Layer.IMAGE, None) is None
    for layer in (Layer.INITIAL, Layer.FLOW, Layer.REFINED):
        image = overlay_of(probe(), layer, 2)
        assert image is not None and (image.width(), image.height()) == (192, 256)

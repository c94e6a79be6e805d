"""What the model sees, as pictures and numbers."""

import msgspec
import numpy as np

from app.inspector.dock import values_at
from app.inspector.pictures import Panel, pictures_of
from app.look.maps import one_map
from app.picture.overlay import overlay_of
from app.session.view_state import Layer
from jmpose_core.colouring import difference_over, flow_rgb
from jmpose_core.engine.protocol import Probe, ProbeResult
from tests.builders.stand_in_engine import BOX, Work


def probe() -> ProbeResult:
    return Work().probe(Probe(video_path="", frame_index=0, bbox_xyxy=BOX))


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


def test_the_difference_is_orange_where_refining_added_and_blue_where_it_took_away() -> None:
    crop = np.zeros((4, 6, 3), np.uint8)
    more_and_less = np.array([[1.0, 0.0, -1.0]], np.float32).repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=0)
    red, _, blue = difference_over(crop, more_and_less, peak=1.0).astype(int).transpose(2, 0, 1)
    assert (red[:, 0] > blue[:, 0]).all() and (blue[:, -1] > red[:, -1]).all()
    assert red[:, 2:4].max() == 0


def test_what_does_not_move_is_dark_in_the_dark_theme_and_white_in_the_light_one() -> None:
    still = np.zeros((2, 4, 4), np.float32)
    assert flow_rgb(still).min() == 255
    assert flow_rgb(still, dark=True).max() == 0


def test_each_panel_has_the_arrays_that_it_shows() -> None:
    seen = probe()
    pictures = pictures_of(seen, 3, dark=True)
    assert set(pictures) == set(Panel)
    np.testing.assert_array_equal(pictures[Panel.DIFFERENCE].arrays["difference"], seen.refined - seen.initial)
    assert pictures[Panel.DIFFERENCE].note == "−0.50 to +0.50"
    assert pictures[Panel.ARROWS].note == "error to 2.0 px"
    assert pictures[Panel.ARROWS].arrays["flow_error"].shape == (64, 48)
    flowless = msgspec.structs.replace(seen, flow=None)
    assert set(Panel) - set(pictures_of(flowless, None, dark=False)) == {Panel.FLOW, Panel.ARROWS}

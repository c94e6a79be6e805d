"""What the model sees, as pictures and numbers."""

import numpy as np

from app.inspector.dock import values_at
from app.look.maps import one_map
from app.picture.overlay import overlay_of
from app.session.view_state import Layer
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

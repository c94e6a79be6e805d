"""The heatmap or flow that is laid over the frame in the view modes 2 to 4."""

import numpy as np
from PySide6.QtGui import QImage

from app.look.maps import one_map
from app.session.view_state import Layer
from jmpose_core.colouring import flow_rgb, heat_rgba
from jmpose_core.engine.protocol import ProbeResult

FLOW_ALPHA = 200  # of 255


def overlay_of(probe: ProbeResult, layer: Layer, joint: int | None) -> QImage | None:
    """What `layer` shows of a probe, at the crop's size; None for the plain image, and for flow that is not there."""
    size = probe.crop_rgb.shape[:2]
    if layer is Layer.IMAGE:
        return None
    if layer is Layer.FLOW:
        if probe.flow is None:
            return None
        rgba = np.dstack([flow_rgb(probe.flow, size), np.full(size, FLOW_ALPHA, np.uint8)])
    else:
        heatmap = one_map(probe.initial if layer is Layer.INITIAL else probe.refined, joint)
        rgba = heat_rgba(heatmap, size, peak=float(heatmap.max()))
    rgba = np.ascontiguousarray(rgba)
    return QImage(rgba.data, size[1], size[0], 4 * size[1], QImage.Format.Format_RGBA8888).copy()

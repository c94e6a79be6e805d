"""What the panels show of a probe: one picture a panel, with the arrays that it was made from."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from app.look.maps import one_map
from jmpose_core.colouring import Rgb, difference_over, flow_arrows_over, flow_rgb, heat_over, longest_flow, with_wheel
from jmpose_core.engine.protocol import ProbeResult

NO_FLOW = "No flow in this system"
_ENLARGED = 2  # of arrows, whose heads are smaller than a pixel of the crop


class Panel(StrEnum):
    """The panels in the order of reading, by their titles."""

    CROP = "Crop"
    INITIAL = "Initial heatmap"
    REFINED = "Refined heatmap"
    FLOW = "Flow to next"
    ARROWS = "Arrows on error"
    DIFFERENCE = "Refined − initial"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One panel's content.

    rgb: (H, W, 3), the crop's aspect. note: the scale of its colours, for the user; empty where they need none.
    arrays: what it shows in numbers, by name.
    """

    rgb: Rgb
    note: str
    arrays: dict[str, npt.NDArray[np.generic]]


def pictures_of(probe: ProbeResult, joint: int | None, *, dark: bool) -> dict[Panel, Picture]:
    """The pictures of a probe for one joint, or the maximum over all; without flow, those of it are left out.

    Args:
        probe: what the model sees.
        joint: whose heatmap is shown; both heatmaps share one scale.
        dark: what does not move is dark, as the window around it is; else white.
    """
    crop, place = probe.crop_rgb, {"crop_from_image": probe.crop_from_image}
    initial, refined = (one_map(maps, joint) for maps in (probe.initial, probe.refined))
    difference = refined - initial
    peak = max(float(initial.max()), float(refined.max()))
    most = float(np.abs(difference).max())
    upto = f"0 to {peak:.2f}"
    pictures = {
        Panel.CROP: Picture(crop, "", {"crop_rgb": crop, **place}),
        Panel.INITIAL: Picture(heat_over(crop, initial, peak=peak), upto, {"initial": probe.initial, **place}),
        Panel.REFINED: Picture(heat_over(crop, refined, peak=peak), upto, {"refined": probe.refined, **place}),
        Panel.DIFFERENCE: Picture(
            difference_over(crop, difference, peak=most),
            f"−{most:.2f} to +{most:.2f}",
            {"difference": probe.refined - probe.initial, **place},
        ),
    }
    if probe.flow is not None:
        longest = longest_flow(probe.flow)
        arrays = {"flow": probe.flow, **place}
        wheel = with_wheel(flow_rgb(probe.flow, crop.shape[:2], longest=longest, dark=dark), dark=dark)
        pictures[Panel.FLOW] = Picture(wheel, f"full {longest:.1f} px", arrays)
        pictures[Panel.ARROWS] = _arrows(probe, probe.flow)
    return pictures


def _arrows(probe: ProbeResult, flow: npt.NDArray[np.float32]) -> Picture:
    """Flow in its true length, over where it and the flow back do not agree."""
    crop, error = probe.crop_rgb, probe.flow_error
    place = {"flow": flow, "crop_from_image": probe.crop_from_image}
    ground, note, arrays = crop, "", place
    if error is not None:
        worst = max(float(error.max()), 1.0)  # below a pixel there is no quarrel
        ground, note = heat_over(crop, error, peak=worst), f"error to {worst:.1f} px"
        arrays = {**place, "flow_error": error}
    large = ground.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)
    return Picture(flow_arrows_over(large, flow * _ENLARGED), note, arrays)

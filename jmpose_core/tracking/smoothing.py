"""From a track's sightings to the boxes that poses are estimated in."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.signal import savgol_filter

from jmpose_core.annotations import FloatArray
from jmpose_core.geometry import Xyxy
from jmpose_core.tracking.tracklet import Sighting, extrapolated

_WINDOW: Final = 7  # frames; a parabola over them follows a jump
_ALWAYS_BRIDGED_SECS: Final = 0.5
_AGREEMENT: Final = 0.4  # box heights that the motion at an end may lead past the middle of a longer gap
_END_SIGHTINGS: Final = 8


def smoothed(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Sightings with less jitter: each unbroken run by itself, so nothing is smoothed over a gap.

    Savitzky-Golay of second order over seven frames. Drawn boxes stay as they are.
    """
    result: list[Sighting] = []
    for run in _runs(sightings):
        if len(run) < _WINDOW:
            result.extend(run)
            continue
        boxes = np.asarray(savgol_filter(np.stack([s.bbox_xyxy for s in run]), _WINDOW, polyorder=2, axis=0))
        result.extend(
            s if s.drawn else Sighting(s.frame_index, box, s.score) for s, box in zip(run, boxes, strict=True)
        )
    return result


def bridged(sightings: Sequence[Sighting], *, fps: float, bridge_secs: float) -> dict[int, Xyxy]:
    """Boxes by frame, with gaps filled on a straight line where that is likely right.

    Gaps of half a second are filled; longer ones, up to `bridge_secs`, only where
    the motion before it and the motion after it lead along that line.
    """
    boxes: dict[int, Xyxy] = {}
    for index, (before, after) in enumerate(pairwise(sightings)):
        boxes[before.frame_index] = _xyxy(before.bbox_xyxy)
        gap_secs = (after.frame_index - before.frame_index) / fps
        if gap_secs <= _ALWAYS_BRIDGED_SECS or (gap_secs <= bridge_secs and _ends_agree(sightings, index)):
            for frame_index in range(before.frame_index + 1, after.frame_index):
                share = (frame_index - before.frame_index) / (after.frame_index - before.frame_index)
                boxes[frame_index] = _xyxy((1 - share) * before.bbox_xyxy + share * after.bbox_xyxy)
    boxes[sightings[-1].frame_index] = _xyxy(sightings[-1].bbox_xyxy)
    return boxes


def _runs(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    runs: list[list[Sighting]] = []
    for sighting in sightings:
        if runs and sighting.frame_index == runs[-1][-1].frame_index + 1:
            runs[-1].append(sighting)
        else:
            runs.append([sighting])
    return runs


def _ends_agree(sightings: Sequence[Sighting], index: int) -> bool:
    """Whether both ends of the gap after sighting `index` lead to the middle of the straight line between them."""
    before, after = sightings[: index + 1][-_END_SIGHTINGS:], sightings[index + 1 :][:_END_SIGHTINGS]
    last, first = before[-1], after[0]
    middle_frame = (last.frame_index + first.frame_index) // 2
    share = (middle_frame - last.frame_index) / (first.frame_index - last.frame_index)
    middle = (1 - share) * last.bbox_xyxy + share * first.bbox_xyxy
    reach = _AGREEMENT * float(middle[3] - middle[1])
    return all(_apart(extrapolated(end, middle_frame), middle) <= reach for end in (before, after))


def _apart(first: FloatArray, second: FloatArray) -> float:
    """Distance between the centres of two boxes (4,)."""
    return float(np.linalg.norm((first[:2] + first[2:] - second[:2] - second[2:]) / 2))


def _xyxy(box: FloatArray) -> Xyxy:
    left, top, right, bottom = (float(value) for value in box)
    return left, top, right, bottom

"""Invented people walking, for the tests of tracking."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from jmpose_core.tracking import Detections

FloatArray = npt.NDArray[np.float64]


def walker(x: float, speed: float, frames: range, *, y: float = 200.0, height: float = 120.0) -> dict[int, FloatArray]:
    """Boxes of someone who is at `x` on frame 0 and walks `speed` pixels a frame."""
    half_width = height / 5
    return {
        f: np.array([x + speed * f - half_width, y - height / 2, x + speed * f + half_width, y + height / 2])
        for f in frames
    }


def seen(people: list[dict[int, FloatArray]], frames: range, *, score: float = 0.9) -> dict[int, Detections]:
    """The boxes as a detector would give them, frame by frame."""
    detections = {}
    for f in frames:
        boxes = [person[f] for person in people if f in person]
        detections[f] = Detections(np.array(boxes).reshape(-1, 4), np.full(len(boxes), score))
    return detections


def owners(people: list[dict[int, FloatArray]], tracks: Mapping[int, Mapping[int, tuple]]) -> list[set[int]]:
    """For each person, the ids of the tracks whose boxes lie nearest."""
    ids: list[set[int]] = []
    for person in people:
        mine = set()
        for f, box in person.items():
            at_frame = {k: np.abs(np.array(boxes[f]) - box).sum() for k, boxes in tracks.items() if f in boxes}
            if at_frame:
                mine.add(min(at_frame, key=lambda k: at_frame[k]))
        ids.append(mine)
    return ids

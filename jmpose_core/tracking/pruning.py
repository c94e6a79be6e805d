"""Tracklets that are nobody: flickers, things that look a little like people, and second boxes about one person."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from jmpose_core.annotations import FloatArray
from jmpose_core.tracking.tracklet import Tracklet

_GHOST_FRAMES: Final = 5  # fewer sightings than this need a good score
_GHOST_SCORE: Final = 0.6
_LEAST_SURE: Final = 0.25  # part of a person's sightings that are sure ones
_UNSURE_END_SECS: Final = 0.33
_INSIDE: Final = 0.65  # part of the smaller box that lies in the larger, for two boxes to show one person
_MOSTLY: Final = 0.7  # part of a tracklet's sightings that must be such


def without_ghosts(tracklets: Sequence[Tracklet], *, sure: float, frame_count: int) -> list[Tracklet]:
    """Tracklets long enough or good enough to be people; `frame_count` is how many frames were looked at."""
    enough = min(_GHOST_FRAMES, frame_count)
    return [tracklet for tracklet in tracklets if tracklet.drawn or not _is_ghost(tracklet, sure, enough)]


def without_doubles(tracklets: Sequence[Tracklet]) -> list[Tracklet]:
    """Of tracklets that go about together, one within the other, the best: people who meet part again."""
    kept: list[Tracklet] = []
    for tracklet in sorted(tracklets, key=_standing, reverse=True):
        if tracklet.drawn or not any(_is_double(tracklet, better) for better in kept):
            kept.append(tracklet)
    return [tracklet for tracklet in tracklets if tracklet in kept]


def trimmed(tracklet: Tracklet, *, sure: float, fps: float) -> Tracklet:
    """The tracklet without what lies long before its first sure sighting or long after its last.

    Unsure detections may lead up to a person and away from one, but not stay
    where that person was seen last: there they are a tree or a shadow.
    """
    times = [sighting.frame_index for sighting in tracklet.sightings if sighting.score >= sure]
    if tracklet.drawn or not times:
        return tracklet
    reach = _UNSURE_END_SECS * fps
    kept = [s for s in tracklet.sightings if times[0] - reach <= s.frame_index <= times[-1] + reach]
    return Tracklet(kept, tracklet.seed_id)


def _is_ghost(tracklet: Tracklet, sure: float, enough: int) -> bool:
    scores = [sighting.score for sighting in tracklet.sightings]
    if len(scores) < enough and tracklet.score < _GHOST_SCORE:
        return True
    return sum(score >= sure for score in scores) < _LEAST_SURE * len(scores)


def _standing(tracklet: Tracklet) -> tuple[bool, float]:
    return tracklet.drawn, sum(sighting.score for sighting in tracklet.sightings)


def _is_double(tracklet: Tracklet, better: Tracklet) -> bool:
    others = {sighting.frame_index: sighting.bbox_xyxy for sighting in better.sightings}
    together = sum(
        sighting.frame_index in others and _shared(sighting.bbox_xyxy, others[sighting.frame_index]) >= _INSIDE
        for sighting in tracklet.sightings
    )
    return together >= _MOSTLY * len(tracklet.sightings)


def _shared(first: FloatArray, second: FloatArray) -> float:
    """Part of the smaller of two boxes (4,) that lies in the larger."""
    overlap = np.clip(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0, None).prod()
    smaller = min((first[2:] - first[:2]).prod(), (second[2:] - second[:2]).prod())
    return float(overlap / max(smaller, 1e-6))

"""How well people found fit people expected, and who goes with whom."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from jmpose_core.annotations import FloatArray
from jmpose_core.geometry import iou
from jmpose_core.skeleton import OKS_SIGMAS
from jmpose_core.tracking.tracklet import Sighting, Tracklet

_REACH: Final = 0.6  # distance between centres, in box sizes, that one frame may bring
_REACH_PER_SEC: Final = 1.5  # more for each second unseen
_REACH_SECS: Final = 2.0  # after which a person cannot have got farther, as far as we may guess
_LARGEST_GROWTH: Final = 2.0  # of the box's side
LEAST_RATE: Final = 5.0  # frames per second below which time is counted by frames: a time lapse shows people who stay
_LAPSE_PER_SEC: Final = 0.1  # affinity lost for each second unseen: of two candidates the one seen last wins
_LEAST_APPEARANCE: Final = 0.4  # Bhattacharyya coefficient below which two people are not the same


def affinities(tracklets: Sequence[Tracklet], sightings: Sequence[Sighting], *, fps: float) -> FloatArray:
    """(T, S) in 0..1 of tracklets and sightings of one frame before or after them; 0 where they cannot belong together.

    The mean of what is known: overlap with the expected box, distance from it,
    likeness of pose (OKS) and of colours.
    """
    if not tracklets or not sightings:
        return np.zeros((len(tracklets), len(sightings)))
    frame_index = sightings[0].frame_index
    expected = np.stack([tracklet.predicted(frame_index) for tracklet in tracklets])
    found = np.stack([sighting.bbox_xyxy for sighting in sightings])
    unseen_secs = np.array([[abs(frame_index - t.end_near(frame_index).frame_index) / fps] for t in tracklets])
    near = closeness(expected, found, unseen_secs)
    lapse_secs = np.minimum(unseen_secs, unseen_secs * fps / LEAST_RATE)
    terms = [iou(expected, found), near]
    terms.append(_pairs([t.predicted_keypoints(frame_index) for t in tracklets], [s.keypoints for s in sightings], oks))
    colours = _pairs([t.appearance(frame_index) for t in tracklets], [s.appearance for s in sightings], likeness)
    terms.append(colours)
    mean = np.nanmean(terms, axis=0) - _LAPSE_PER_SEC * lapse_secs
    possible = (near > 0) & ~(colours < _LEAST_APPEARANCE)
    return np.where(possible, np.clip(mean, 0, 1), 0.0)


def closeness(expected_xyxy: FloatArray, found_xyxy: FloatArray, unseen_secs: FloatArray) -> FloatArray:
    """(T, S): 1 where centres coincide, down to 0 where a person could not have got to, or changed size too much."""
    expected_size, found_size = _size(expected_xyxy), _size(found_xyxy)
    size = np.sqrt(expected_size[:, None] * found_size)
    apart = np.linalg.norm(_centres(expected_xyxy)[:, None] - _centres(found_xyxy), axis=-1) / size
    reach = _REACH + _REACH_PER_SEC * np.minimum(unseen_secs, _REACH_SECS)
    growth = np.exp(np.abs(np.log(expected_size[:, None] / found_size)))
    return np.where(growth < _LARGEST_GROWTH, np.clip(1 - apart / reach, 0, 1), 0.0)


def likeness(first: FloatArray, second: FloatArray) -> float:
    """Bhattacharyya coefficient of two histograms (D,) that sum to 1: 1 where equal."""
    return float(np.sqrt(first * second).sum())


def oks(first: FloatArray, second: FloatArray) -> float:
    """Object keypoint similarity of two poses (15, 3), over joints that both are sure of; nan with none."""
    shared = (first[:, 2] > 0.2) & (second[:, 2] > 0.2)
    if not shared.any():
        return float("nan")
    extent = first[shared, :2].max(axis=0) - first[shared, :2].min(axis=0)
    area = max(float(extent.prod()), 1.0)
    squared = ((first[shared, :2] - second[shared, :2]) ** 2).sum(axis=1)
    falloff = 2 * area * (2 * np.array(OKS_SIGMAS)[shared]) ** 2
    return float(np.exp(-squared / falloff).mean())


def assigned(affinity: FloatArray, least: float, *, bonus: FloatArray | float = 0.0) -> list[tuple[int, int]]:
    """Pairs (row, column) of the assignment with the greatest sum, those under `least` left out.

    A column's `bonus` decides between columns that fit about as well.
    """
    allowed = np.where(affinity >= least, affinity + bonus, 0.0)
    rows, columns = linear_sum_assignment(allowed, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if allowed[r, c] > 0]


def _pairs(
    first: Sequence[FloatArray | None],
    second: Sequence[FloatArray | None],
    compare: Callable[[FloatArray, FloatArray], float],
) -> FloatArray:
    """(T, S) of `compare`, nan where either side is not known."""
    return np.array([[np.nan if a is None or b is None else compare(a, b) for b in second] for a in first])


def _size(boxes_xyxy: FloatArray) -> FloatArray:
    return np.sqrt(np.clip(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 1e-3, None).prod(axis=1))


def _centres(boxes_xyxy: FloatArray) -> FloatArray:
    return (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2

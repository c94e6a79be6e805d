"""What speaks for and against each joint being where it is shown, in numbers that a small model can weigh."""

from typing import Final

import numpy as np

from jmpose_core.fill.candidates import FADES
from jmpose_core.fill.track_frames import BEFORE, NEXT, FloatArray, TrackFrames
from jmpose_core.skeleton import FLIP, LIMBS, NUM_JOINTS

NAMES: Final = (
    "peak",  # height of the heatmap's highest peak, as log odds
    "spread",  # of the heatmap
    "second peak",  # height of the next peak elsewhere
    "initial peak",
    "initial and refined apart",
    "flow and motion apart",  # the larger of both sides
    "leap",  # the joint's place against the mean of the frames beside it
    "bones",  # the largest difference of its bones' lengths from the person's usual ones
    "mirror joint near",
    "peak of the mirror joint here",
    "off the peak",  # a filled joint
    "label near",  # in time, of this joint
    "label's miss",  # how far the prediction was off there
    "person",  # mean of the peaks of all joints
    "limbs",  # mean of the peaks of the joints at its bones
    "frames beside",  # mean of the peaks in the two frames on either side
)
_UNIT: Final = 0.05  # of the person's size: distances are told as log(1 + distance / unit)
_NEAR: Final = 0.1  # of the size
_BESIDE: Final = 2  # frames
_SIDED: Final = tuple(min(joint, twin) for joint, twin in enumerate(FLIP))
KINDS: Final = tuple(sorted(set(_SIDED)))  # joints, left and right taken together


def features(track: TrackFrames, shown: FloatArray) -> FloatArray:
    """(N, 15, len(NAMES) + len(KINDS)) of joints that are shown at `shown` (N, 15, 2), image pixels.

    The last are 1 for the joint's kind and 0 for the others.
    """
    seen = track.evidence
    size = track.size[:, None]
    initial = seen.initial.astype(np.float64)
    heights = seen.peaks[..., 2].astype(np.float64)
    best = _log_odds(heights[..., 0])
    apart = np.linalg.norm(seen.peaks[:, :, 1:, :2] - seen.peaks[:, :, :1, :2], axis=3) > _NEAR * size[..., None]
    second = np.where(apart, heights[..., 1:], 0).max(axis=2)
    found = (
        best,
        _distance(seen.spread.astype(np.float64), size),
        _log_odds(second),
        _log_odds(initial[..., 2]),
        _distance(np.linalg.norm(initial[..., :2] - seen.peaks[:, :, 0, :2], axis=2), size),
        _distance(_against_flow(track, shown), size),
        _distance(_leap(track, shown), size),
        _distance(_bones(track, shown), size),
        *_mirrored(track, shown),
        _distance(np.linalg.norm(shown - seen.peaks[:, :, 0, :2], axis=2), size),
        *_labels(track),
        np.broadcast_to(best.mean(axis=1, keepdims=True), best.shape),
        _at_bones(best),
        _beside(best),
    )
    kinds = np.equal.outer(np.array(_SIDED), np.array(KINDS)).astype(np.float64)
    return np.concatenate([np.stack(found, axis=2), np.broadcast_to(kinds, (len(track), *kinds.shape))], axis=2)


def _log_odds(share: FloatArray) -> FloatArray:
    bounded = np.clip(share, 0.01, 0.99)
    return np.log(bounded / (1 - bounded))


def _distance(pixels: FloatArray, size: FloatArray) -> FloatArray:
    return np.log1p(pixels / (_UNIT * size))


def _against_flow(track: TrackFrames, shown: FloatArray) -> FloatArray:
    """(N, 15) pixels between a joint's motion and the picture's; 0 where either is unknown."""
    found = np.zeros(shown.shape[:2])
    beside = np.diff(track.frame_index) == 1
    for way, rows, others in ((NEXT, slice(0, -1), slice(1, None)), (BEFORE, slice(1, None), slice(0, -1))):
        motion, known = track.flows_at(way, shown)
        off = np.linalg.norm(shown[others] - shown[rows] - motion[rows], axis=2)
        found[rows] = np.maximum(found[rows], np.where(known[rows] & beside[:, None], off, 0))
    return found


def _leap(track: TrackFrames, shown: FloatArray) -> FloatArray:
    found = np.zeros(shown.shape[:2])
    if len(track) > 2:
        inside = (np.diff(track.frame_index) == 1)[:-1] & (np.diff(track.frame_index) == 1)[1:]
        off = np.linalg.norm(shown[1:-1] - (shown[:-2] + shown[2:]) / 2, axis=2)
        found[1:-1] = np.where(inside[:, None], off, 0)
    return found


def _bones(track: TrackFrames, shown: FloatArray) -> FloatArray:
    found = np.zeros(shown.shape[:2])
    for first, second in LIMBS:
        length = np.linalg.norm(shown[:, first] - shown[:, second], axis=1) / track.size
        off = np.abs(length - np.median(length)) * track.size
        for joint in (first, second):
            found[:, joint] = np.maximum(found[:, joint], off)
    return found


def _mirrored(track: TrackFrames, shown: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(N, 15) each, 0 for joints without sides: how near the other side is; the height of its peak here."""
    twins = np.array(FLIP)
    sided = twins != np.arange(NUM_JOINTS)
    reach = _NEAR * track.size[:, None]
    near = np.exp(-np.linalg.norm(shown - shown[:, twins], axis=2) / reach)
    peaks = track.evidence.peaks[:, twins]
    here = np.linalg.norm(peaks[..., :2] - shown[:, :, None], axis=3) < reach[..., None]
    return np.where(sided, near, 0), np.where(sided, np.where(here, peaks[..., 2], 0).max(axis=2), 0)


def _labels(track: TrackFrames) -> tuple[FloatArray, FloatArray]:
    """(N, 15) each: how near the nearest label of the joint is in time; the prediction's miss there, so weighted."""
    near, miss = np.zeros(track.labelled.shape), np.zeros(track.labelled.shape)
    off = _distance(np.linalg.norm(track.labels - track.predicted, axis=2), track.size[:, None])
    for joint in range(NUM_JOINTS):
        rows = np.flatnonzero(track.labelled[:, joint])
        if len(rows):
            apart = np.abs(track.frame_index[:, None] - track.frame_index[rows])
            near[:, joint] = FADES ** apart.min(axis=1)
            miss[:, joint] = near[:, joint] * off[rows[apart.argmin(axis=1)], joint]
    return near, miss


def _at_bones(best: FloatArray) -> FloatArray:
    total, count = np.zeros_like(best), np.zeros(NUM_JOINTS)
    for first, second in LIMBS:
        total[:, first] += best[:, second]
        total[:, second] += best[:, first]
        count[[first, second]] += 1
    return total / count


def _beside(best: FloatArray) -> FloatArray:
    padded = np.pad(best, ((_BESIDE, _BESIDE), (0, 0)), mode="edge")
    shifts = [padded[_BESIDE + by : _BESIDE + by + len(best)] for by in range(-_BESIDE, _BESIDE + 1) if by]
    return np.mean(shifts, axis=0)

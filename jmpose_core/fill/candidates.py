"""Where a joint may be in each frame, what each place costs, and what it costs to go from one to the next."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from jmpose_core.fill.track_frames import BEFORE, NEXT, BoolArray, FloatArray, IntArray, TrackFrames, lengths
from jmpose_core.skeleton import FLIP

_HIGHEST: Final = 3  # peaks of a heatmap that are places; the further ones change no click on JHMDB's training clips
PREDICTED: Final = 0  # the columns of Candidates
OWN: Final = slice(1, _HIGHEST)  # the joint's other peaks
MIRRORED: Final = slice(_HIGHEST, 2 * _HIGHEST)  # the peaks of the joint on the other side
CARRIED: Final = slice(2 * _HIGHEST, 2 * _HIGHEST + 2)  # from the label before and the label after
COLUMNS: Final = 2 * _HIGHEST + 2

LOST: Final = 0.1  # height of a peak below which the model has not found the joint
OWN_MISS: Final = 0.2  # of the person's size: a label further from the prediction says that this is another place
NEVER: Final = 1e6  # cost of what is not there
_LEAST: Final = 0.01  # height of a peak, as in estimation.evidence
_ELSEWHERE: Final = 2.0  # a peak of the mirror joint counts this much less, in nats
_AT_OTHER_SIDE: Final = 0.1  # of the size: a label this near to the other side's prediction is at it
_NOT_A_PEAK: Final = 2.25  # cost of a carried place where the heatmap has no peak
_NEAR_PEAK: Final = 0.05  # of the size: a carried place this near to a peak is at it
_DENIED: Final = 1.0  # cost of the prediction beside a label that says it was wrong
FADES: Final = 0.8  # a frame: how fast what a label says of the model loses its weight
_SIDES_FADE: Final = 0.99  # a frame: the same of which side is which
_LEAP: Final = 2.5  # the most that going to the next frame costs
_STEP: Final = 0.06  # of the size: motion that neither flow nor prediction explain, for a cost of 1


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Of one joint in N frames; C = COLUMNS places a frame."""

    points: FloatArray  # (N, C, 2) image pixels
    cost: FloatArray  # (N, C) NEVER where there is none
    fixed: BoolArray  # (N,) labelled: every column is the label


def candidates(track: TrackFrames, joint: int) -> Candidates:
    """Places of one joint and what each costs.

    The cost of a place is in nats: minus the logarithm of its peak's height; more for the mirror joint's peaks, and
    for the prediction beside a label that denies it.
    """
    count = len(track)
    seen = track.evidence
    points = np.zeros((count, COLUMNS, 2))
    height = np.zeros((count, COLUMNS))
    points[:, PREDICTED] = track.predicted[:, joint]
    height[:, PREDICTED] = seen.peaks[:, joint, 0, 2]
    points[:, OWN], height[:, OWN] = seen.peaks[:, joint, 1:_HIGHEST, :2], seen.peaks[:, joint, 1:_HIGHEST, 2]
    twin = FLIP[joint]
    if twin != joint:
        points[:, MIRRORED] = seen.peaks[:, twin, :_HIGHEST, :2]
        points[:, MIRRORED.start] = track.predicted[:, twin]
        height[:, MIRRORED] = seen.peaks[:, twin, :_HIGHEST, 2]
    cost = np.where(height >= _LEAST, -np.log(np.maximum(height, _LEAST)), NEVER)
    cost[:, PREDICTED] = -np.log(np.maximum(height[:, PREDICTED], _LEAST))  # also without evidence
    cost[:, MIRRORED] += _ELSEWHERE * (1 - doubt(track, (joint, twin)))[:, None]
    for column, way in ((CARRIED.start, NEXT), (CARRIED.start + 1, BEFORE)):
        carried, there = carried_from_labels(track, joint, way)
        points[:, column] = carried
        beside = lengths(points[:, : CARRIED.start] - carried[:, None]) < _NEAR_PEAK * track.size[:, None]
        at_peak = np.where(beside, cost[:, : CARRIED.start], NEVER).min(axis=1)
        cost[:, column] = np.where(there, np.minimum(at_peak, _NOT_A_PEAK), NEVER)
    cost[:, PREDICTED] += _DENIED * denied(track, joint)
    fixed = track.labelled[:, joint]
    points[fixed] = track.labels[fixed, joint][:, None]
    cost[fixed] = np.where(np.arange(COLUMNS) == PREDICTED, 0.0, NEVER)
    return Candidates(points, cost, fixed)


def carried_from_labels(track: TrackFrames, joint: int, way: int) -> tuple[FloatArray, BoolArray]:
    """The label before (way NEXT) or after (way BEFORE) carried along the flow: (N, 2), and where there is one (N,)."""
    count = len(track)
    points, there = np.zeros((count, 2)), np.zeros(count, bool)
    labelled, absent = track.labelled[:, joint].tolist(), track.absent[:, joint].tolist()
    place: tuple[float, float] | None = None
    rows, step = (range(count), 1) if way == NEXT else (range(count - 1, -1, -1), -1)
    for row in rows:
        if place is not None:
            moved = track.flow_at(row - step, way, *place)
            place = None if moved is None else (place[0] + moved[0], place[1] + moved[1])
        if absent[row]:
            place = None
        elif labelled[row]:
            x, y = track.labels[row, joint].tolist()
            place = (x, y)
        if place is not None:
            points[row], there[row] = place, True
    return points, there


def misses(track: TrackFrames, joint: int) -> tuple[IntArray, FloatArray]:
    """Rows of the labels that are at the prediction, by and large, and how far off it was: (L,) and (L, 2) pixels."""
    rows, wrong = _denials(track, joint)
    return rows[~wrong], (track.labels[:, joint] - track.predicted[:, joint])[rows[~wrong]]


def denied(track: TrackFrames, joint: int) -> FloatArray:
    """(N,) 0..1: how much the labels around a frame say that the prediction is at another place."""
    rows, wrong = _denials(track, joint)
    found = np.zeros(len(track))
    for row in rows[wrong]:
        found = np.maximum(found, FADES ** np.abs(np.arange(len(track)) - row))
    return found


def doubt(track: TrackFrames, unit: tuple[int, ...]) -> FloatArray:
    """(N,) 0..1: how much the labels of both sides leave open which side is which.

    A label says so that denies the prediction and lies where the other side is predicted. A side once exchanged
    stays so for long: between two such labels it is 1 throughout.
    """
    here = np.arange(len(track))
    found = np.zeros(len(track))
    for joint in unit:
        rows, wrong = _denials(track, joint)
        beside = lengths(track.labels[rows, joint] - track.predicted[rows, FLIP[joint]])
        exchanged = wrong & (beside < _AT_OTHER_SIDE * track.size[rows])
        if exchanged.any():
            beyond = np.maximum(rows[0] - here, 0) + np.maximum(here - rows[-1], 0)
            found = np.maximum(found, np.interp(here, rows, exchanged.astype(np.float64)) * _SIDES_FADE**beyond)
    return found


def _denials(track: TrackFrames, joint: int) -> tuple[IntArray, BoolArray]:
    """Rows of the labels (L,), and which say that the prediction is at another place."""
    rows = np.flatnonzero(track.labelled[:, joint])
    off = lengths(track.labels[rows, joint] - track.predicted[rows, joint])
    return rows, off > OWN_MISS * track.size[rows]


def moves(track: TrackFrames, joint: int, found: Candidates) -> FloatArray:
    """(N - 1, C, C) what it costs to go from a place to one of the next frame.

    A joint moves as the picture does (flow) or as the model says that it does (the prediction's own motion),
    whichever is nearer; what neither explains costs its length, up to a leap.
    """
    points, size = found.points, track.size
    forward, known = track.flows_at(NEXT, points)
    backward, known_back = track.flows_at(BEFORE, points)
    shift = track.predicted[1:, joint] - track.predicted[:-1, joint]
    step = points[1:, None, :] - points[:-1, :, None]  # (N - 1, C, C', 2)
    off = lengths(step - shift[:, None, None])
    along = lengths(step - forward[:-1, :, None])
    back = lengths(step + backward[1:, None, :])
    off = np.minimum(off, np.where(known[:-1, :, None], along, np.inf))
    off = np.minimum(off, np.where(known_back[1:, None, :], back, np.inf))
    return np.minimum(off / (_STEP * size[:-1, None, None]), _LEAP)

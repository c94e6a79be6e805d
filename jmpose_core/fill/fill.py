"""What the annotator's labels say of the frames around them: a pure function of labels, predictions and evidence.

A label is a joint that somebody corrected or verified. Between labels each joint takes the cheapest way through
the places where it may be (`candidates`): the model's peaks, those of the joint on the other side, and the label
carried along the flow. Left and right are solved together, since a peak is one of the two: correcting one ankle frees
the other. Where the way is along the prediction, its own small miss at the labels is added, fading with time.
See docs/decisions/fill.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from jmpose_core.fill.candidates import (
    FADES,
    LOST,
    NEVER,
    OWN_MISS,
    PREDICTED,
    Candidates,
    candidates,
    doubt,
    misses,
    moves,
)
from jmpose_core.fill.path import best_pair_of_paths, best_path
from jmpose_core.fill.track_frames import BEFORE, NEXT, BoolArray, FloatArray, IntArray, TrackFrames, lengths
from jmpose_core.skeleton import FLIP, NUM_JOINTS

REACH: Final = 40  # frames that a label reaches where no other label follows
BRIDGE: Final = 300  # frames between two labels that are filled from both
Unit: TypeAlias = tuple[int, ...]  # a joint without sides, or both sides of one
UNITS: Final[tuple[Unit, ...]] = tuple(
    (joint, twin) if joint != twin else (joint,) for joint, twin in enumerate(FLIP) if joint <= twin
)
_SHARED: Final = 0.5  # cost of both sides at one place
_APART: Final = 0.2  # of the size: sides that the model has this far apart are two places
_TOGETHER: Final = 0.05  # of the size: places this near are one
_SAME: Final = 0.03  # of the size: a place this near to the prediction is left to the prediction
_SURE: Final = 0.95  # a frame from the label
_SURE_ELSEWHERE: Final = 0.65
_KEPT: Final = 0.7  # of a prediction's miss at a label: the rest is noise of hand and model


class Reason(Enum):
    """Why a label is not followed further."""

    OCCLUDED = "the joint is not seen"
    FLOW_LOST = "the motion is lost"
    MODEL_IS_SURE = "the model is sure of something else"
    FADED = "the label says no more this far away"
    REACH = "nothing is followed further than this without another label"
    ABSENT = "the person is not there"


@dataclass(frozen=True, slots=True)
class Stop:
    """Where what a label says ends; frames by index."""

    joint: int
    label_frame: int
    last_frame: int  # the last that the label reaches, on the side that it is on
    reason: Reason


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    """What is filled of N frames."""

    filled: BoolArray  # (N, 15); never where there is a label
    points: FloatArray  # (N, 15, 2) image pixels; the prediction where nothing is filled
    confidence: FloatArray  # (N, 15) 0..1; 0 where nothing is filled
    stops: tuple[Stop, ...]


def fill_track(track: TrackFrames, units: tuple[Unit, ...] = UNITS) -> Fill:
    """What the labels of these frames say of the frames around them.

    A label reaches REACH frames, and two labels of a unit everything between them if they are at most BRIDGE frames
    apart. Nothing crosses frames in which the person is not there.

    Args:
        units: pairs of sides, and joints without one, that are to be filled.
    """
    filled = np.zeros((len(track), NUM_JOINTS), bool)
    points = track.predicted.copy()
    confidence = np.zeros((len(track), NUM_JOINTS))
    stops: list[Stop] = []
    for unit in units:
        joints = list(unit)
        for first, last in _pieces(track.frame_index, track.labelled[:, joints]):
            piece = track.part(first, last)
            for joint, (found, sure) in zip(unit, _solved(piece, unit), strict=True):
                moved = lengths(found - piece.predicted[:, joint]) > _SAME * piece.size
                moved &= ~piece.labelled[:, joint]
                filled[first:last, joint] |= moved
                points[first:last, joint][moved] = found[moved]
                confidence[first:last, joint][moved] = sure[moved]
        for joint in unit:
            stops += _stops(track, joint, filled[:, joint])
    return Fill(filled, points, confidence, tuple(stops))


def extent(unit: Unit, labelled: Mapping[int, BoolArray], first: int, last: int) -> tuple[int, int]:
    """The frames (last excluded) whose fill of a unit may hang on its labels in frames first..last (excluded).

    Args:
        labelled: (15,) which joints are labelled, by frame, in order; frames without any may be left out.
    """
    joints = list(unit)
    frames = [frame for frame, mask in labelled.items() if mask[joints].any()]
    whole = {frame for frame in frames if labelled[frame][joints].all()}
    before = [frame for frame in reversed(frames) if frame < first]
    after = [frame for frame in frames if frame >= last]
    return _walked(first, before, whole, -1), _walked(last - 1, after, whole, 1) + 1


def _walked(start: int, frames: list[int], whole: set[int], way: int) -> int:
    """How far the labels in `frames`, from the nearest on, are one chain with the frame `start`."""
    place = start
    for frame in frames:
        if abs(frame - place) > BRIDGE:
            break
        place = frame
        if frame in whole:
            return frame
    return place + way * REACH


def _pieces(frame_index: IntArray, labelled: BoolArray) -> Iterator[tuple[int, int]]:
    """Rows first..last (last excluded) that are filled on their own: in reach of labels, whole labels at their ends."""
    gaps = np.flatnonzero(np.diff(frame_index) != 1) + 1
    for run in np.split(np.arange(len(frame_index)), gaps):
        labels = run[labelled[run].any(axis=1)]
        if not len(labels):
            continue
        apart = np.flatnonzero(np.diff(labels) > BRIDGE) + 1
        for chain in np.split(labels, apart):
            first, last = max(int(chain[0]) - REACH, int(run[0])), min(int(chain[-1]) + REACH, int(run[-1]))
            whole: list[int] = chain[labelled[chain].all(axis=1)].tolist()
            for a, b in pairwise([first, *whole, last]):
                nothing_between = b - a == 1 and bool(labelled[[a, b]].all())
                if b > a and not nothing_between:
                    yield a, b + 1


def _solved(piece: TrackFrames, unit: Unit) -> list[tuple[FloatArray, FloatArray]]:
    """For each joint of a unit: its places (n, 2) and the confidence (n,) in them."""
    ways = [_pruned(candidates(piece, joint)) for joint in unit]
    steps = [moves(piece, joint, way) for joint, way in zip(unit, ways, strict=True)]
    if len(unit) == 1:
        paths = [best_path(ways[0].cost, steps[0])]
    else:
        paths = list(best_pair_of_paths(ways[0].cost, ways[1].cost, _shared(piece, unit, ways), *steps))
    return [_along(piece, joint, way, path) for joint, way, path in zip(unit, ways, paths, strict=True)]


def _shared(piece: TrackFrames, unit: Unit, ways: list[Candidates]) -> FloatArray:
    """(n, C, C) what it costs that both sides are at one place.

    Less where the model itself has them close together and no label says that this is wrong.
    """
    apart = lengths(ways[0].points[:, :, None] - ways[1].points[:, None])
    predicted = lengths(piece.predicted[:, unit[0]] - piece.predicted[:, unit[1]])
    meant = np.minimum(predicted / (_APART * piece.size), 1)
    cost = _SHARED * np.maximum(meant, doubt(piece, unit))
    return cost[:, None, None] * (apart < _TOGETHER * piece.size[:, None, None])


def _pruned(found: Candidates) -> Candidates:
    """Without the columns that hold nothing in any frame; the prediction stays the first."""
    kept = (found.cost < NEVER).any(axis=0)
    return Candidates(found.points[:, kept], found.cost[:, kept], found.fixed)


def _along(piece: TrackFrames, joint: int, way: Candidates, path: IntArray) -> tuple[FloatArray, FloatArray]:
    rows = np.arange(len(piece))
    points = way.points[rows, path].copy()
    follows = (path == PREDICTED) & ~way.fixed
    points[follows] += _expected_miss(piece, joint)[follows]
    return points, _confidence(piece, joint, way.fixed, points)


def _confidence(piece: TrackFrames, joint: int, fixed: BoolArray, points: FloatArray) -> FloatArray:
    """(n,) share of filled joints that are right at such a distance in frames from the nearest label.

    Measured on JHMDB's training films, where a joint may be off by 0.1 of the person's size: 0.89, 0.86, 0.82 and
    0.74 at 1, 2, 3 to 4 and 5 to 8 frames; further from the prediction than its own misses 0.70, 0.31 and 0.07 (few).
    """
    rows = np.arange(len(piece))
    labels = np.flatnonzero(fixed)
    distance = np.abs(rows[:, None] - labels[None]).min(axis=1) if len(labels) else np.full(len(piece), REACH)
    elsewhere = lengths(points - piece.predicted[:, joint]) > OWN_MISS * piece.size
    return np.where(elsewhere, _SURE_ELSEWHERE, _SURE) ** distance


def _expected_miss(piece: TrackFrames, joint: int) -> FloatArray:
    """(n, 2) pixels by which the prediction is expected to be off, from the labels that are near it.

    The best linear estimate (kriging) of a process whose correlation fades by FADES a frame, from the label before and
    the label after, each known with noise.
    """
    rows, off = misses(piece, joint)
    expected = np.zeros((len(piece), 2))
    if not len(rows):
        return expected
    here = np.arange(len(piece))
    after = np.searchsorted(rows, here)
    before = np.clip(after - 1, 0, len(rows) - 1)
    after = np.clip(after, 0, len(rows) - 1)
    to_before, to_after = np.abs(here - rows[before]), np.abs(rows[after] - here)
    a, b = _KEPT * FADES**to_before, _KEPT * FADES**to_after
    both = _KEPT * FADES ** np.abs(rows[after] - rows[before])
    one = rows[after] == rows[before]
    determinant = np.where(one, 1, 1 - both**2)
    weight_before = np.where(one, a, (a - b * both) / determinant)
    weight_after = np.where(one, 0, (b - a * both) / determinant)
    return weight_before[:, None] * off[before] + weight_after[:, None] * off[after]


def _stops(track: TrackFrames, joint: int, filled: BoolArray) -> Iterator[Stop]:
    """Where each label that the prediction does not agree with ceases to be followed, on either side."""
    labels = np.flatnonzero(track.labelled[:, joint])
    off = lengths(track.labels[labels, joint] - track.predicted[labels, joint]) / track.size[labels]
    for label, miss in zip(labels.tolist(), off.tolist(), strict=True):
        if miss <= _SAME:
            continue
        for way in (-1, 1):
            row = label + way
            while _beside(track, row - way, row) and filled[row]:
                row += way
            if _beside(track, row - way, row) and track.labelled[row, joint]:
                continue
            frames = int(track.frame_index[label]), int(track.frame_index[row - way])
            yield Stop(joint, *frames, _reason(track, joint, row, way, own_miss=miss <= OWN_MISS, label=label))


def _beside(track: TrackFrames, row: int, other: int) -> bool:
    return 0 <= other < len(track) and abs(int(track.frame_index[other] - track.frame_index[row])) == 1


def _reason(track: TrackFrames, joint: int, row: int, way: int, *, own_miss: bool, label: int) -> Reason:
    """Why nothing is filled in a row, the next after the last that is."""
    if not _beside(track, row - way, row):
        return Reason.ABSENT
    if abs(row - label) > REACH:
        return Reason.REACH
    if own_miss:
        return Reason.FADED
    if track.evidence.peaks[row, joint, 0, 2] < LOST:
        return Reason.OCCLUDED
    if not track.evidence.has_flow[row - way, NEXT if way > 0 else BEFORE]:
        return Reason.FLOW_LOST
    return Reason.MODEL_IS_SURE

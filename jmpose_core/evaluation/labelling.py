"""How many clicks bring predictions to truth, by a simulated annotator who corrects, looks and goes on.

It works on one tracklet (a person through the frames of a video) at a time, and knows the truth. A correction puts a
joint at the truth, up to a hand's noise: one click. A joint, or a run of it, that it finds right costs one key. It
ends when all judged joints are within tolerance.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

import numpy as np

from jmpose_core.fill.fill import UNITS, Unit, fill_track
from jmpose_core.fill.track_frames import BoolArray, FloatArray, IntArray, TrackFrames
from jmpose_core.queue.error_model import ErrorModel
from jmpose_core.queue.items import queue_items

ENOUGH: Final = 0.95  # of the joints within tolerance: the other end that is told
_NOISE: Final = 0.1  # of the tolerance, which is half a head size: the hand's, 0.05 head sizes
_UNIT_OF: Final[dict[int, Unit]] = {joint: unit for unit in UNITS for joint in unit}


class Policy(Enum):
    """What a correction does to other frames, and who says where to look."""

    NONE = "none"  # nothing; joint by joint in frame order
    INTERPOLATE = "interpolate"  # a straight line between two labels of a joint; what the program's queue names
    FILL = "fill"  # the program's fill; joint by joint in frame order
    FULL = "full"  # the program's fill; what its queue names


_BY_QUEUE: Final = (Policy.INTERPOLATE, Policy.FULL)


@dataclass(frozen=True, slots=True, eq=False)
class Tracklet:
    """One person in N frames, as predicted and as it is."""

    track: TrackFrames  # without labels
    truth: FloatArray  # (N, 15, 2) image pixels
    judged: BoolArray  # (N, 15) which joints the truth has
    tolerance: FloatArray  # (N,) pixels that a joint may be off


@dataclass(slots=True)
class Labelling:
    """What it took for one tracklet."""

    joints: int  # judged
    wrong: list[int] = field(default_factory=list)  # joints out of tolerance after 0, 1, 2 ... clicks
    keys: int = 0
    fill_secs: list[float] = field(default_factory=list)  # of each correction
    harmed: int = 0  # joints that were right and that a fill has made wrong

    @property
    def clicks(self) -> int:
        """Until every joint is right."""
        return len(self.wrong) - 1

    @property
    def clicks_to_enough(self) -> int:
        """Until ENOUGH of the joints are right."""
        allowed = (1 - ENOUGH) * self.joints
        return next(click for click, wrong in enumerate(self.wrong) if wrong <= allowed)


def labelled(tracklet: Tracklet, policy: Policy, model: ErrorModel, rng: np.random.Generator) -> Labelling:
    """Bring one tracklet to truth."""
    work = _Work(tracklet, policy, rng)
    look = work.by_queue(model) if policy in _BY_QUEUE else work.in_frame_order()
    for _ in look:
        pass
    return work.result


class _Work:
    """The state of one tracklet under the annotator's hands."""

    def __init__(self, tracklet: Tracklet, policy: Policy, rng: np.random.Generator) -> None:
        self._given, self._policy, self._rng = tracklet, policy, rng
        self._track = tracklet.track
        self._shown = tracklet.track.predicted.copy()
        self._harmed = np.zeros(tracklet.judged.shape, bool)
        wrong = int(self.wrong().sum())
        self.result = Labelling(int(tracklet.judged.sum()), [wrong])

    def wrong(self) -> BoolArray:
        """(N, 15) judged joints out of tolerance; never one that was labelled."""
        off = np.linalg.norm(self._shown - self._given.truth, axis=2) > self._given.tolerance[:, None]
        return off & self._given.judged & ~self._track.labelled

    def in_frame_order(self) -> Iterator[None]:
        """The first joint that is wrong, frame by frame; from the start again where a fill has harmed one there."""
        while len(wrong := np.argwhere(self.wrong())):
            row, joint = wrong[0].tolist()
            self._correct(row, joint)
            yield

    def by_queue(self, model: ErrorModel) -> Iterator[None]:
        """The first item of the queue, until all is right: a run that is right costs a key and is verified."""
        while self.wrong().any():
            likely = np.where(self._given.judged, model.probability(self._track, self._shown), 0)
            settled = self._track.labelled | ~self._given.judged
            rows = np.arange(len(self._track))
            (item,) = queue_items(0, rows, likely, settled, most=1, least=0.0)
            seen = slice(item.first, item.last)
            wrong = np.flatnonzero(self.wrong()[seen, item.joint]) + item.first
            if len(wrong):
                self._correct(_middle_of_longest(wrong), item.joint)
            else:
                self.result.keys += 1
                self._label(np.arange(item.first, item.last), item.joint, self._shown[seen, item.joint])
            yield

    def _correct(self, row: int, joint: int) -> None:
        noise = self._rng.normal(0, _NOISE * self._given.tolerance[row], 2)
        self._label(np.array([row]), joint, self._given.truth[row, joint] + noise)
        self.result.wrong.append(int(self.wrong().sum()))

    def _label(self, rows: IntArray, joint: int, places: FloatArray) -> None:
        before = self.wrong()
        mask, labels = self._track.labelled.copy(), self._track.labels.copy()
        mask[rows, joint], labels[rows, joint] = True, places
        self._track = replace(self._track, labelled=mask, labels=labels)
        started = time.perf_counter()
        _TRAVELS[self._policy](self._track, self._shown, joint)
        self.result.fill_secs.append(time.perf_counter() - started)
        self._shown[mask] = labels[mask]
        harmed = self.wrong() & ~before & ~self._harmed
        self._harmed |= harmed
        self.result.harmed += int(harmed.sum())


def _middle_of_longest(rows: IntArray) -> int:
    """Of the longest run of consecutive rows."""
    longest = max(np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1), key=len)
    return int(longest[(len(longest) - 1) // 2])


def _stay(track: TrackFrames, shown: FloatArray, joint: int) -> None:
    pass


def _interpolate(track: TrackFrames, shown: FloatArray, joint: int) -> None:
    rows = np.flatnonzero(track.labelled[:, joint])
    between = np.arange(rows[0], rows[-1] + 1)
    for axis in (0, 1):
        shown[between, joint, axis] = np.interp(between, rows, track.labels[rows, joint, axis])


def _fill(track: TrackFrames, shown: FloatArray, joint: int) -> None:
    unit = _UNIT_OF[joint]
    shown[:, list(unit)] = fill_track(track, (unit,)).points[:, list(unit)]


_TRAVELS: Final[dict[Policy, Callable[[TrackFrames, FloatArray, int], None]]] = {
    Policy.NONE: _stay,
    Policy.INTERPOLATE: _interpolate,
    Policy.FILL: _fill,
    Policy.FULL: _fill,
}

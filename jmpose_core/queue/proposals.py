"""Faults of tracks that one command would mend: what is likely wrong with who is who, and how sure that is.

Pure arithmetic on the people of a video. The certainties are made by hand, not fitted: they order the proposals, and
docs/proposals.md says how often they were right.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, groupby
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, FloatArray
from jmpose_core.queue.track_paths import TrackPath, paths_of, pose_distance

LEAST: Final = 0.5  # certainty below which nothing is proposed
_LONGEST_GAP: Final = 30  # frames that a person may be lost for
_GAP_SPREAD: Final = (0.12, 0.02)  # of the size: what motion may be off over a gap, and more for each frame of it
_SIZE_SPREAD: Final = 0.25  # of the logarithm of the size, over a gap
_JUMP: Final = 0.25  # of the size, in a frame, beyond what the person's motion says
_AT_ONCE: Final = 0.07  # of the size: two skeletons nearer than this are on one person
_SURE: Final = 0.35  # mean confidence of the joints below which nobody may be there
_LEAST_FRAMES: Final = 3  # of two skeletons on one person, or of one on nobody


class Fault(StrEnum):
    """What is wrong, and with it the command that mends it. A project keeps these words."""

    BROKEN = "broken"  # one person on two tracks: put `other` onto `track_id` in the frames
    JUMP = "jump"  # a track goes on as another person: exchange the two; without `other`, go on as a new track
    TWICE = "twice"  # two skeletons on one person: delete `other` in the frames
    NOBODY = "nobody"  # a skeleton on nobody: delete `track_id` in the frames


@dataclass(frozen=True, slots=True)
class Proposal:
    """A fault in the frames first..last, `last` excluded."""

    fault: Fault
    track_id: int
    other: int | None
    first: int
    last: int
    frame_index: int  # where to look
    certainty: float  # 0..1

    @property
    def seen(self) -> int:
        """Of the two tracks, the one that is there in `frame_index`."""
        return self.other if self.fault is Fault.BROKEN and self.other is not None else self.track_id

    def is_same(self, other: "Proposal") -> bool:
        """Whether two readings of the people speak of one fault."""
        named = (self.fault, self.track_id, self.other) == (other.fault, other.track_id, other.other)
        return named and self.first < other.last and other.first < self.last


def proposals(people: Iterable[Annotation]) -> list[Proposal]:
    """Everything that is likely wrong with the tracks of one video, the most certain first.

    Args:
        people: as they are shown, by frame.
    """
    paths = paths_of(people)
    nobody = [found for path in paths for found in _on_nobody(path)]
    twice = [found for pair in combinations(paths, 2) for found in _twice(*pair)]
    deleted = {found.other if found.fault is Fault.TWICE else found.track_id for found in (*nobody, *twice)}
    kept = [path for path in paths if path.track_id not in deleted]  # what goes soon is no reason to join or exchange
    jumps = _jumps(kept)
    found = [*nobody, *twice, *jumps, *_broken(kept, jumps)]
    return sorted(found, key=lambda one: (-one.certainty, one.first, one.track_id, one.other or 0))


def _on_nobody(path: TrackPath) -> Iterator[Proposal]:
    """Runs of frames in which the model is sure of no joint, and no annotator has said anything."""
    doubtful = (path.confidence < _SURE) & ~path.labelled
    for first, last in _runs(doubtful, path.frame_index):
        doubt = 1 - float(path.confidence[first:last].mean()) / _SURE
        certainty = LEAST + (1 - LEAST) * doubt
        yield _at_rows(Fault.NOBODY, path, None, path.frame_index, first, last, certainty)


def _twice(first: TrackPath, second: TrackPath) -> Iterator[Proposal]:
    """Runs of frames in which two tracks hold one pose; the one that is labelled, or surer, or longer stays."""
    frames, rows, others = np.intersect1d(first.frame_index, second.frame_index, return_indices=True)
    if not len(frames):
        return
    size = np.maximum(first.size[rows], second.size[others])
    apart = pose_distance(first.keypoints[rows], second.keypoints[others], size)
    for start, end in _runs(apart < _AT_ONCE, frames):
        worth = [_worth(path, found[start:end]) for path, found in ((first, rows), (second, others))]
        kept, gone = (first, second) if worth[0] >= worth[1] else (second, first)
        if not min(worth)[0]:  # two that are both labelled are two people
            certainty = 1 - (1 - LEAST) * float(apart[start:end].mean()) / _AT_ONCE
            yield _at_rows(Fault.TWICE, kept, gone, frames, start, end, certainty)


def _worth(path: TrackPath, rows: npt.NDArray[np.int64]) -> tuple[bool, int, float]:
    """Labelled before unlabelled, then the longer track, then the surer one."""
    return bool(path.labelled[rows].any()), len(path), float(np.nan_to_num(path.confidence[rows]).mean())


def _jumps(paths: Sequence[TrackPath]) -> list[Proposal]:
    """Where a track goes on as another person: exchanged with the track that goes on as this one, or cut."""
    end = max((int(path.frame_index[-1]) + 1 for path in paths), default=0)
    found: list[Proposal] = []
    for path in paths:
        for row in _leaps(path):
            frame = int(path.frame_index[row])
            if any(frame == one.first and path.track_id == one.other for one in found):
                continue  # told of the other track already
            leap = _step(path, row - 1, path, row)
            rates = [(_exchange_cost(path, row, other), other) for other in paths if other is not path]
            cost, best = min(rates, key=lambda rate: rate[0], default=(np.inf, None))
            partner = best if cost < leap else None
            certainty = _certainty(leap - cost) if partner else _certainty(leap - 2 * _JUMP)
            if certainty >= LEAST:
                other = partner.track_id if partner else None
                last = end if partner else int(path.frame_index[-1]) + 1
                found.append(Proposal(Fault.JUMP, path.track_id, other, frame, last, frame, certainty))
    return found


def _leaps(path: TrackPath) -> list[int]:
    """Rows before which the person moved as nobody does; not those that come back at once."""
    if len(path) < 2:
        return []
    size = path.size[:-1]
    moved = pose_distance(path.keypoints[1:], path.keypoints[:-1], size)
    usual = float(np.median(moved))
    far = (moved > max(_JUMP / 2, 3 * usual)) & np.isfinite(moved) & (np.diff(path.frame_index) == 1)
    return [row + 1 for row in np.flatnonzero(far).tolist() if _stays(path, row)]


def _stays(path: TrackPath, row: int) -> bool:
    """Whether the frame after the leap from `row` is away from it, too: otherwise one pose is wrong, not a track."""
    after = min(row + 2, len(path) - 1)
    return bool(pose_distance(path.keypoints[row], path.keypoints[after], path.size[row]) > _JUMP / 2)


def _exchange_cost(path: TrackPath, row: int, other: TrackPath) -> float:
    """How badly the two go on if they are exchanged from the row on, in sizes; infinite where neither follows."""
    frame = int(path.frame_index[row])
    before, after = other.row(frame - 1), other.row(frame)
    costs = []
    if after is not None:
        costs.append(_step(path, row - 1, other, after))
    if before is not None:
        costs.append(_step(other, before, path, row))
    return max(costs, default=np.inf)


def _step(before: TrackPath, row: int, after: TrackPath, next_row: int) -> float:
    """In sizes, how far a pose is from where the one of the frame before was going."""
    apart = pose_distance(before.expected(row, 1), after.keypoints[next_row], before.size[row])
    return float(apart)


def _certainty(gain: float) -> float:
    """Of an exchange that brings poses nearer to the motion by `gain` sizes."""
    return float(1 / (1 + np.exp(-8 * (gain - _JUMP / 2))))


def _broken(paths: Sequence[TrackPath], jumps: Sequence[Proposal]) -> Iterator[Proposal]:
    """Tracks that end where another begins soon after; each end serves one beginning, the most certain first."""
    rates = [
        (certainty, before, after)
        for before in paths
        for after in paths
        if 0 < after.frame_index[0] - before.frame_index[-1] <= _LONGEST_GAP
        and (certainty := _same_person(before, after)) >= LEAST
    ]
    taken = {(one.first, track) for one in jumps for track in (one.track_id, one.other)}
    ends: set[int] = set()
    begins: set[int] = set()
    for certainty, before, after in sorted(rates, key=lambda rate: -rate[0]):
        first, last = int(after.frame_index[0]), int(after.frame_index[-1]) + 1
        if before.track_id in ends or after.track_id in begins or (first, after.track_id) in taken:
            continue
        ends.add(before.track_id)
        begins.add(after.track_id)
        yield Proposal(Fault.BROKEN, before.track_id, after.track_id, first, last, first, certainty)


def _same_person(before: TrackPath, after: TrackPath) -> float:
    """By where both are going in the middle of the gap, and by their sizes."""
    gap = int(after.frame_index[0] - before.frame_index[-1])
    ahead, back = before.expected(len(before) - 1, gap), after.expected(0, -gap)
    size = float(before.size[-1] + after.size[0]) / 2
    halfway = (ahead + before.keypoints[-1]) / 2, (back + after.keypoints[0]) / 2
    apart = float(pose_distance(*halfway, size))
    spread = _GAP_SPREAD[0] + _GAP_SPREAD[1] * gap
    grown = float(np.log(after.size[0] / before.size[-1]))
    return float(np.exp(-((apart / spread) ** 2 + (grown / _SIZE_SPREAD) ** 2) / 4))


def _at_rows(
    fault: Fault, path: TrackPath, other: TrackPath | None, frames: npt.NDArray[np.int64], first: int, last: int,
    certainty: float,
) -> Proposal:  # fmt: skip
    middle = int(frames[(first + last - 1) // 2])
    named = None if other is None else other.track_id
    return Proposal(fault, path.track_id, named, int(frames[first]), int(frames[last - 1]) + 1, middle, certainty)


def _runs(chosen: npt.NDArray[np.bool_] | FloatArray, frames: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Rows first..last (excluded) of unbroken frames that are chosen, long enough to be told of."""
    rows = np.flatnonzero(chosen)
    for _, run in groupby(enumerate(rows.tolist()), key=lambda pair: (pair[1] - pair[0], frames[pair[1]] - pair[1])):
        found = [row for _, row in run]
        if len(found) >= _LEAST_FRAMES:
            yield found[0], found[-1] + 1

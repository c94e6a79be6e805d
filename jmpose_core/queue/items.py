"""What to look at next: runs of one joint that is likely wrong, by the errors that one action should mend."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from jmpose_core.fill.candidates import FADES
from jmpose_core.fill.track_frames import BoolArray, FloatArray, IntArray

_REACH: Final = 12  # frames on either side that an action is expected to help
_SHARE: Final = 0.5  # of the highest probability: a run ends where it is less likely wrong than this


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A joint of one person, likely wrong from one frame to another."""

    track_id: int
    joint: int
    first: int
    last: int  # excluded
    frame_index: int  # where to look
    probability: float  # 0..1 that the joint is wrong there
    gain: float  # errors that one action is expected to mend


def queue_items(
    track_id: int, frame_index: IntArray, probability: FloatArray, settled: BoolArray, *, most: int, least: float
) -> list[QueueItem]:
    """The first `most` items of one track, by gain.

    Args:
        frame_index: (N,) in order.
        probability: (N, 15) that a joint is wrong.
        settled: (N, 15) labelled: never in an item.
        least: probability below which a joint is not worth a look.
    """
    left = np.where(settled, 0, probability)
    found: list[QueueItem] = []
    runs = np.concatenate([[0], np.cumsum(np.diff(frame_index) != 1)])
    total = _gain(left, runs)
    for _ in range(most):
        gain = np.where(left >= least, total, 0)
        row, joint = (int(index) for index in np.unravel_index(gain.argmax(), gain.shape))
        if gain[row, joint] <= 0:
            break
        first, last = _run(left[:, joint], runs, row)
        found.append(
            QueueItem(
                track_id,
                joint,
                int(frame_index[first]),
                int(frame_index[last - 1]) + 1,
                int(frame_index[row]),
                float(left[row, joint]),
                float(gain[row, joint]),
            )
        )
        left[first:last, joint] = 0
        total[:, [joint]] = _gain(left[:, [joint]], runs)  # the others stay as they are
    return found


def _gain(left: FloatArray, runs: IntArray) -> FloatArray:
    """(N, J) sum of the probabilities around, less with the distance, within unbroken frames."""
    total = left.copy()
    for by in range(1, min(_REACH, len(left) - 1) + 1):
        together = (runs[by:] == runs[:-by])[:, None] * FADES**by
        total[:-by] += together * left[by:]
        total[by:] += together * left[:-by]
    return total


def _run(probability: FloatArray, runs: IntArray, row: int) -> tuple[int, int]:
    """Rows first..last (excluded) about `row` that are about as likely wrong, as far as one action helps."""
    near = np.abs(np.arange(len(runs)) - row) <= _REACH
    alike = (probability >= _SHARE * probability[row]) & (runs == runs[row]) & near
    before, after = np.flatnonzero(~alike[:row]), np.flatnonzero(~alike[row:])
    return int(before[-1]) + 1 if len(before) else 0, row + int(after[0]) if len(after) else len(probability)

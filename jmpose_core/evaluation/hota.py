"""HOTA of poses per joint, as the PoseTrack21 kit defines it (docs/posetrack.md).

Luiten et al., IJCV 2021, on keypoints: similarity falls from 1 to 0 at half a head
size. Unlike TrackEval's HOTA, frames are matched one by one, without a term for the whole track.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from jmpose_core.evaluation.sequences import FramePair
from jmpose_core.skeleton import NUM_JOINTS

ALPHAS: Final = np.arange(0.05, 0.99, 0.05)
REACH: Final = 0.5001  # head sizes, at which similarity is 0
_EPSILON: Final = float(np.finfo(np.float64).eps)


@dataclass(slots=True, eq=False)
class HotaCounts:
    """Counts over alphas and joints, (19, 16) each; the last column takes all joints together."""

    tp: npt.NDArray[np.float64]
    fn: npt.NDArray[np.float64]
    fp: npt.NDArray[np.float64]
    weighted_ass_a: npt.NDArray[np.float64]  # association accuracy times true positives

    @classmethod
    def summed(cls, parts: Iterable["HotaCounts"]) -> "HotaCounts":
        """The counts of several sequences: association is weighted by true positives."""
        parts, none = list(parts), np.zeros((len(ALPHAS), NUM_JOINTS + 1))
        return cls(*(sum((getattr(part, entry.name) for part in parts), none) for entry in fields(cls)))

    def deta(self) -> npt.NDArray[np.float64]:
        """Percent (16,), mean over alphas."""
        return 100 * self._deta().mean(axis=0)

    def assa(self) -> npt.NDArray[np.float64]:
        """Percent (16,), mean over alphas."""
        return 100 * self._assa().mean(axis=0)

    def hota(self) -> npt.NDArray[np.float64]:
        """Percent (16,): the mean over alphas of the root of detection times association."""
        return 100 * np.sqrt(self._deta() * self._assa()).mean(axis=0)

    def _deta(self) -> npt.NDArray[np.float64]:
        return self.tp / np.maximum(1, self.tp + self.fn + self.fp)

    def _assa(self) -> npt.NDArray[np.float64]:
        return self.weighted_ass_a / np.maximum(1, self.tp)


def hota_counts(frames: Sequence[FramePair], *, as_reference: bool = False) -> HotaCounts:
    """Counts of one sequence's labelled frames (already cleaned).

    Args:
        as_reference: the kit's defect too: a frame with only one side's people
            counts all joints of that side in the whole sequence as missed or as false.
    """
    tp, fn, fp = (np.zeros((len(ALPHAS), NUM_JOINTS)) for _ in range(3))
    truth_total = sum((frame.truth.joints.sum(axis=0) for frame in frames), np.zeros(NUM_JOINTS, np.int64))
    predicted_total = sum((frame.predicted.joints.sum(axis=0) for frame in frames), np.zeros(NUM_JOINTS, np.int64))
    pairs: list[_Pairs] = [_Pairs() for _ in range(NUM_JOINTS)]
    for frame in frames:
        truth_count, predicted_count = frame.truth.joints.sum(axis=0), frame.predicted.joints.sum(axis=0)
        for joint in range(NUM_JOINTS):
            pairs[joint].see(frame, joint)
        if len(frame.truth) and len(frame.predicted):
            matched = _match(frame, pairs)
            tp += matched
            fn += truth_count - matched
            fp += predicted_count - matched
        elif len(frame.truth):
            fn += truth_total if as_reference else truth_count
        elif len(frame.predicted):
            fp += predicted_total if as_reference else predicted_count
    association = np.stack([pair.association() for pair in pairs], axis=1) / np.maximum(1, tp)
    pooled = tp.sum(axis=1)
    return HotaCounts(
        tp=np.column_stack([tp, pooled]),
        fn=np.column_stack([fn, fn.sum(axis=1)]),
        fp=np.column_stack([fp, fp.sum(axis=1)]),
        weighted_ass_a=np.column_stack([association * tp, association.mean(axis=1) * pooled]),
    )


class _Pairs:
    """How often each track of one joint was seen, and each pair of tracks matched at each alpha."""

    def __init__(self) -> None:
        self._truth: dict[int, int] = {}
        self._predicted: dict[int, int] = {}
        self._matches: dict[tuple[int, int], npt.NDArray[np.float64]] = {}

    def see(self, frame: FramePair, joint: int) -> None:
        for counts, people in ((self._truth, frame.truth), (self._predicted, frame.predicted)):
            for track_id in people.track_ids[people.joints[:, joint]].tolist():
                counts[track_id] = counts.get(track_id, 0) + 1

    def match(self, truth_id: int, predicted_id: int, at_alpha: npt.NDArray[np.bool_]) -> None:
        key = truth_id, predicted_id
        self._matches[key] = self._matches.get(key, np.zeros(len(ALPHAS))) + at_alpha

    def association(self) -> npt.NDArray[np.float64]:
        """(19,) sum over matched pairs of matches squared over the union of both tracks' appearances."""
        total = np.zeros(len(ALPHAS))
        for (truth_id, predicted_id), matches in self._matches.items():
            total += matches**2 / (self._truth[truth_id] + self._predicted[predicted_id] - matches)
        return total


def _match(frame: FramePair, pairs: list[_Pairs]) -> npt.NDArray[np.float64]:
    """(19, 15) true positives of one frame: Hungarian per joint, maximising similarity."""
    similarity = np.maximum(0, 1 - frame.distances() / REACH)
    matched = np.zeros((len(ALPHAS), NUM_JOINTS))
    for joint in range(NUM_JOINTS):
        rows, columns = linear_sum_assignment(-similarity[..., joint])
        for row, column in zip(rows, columns, strict=True):
            at_alpha = similarity[row, column, joint] >= ALPHAS - _EPSILON
            if at_alpha.any():
                matched[:, joint] += at_alpha
                truth_id, predicted_id = int(frame.truth.track_ids[column]), int(frame.predicted.track_ids[row])
                pairs[joint].match(truth_id, predicted_id, at_alpha)
    return matched

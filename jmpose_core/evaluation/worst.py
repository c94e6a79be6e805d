"""Where predictions fail: every joint of every frame, by how far it is off."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from jmpose_core.evaluation.average_precision import HIT, assigned
from jmpose_core.evaluation.sequences import FramePair, Source, paired
from jmpose_core.skeleton import JOINTS


class Outcome(StrEnum):
    """What became of one joint."""

    MISSED = "missed"  # nobody was predicted there, or the person without this joint
    EXTRA = "nothing there"  # predicted, and there is no such joint
    SWITCHED = "track changed"  # right, but on another track than the person was on before
    FAR = "too far"  # more than half a head size off
    HIT = "hit"


@dataclass(frozen=True, slots=True)
class JointError:
    """One joint of one person in one frame."""

    frame_index: int  # position in the documents' images
    track_id: int  # of the ground truth; of the prediction where that is EXTRA
    joint: int
    outcome: Outcome
    error: float  # head sizes; infinite for MISSED and EXTRA
    pixels: float  # the same in pixels


_MISSES: Final = frozenset((Outcome.MISSED, Outcome.FAR))
_FALSE: Final = frozenset((Outcome.EXTRA, Outcome.FAR))
_ANY_FAULT: Final = frozenset((Outcome.MISSED, Outcome.EXTRA, Outcome.FAR))
_DISTANCES: Final = frozenset((Outcome.MISSED, Outcome.FAR, Outcome.SWITCHED, Outcome.HIT))
# What lowers a figure of the reports.
LOWERS: Final = {
    "ap": _ANY_FAULT,
    "precision": _FALSE,
    "recall": _MISSES,
    "mota": _ANY_FAULT | {Outcome.SWITCHED},
    "motp": frozenset((Outcome.HIT, Outcome.SWITCHED)),
    "mot_precision": _FALSE,
    "mot_recall": _MISSES,
    "idf1": _ANY_FAULT | {Outcome.SWITCHED},
    "hota": _ANY_FAULT | {Outcome.SWITCHED},
    "deta": _ANY_FAULT,
    "assa": _ANY_FAULT | {Outcome.SWITCHED},
    "kit_ap": _ANY_FAULT,
    "pck": _DISTANCES,
    "pckh": _DISTANCES,
    "pck_person": _DISTANCES,
    "pck_person_strict": _DISTANCES,
}


def joint_errors(truth: Source, predicted: Source) -> list[JointError]:
    """Every labelled joint, and every predicted joint where there is none, of one video; in order of frames.

    People are assigned as poseval does for AP: by the joints within half a head size.

    Raises:
        FormatError: the two documents do not fit together.
    """
    (video,) = paired(truth, predicted)
    followed: dict[int, int] = {}  # track of the ground truth -> predicted track that was last assigned to it
    return [error for index, frame in enumerate(video.frames) for error in _of_frame(index, frame, followed)]


def worst(errors: Sequence[JointError], joints: Sequence[int], figure: str, limit: int = 300) -> list[JointError]:
    """Those that lower a report's `figure` for `joints`, worst first."""
    chosen = [error for error in errors if error.joint in joints and error.outcome in LOWERS[figure]]
    chosen.sort(key=lambda error: (-error.error, error.frame_index, error.track_id, error.joint))
    return chosen[:limit]


def _of_frame(index: int, frame: FramePair, followed: dict[int, int]) -> Iterator[JointError]:
    truth, predicted = frame.truth, frame.predicted
    owner = np.full(len(truth), -1)
    distances = frame.distances()
    if len(truth) and len(predicted):
        owner = assigned(distances <= HIT, np.maximum(truth.joints.sum(axis=1), 1))
    for row, column in enumerate(owner.tolist()):
        track_id = int(truth.track_ids[row])
        switched = False
        if column >= 0:
            switched = followed.get(track_id, predicted.track_ids[column]) != predicted.track_ids[column]
            followed[track_id] = int(predicted.track_ids[column])
        for joint in np.flatnonzero(truth.joints[row]).tolist():
            error = float(distances[column, row, joint]) if column >= 0 else math.inf
            yield JointError(
                index, track_id, joint, _outcome(error, switched), error, error * float(truth.head_sizes[row])
            )
    for column in range(len(predicted)):
        rows = np.flatnonzero(owner == column)
        there = truth.joints[rows[0]] if len(rows) else np.zeros(len(JOINTS), bool)
        for joint in np.flatnonzero(predicted.joints[column] & ~there).tolist():
            yield JointError(index, int(predicted.track_ids[column]), joint, Outcome.EXTRA, math.inf, math.inf)


def _outcome(error: float, switched: bool) -> Outcome:
    if math.isinf(error):
        return Outcome.MISSED
    if error > HIT:
        return Outcome.FAR
    return Outcome.SWITCHED if switched else Outcome.HIT

"""AP of joints, as poseval and the PoseTrack21 kit define it (docs/posetrack.md)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.evaluation.sequences import FramePair
from jmpose_core.skeleton import JOINTS, NUM_JOINTS

HIT: Final = 0.5  # head sizes
# The columns of the papers' tables, but for the total.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Head": ("head_top", "head_bottom", "nose"),
    "Shou": ("left_shoulder", "right_shoulder"),
    "Elb": ("left_elbow", "right_elbow"),
    "Wri": ("left_wrist", "right_wrist"),
    "Hip": ("left_hip", "right_hip"),
    "Knee": ("left_knee", "right_knee"),
    "Ankl": ("left_ankle", "right_ankle"),
}


@dataclass(frozen=True, slots=True, eq=False)
class JointAp:
    """Percent per joint (15,); NaN where poseval leaves the joint out."""

    ap: npt.NDArray[np.float64]
    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]


def average_precision(frames: Iterable[FramePair], *, missing_joints_count: bool = False) -> JointAp:
    """AP, and precision and recall at the last rank, of every joint over all frames (already cleaned).

    Every predicted joint is ranked by its own score. Joints of equal score share a
    rank, so that the figure does not depend on their order in the file: the
    lowest of the values that their orders can give.

    Args:
        missing_joints_count: a joint without ground truth has recall and AP 0, as in the PoseTrack21 kit,
            not NaN, as in poseval.
    """
    scores: list[list[npt.NDArray[np.float64]]] = [[] for _ in JOINTS]
    positives: list[list[npt.NDArray[np.bool_]]] = [[] for _ in JOINTS]
    annotated = np.zeros(NUM_JOINTS, np.int64)
    for frame in frames:
        annotated += frame.truth.joints.sum(axis=0)
        correct = _correct_joints(frame)
        for joint in range(NUM_JOINTS):
            has = frame.predicted.joints[:, joint]
            scores[joint].append(frame.predicted.scores[has, joint])
            positives[joint].append(correct[has, joint])
    columns = [
        _joint_figures(_joined(scores[joint]), _joined(positives[joint]), int(annotated[joint]), missing_joints_count)
        for joint in range(NUM_JOINTS)
    ]
    ap, precision, recall = 100 * np.array(columns).T
    return JointAp(ap, precision, recall)


def assigned(hits: npt.NDArray[np.bool_], annotated: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each ground truth person (G,) the prediction it gets, or -1.

    Greedy: each prediction keeps the person it fits best, each person takes the best of those;
    the others are false positives. First come first served on ties.

    Args:
        hits: (P, G, 15).
        annotated: (G,) joints of each ground truth person, at least 1.
    """
    share = hits.sum(axis=2) / annotated
    best = np.zeros_like(share)
    rows = np.arange(len(share))
    choice = share.argmax(axis=1)
    best[rows, choice] = share[rows, choice]
    return np.where(best.max(axis=0) > 0, best.argmax(axis=0), -1)


def by_part(values: Mapping[str, float]) -> dict[str, float]:
    """The table's columns of values by joint; NaN where one of the joints is."""
    return {part: float(np.mean([values[name] for name in names])) for part, names in PARTS.items()}


def _correct_joints(frame: FramePair) -> npt.NDArray[np.bool_]:
    """(P, 15) joints within reach of the same joint of the person their pose is assigned to."""
    correct = np.zeros_like(frame.predicted.joints)
    if len(frame.predicted) and len(frame.truth):
        hits = frame.distances() <= HIT
        owner = assigned(hits, frame.truth.joints.sum(axis=1))
        people = np.flatnonzero(owner >= 0)
        correct[owner[people]] = hits[owner[people], people]
    return correct


def _joint_figures(
    scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_], annotated: int, missing_joints_count: bool
) -> tuple[float, float, float]:
    if not len(scores):
        return 0.0, 0.0, 0.0
    order = np.argsort(-scores, kind="stable")
    last_of_rank = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(positive[order])[last_of_rank]
    precision = hits / (np.flatnonzero(last_of_rank) + 1)
    if not annotated and not missing_joints_count:
        return float("nan"), float(precision[-1]), float("nan")
    recall = hits / max(annotated, 1)
    return _area_under_envelope(precision, recall), float(precision[-1]), float(recall[-1])


def _area_under_envelope(precision: npt.NDArray[np.float64], recall: npt.NDArray[np.float64]) -> float:
    """All-point VOC: precision is at each recall the best that is reached at that recall or a higher one."""
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


def _joined(parts: list[npt.NDArray]) -> npt.NDArray:
    return np.concatenate(parts) if parts else np.zeros(0)

"""PCK and PCKh: the share of joints within a fraction of a person's size.

PCK@0.2 of the torso: Yang and Ramanan, PAMI 2013; PCKh@0.5: Andriluka et al., CVPR 2014, where the head's size is 0.6
times the diagonal of its box; PCK@0.2 and @0.1 of the person: the longer side of the person's box, as on Sub-JHMDB.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.skeleton import JOINT_INDEX, JOINTS

HEAD_FACTOR: Final = 0.6  # MPII's: head size = 0.6 times the head box's diagonal
_DIAGONALS: Final = (("left_shoulder", "right_hip"), ("right_shoulder", "left_hip"))


@dataclass(frozen=True, slots=True, eq=False)
class PckResult:
    """Shares in 0..1."""

    per_joint: npt.NDArray[np.float64]  # (15,) NaN where no joint was counted
    total: float  # over all counted joints, not the mean of per_joint; NaN where there is none
    counted: npt.NDArray[np.int64]  # (15,) labelled joints of the people whose size is known
    people: int  # whose size is known

    def by_name(self) -> dict[str, float]:
        """Shares by joint name, and `total`."""
        return {name: float(value) for name, value in zip(JOINTS, self.per_joint, strict=True)} | {"total": self.total}


def pck(
    predicted: npt.NDArray[np.floating],
    truth: npt.NDArray[np.floating],
    labelled: npt.NDArray[np.bool_],
    *,
    threshold: float = 0.2,
    sizes: npt.NDArray[np.floating] | None = None,
) -> PckResult:
    """Share of labelled joints whose distance is at most `threshold` times the person's size.

    Args:
        predicted: (N, 15, 2) pixels; NaN for a joint that was not predicted, which counts as missed.
        truth: (N, 15, 2) pixels.
        labelled: (N, 15) joints that truth gives.
        sizes: (N,) pixels; torso sizes by default. People of size 0 or NaN are left out.
    """
    truth = np.asarray(truth, np.float64)
    sizes = torso_sizes(truth, labelled) if sizes is None else np.asarray(sizes, np.float64)
    known = sizes > 0
    distance = np.linalg.norm(np.asarray(predicted, np.float64) - truth, axis=2)
    with np.errstate(invalid="ignore"):
        close = distance <= threshold * sizes[:, None]
    counts = labelled & known[:, None]
    hits, total = (close & counts).sum(axis=0), counts.sum(axis=0)
    per_joint = np.divide(hits, total, out=np.full(len(JOINTS), np.nan), where=total > 0)
    return PckResult(
        per_joint=per_joint,
        total=float(hits.sum() / total.sum()) if total.any() else float("nan"),
        counted=total.astype(np.int64),
        people=int(known.sum()),
    )


def torso_sizes(truth: npt.NDArray[np.floating], labelled: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(N,) distance left shoulder to right hip, of the other diagonal where one is not labelled, else NaN."""
    sizes = np.full(len(truth), np.nan)
    for shoulder, hip in _DIAGONALS:
        first, second = JOINT_INDEX[shoulder], JOINT_INDEX[hip]
        usable = np.isnan(sizes) & labelled[:, first] & labelled[:, second]
        sizes[usable] = np.linalg.norm(truth[usable, first] - truth[usable, second], axis=1)
    return sizes


def person_sizes(truth: npt.NDArray[np.floating], labelled: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(N,) longer side of the box about the labelled joints of people (N, 15, 2); at most 0 where that is one joint."""
    low = np.where(labelled[..., None], truth, np.inf).min(axis=1)
    high = np.where(labelled[..., None], truth, -np.inf).max(axis=1)
    return (high - low).max(axis=1)


def head_sizes(bbox_head_xywh: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(N,) head sizes of head boxes (N, 4) given by left, top, width, height: PCKh's unit."""
    return HEAD_FACTOR * np.hypot(bbox_head_xywh[:, 2], bbox_head_xywh[:, 3])

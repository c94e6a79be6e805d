"""Joint sets of other programs and data sets, and conversion between any two by name.

A joint of the same name is the same joint. What one set has and the other has not is
either derived from its neighbours, and then named as synthesised, or left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from jmpose_core.skeleton import JOINTS, POSETRACK18_SLOTS

Points: TypeAlias = npt.NDArray[np.float64]  # (K, C) x, y, third value, and more; all zero where there is no joint

COCO17: Final[tuple[str, ...]] = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
COCO_SIGMAS: Final[tuple[float, ...]] = (
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072,
    0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089,
)  # fmt: skip
# LSP and MPII call the joints of a head's two ends by other names.
ALIASES: Final[Mapping[str, str]] = {"neck": "head_bottom", "upper_neck": "head_bottom", "top_head": "head_top"}

JOINT_SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "posetrack15": JOINTS,
    "posetrack18": POSETRACK18_SLOTS,
    "coco17": COCO17,
}


@dataclass(frozen=True, slots=True, eq=False)
class Converted:
    """Keypoints in another joint set."""

    keypoints: Points  # (L, C)
    synthesised: tuple[str, ...]  # joints of the target that were derived
    dropped: tuple[str, ...]  # labelled joints of the source that the target has not


def convert_keypoints(
    keypoints: Points, source: Sequence[str], target: Sequence[str], *, synthesise: bool = False
) -> Converted:
    """Keypoints (K, C), named by `source`, in the order of `target`: x, y, third value and any more columns.

    With `synthesise`, a missing head_bottom is the middle of the shoulders, and a missing
    head_top is the nose mirrored away from that middle (the DCPose family's rule). The other
    columns are the mean of the shoulders'. Eyes and ears are never made up.
    """
    names = [ALIASES.get(name, name) for name in source]
    labelled = {name: point for name, point in zip(names, keypoints, strict=True) if point.any()}
    result = np.zeros((len(target), keypoints.shape[1]))
    made_up = []
    for slot, name in enumerate(target):
        name = ALIASES.get(name, name)
        point = labelled.get(name)
        if point is None and synthesise and name in _DERIVED:
            point = _DERIVED[name](labelled)
            if point is not None:
                made_up.append(name)
        if point is not None:
            result[slot] = point
    wanted = {ALIASES.get(name, name) for name in target}
    return Converted(result, tuple(made_up), tuple(name for name in labelled if name not in wanted))


def _head_bottom(labelled: Mapping[str, Points]) -> Points | None:
    left, right = labelled.get("left_shoulder"), labelled.get("right_shoulder")
    return None if left is None or right is None else (left + right) / 2


def _head_top(labelled: Mapping[str, Points]) -> Points | None:
    nose, neck = labelled.get("nose"), _head_bottom(labelled)
    if nose is None or neck is None:
        return None
    return np.concatenate([2 * nose[:2] - neck[:2], neck[2:]])


_DERIVED: Final[Mapping[str, Callable[[Mapping[str, Points]], Points | None]]] = {
    "head_bottom": _head_bottom,
    "head_top": _head_top,
}

"""Joint sets of other programs and data sets, and conversion between any two by name.

A joint of the same name is the same joint. What one set has and the other has not is
either derived from its neighbours, and then named as synthesised, or left out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
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
JOINT_SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "posetrack15": JOINTS,
    "posetrack18": POSETRACK18_SLOTS,
    "coco17": COCO17,
}


# What the parts of a body are called elsewhere: LSP and MPII have a neck, others write the words the other way round.
_MIDDLE: Final[Mapping[str, str]] = {
    "nose": "nose",
    "head_top": "head_top", "top_head": "head_top", "top_of_head": "head_top", "headtop": "head_top",
    "tophead": "head_top",
    "head_bottom": "head_bottom", "bottom_head": "head_bottom", "headbottom": "head_bottom",
    "neck": "head_bottom", "upper_neck": "head_bottom", "upperneck": "head_bottom",
}  # fmt: skip
_PAIRED: Final = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_SIDES: Final[Mapping[str, str]] = {"left": "left", "l": "left", "right": "right", "r": "right"}
_WORD_ENDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # rightShoulder, RHip
_SIDE_AND_PART: Final = re.compile(rf"(?P<side>left|right|l|r)_?(?P<part>{'|'.join(_PAIRED)})")
_PART_AND_SIDE: Final = re.compile(rf"(?P<part>{'|'.join(_PAIRED)})_?(?P<side>left|right|l|r)")


def our_names(names: Sequence[str]) -> tuple[str, ...]:
    """The joints' names as this program and COCO write them; an unknown name stays as it is.

    "Right Shoulder", "rShoulder", "shoulder_r" and the like are right_shoulder; "neck" is head_bottom. Where several
    names are of one joint, the program's own or else the first stands for it, and the others stay as they are.
    """
    taken = set(names)
    result = []
    for name in names:
        ours = _our_name(name)
        if ours != name and ours in taken:
            ours = name
        taken.add(ours)
        result.append(ours)
    return tuple(result)


@cache
def _our_name(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", _WORD_ENDS.sub("_", name).lower()).strip("_")
    if plain in _MIDDLE:
        return _MIDDLE[plain]
    match = _SIDE_AND_PART.fullmatch(plain) or _PART_AND_SIDE.fullmatch(plain)
    return name if match is None else f"{_SIDES[match['side']]}_{match['part']}"


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
    names = our_names(source)
    labelled = {name: point for name, point in zip(names, keypoints, strict=True) if point.any()}
    result = np.zeros((len(target), keypoints.shape[1]))
    made_up = []
    wanted = our_names(target)
    for slot, name in enumerate(wanted):
        point = labelled.get(name)
        if point is None and synthesise and name in _DERIVED:
            point = _DERIVED[name](labelled)
            if point is not None:
                made_up.append(name)
        if point is not None:
            result[slot] = point
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

"""The PoseTrack skeleton: 15 joints in PoseTrack17 order, as used everywhere inside.

The 17 slots of PoseTrack18 and PoseTrack21 (with two ears that are never
labelled) exist only in files; `SLOT_OF_JOINT` takes a joint to its slot.
"""

from typing import Final

JOINTS: Final[tuple[str, ...]] = (
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "head_bottom",
    "nose",
    "head_top",
)
JOINT_TITLES: Final[tuple[str, ...]] = tuple(name.replace("_", " ") for name in JOINTS)  # as people read them
NUM_JOINTS: Final = len(JOINTS)
JOINT_INDEX: Final[dict[str, int]] = {name: index for index, name in enumerate(JOINTS)}

# POSETRACK18_SLOTS[i] is the name that position i of a 17x3 keypoint list holds.
POSETRACK18_SLOTS: Final[tuple[str, ...]] = (
    "nose",
    "head_bottom",
    "head_top",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
SLOT_OF_JOINT: Final[tuple[int, ...]] = tuple(POSETRACK18_SLOTS.index(name) for name in JOINTS)


def _mirrored(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    if name.startswith("right_"):
        return "left_" + name.removeprefix("right_")
    return name


# FLIP[j] is the joint that j becomes in a mirrored picture.
FLIP: Final[tuple[int, ...]] = tuple(JOINT_INDEX[_mirrored(name)] for name in JOINTS)


def _limb(first: str, second: str) -> tuple[int, int]:
    return JOINT_INDEX[first], JOINT_INDEX[second]


# The bones that are drawn, and whose lengths are checked.
LIMBS: Final[tuple[tuple[int, int], ...]] = (
    _limb("head_top", "nose"),
    _limb("nose", "head_bottom"),
    _limb("head_bottom", "right_shoulder"),
    _limb("right_shoulder", "right_elbow"),
    _limb("right_elbow", "right_wrist"),
    _limb("head_bottom", "left_shoulder"),
    _limb("left_shoulder", "left_elbow"),
    _limb("left_elbow", "left_wrist"),
    _limb("right_shoulder", "right_hip"),
    _limb("left_shoulder", "left_hip"),
    _limb("right_hip", "left_hip"),
    _limb("right_hip", "right_knee"),
    _limb("right_knee", "right_ankle"),
    _limb("left_hip", "left_knee"),
    _limb("left_knee", "left_ankle"),
)

# Per-joint OKS falloff. Limbs: COCO's constants; head_bottom and head_top:
# the ones of openpifpaf_posetrack, as COCO has neither joint.
OKS_SIGMAS: Final[tuple[float, ...]] = (
    0.089, 0.087, 0.107, 0.107, 0.087, 0.089,
    0.062, 0.072, 0.079, 0.079, 0.072, 0.062,
    0.08, 0.026, 0.06,
)  # fmt: skip

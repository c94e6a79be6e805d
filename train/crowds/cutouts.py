"""Cut-outs of people: where a person's pixels are, from joints and, where there is one, a mask."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from jmpose_core.skeleton import JOINT_INDEX
from train.crowds.warps import CROP_SIZE

# first, second joint, radius in torso lengths: a limb is a capsule about the line between its joints
_CAPSULES: Final = tuple(
    (JOINT_INDEX[first], JOINT_INDEX[second], radius)
    for first, second, radius in (
        ("left_shoulder", "left_hip", 0.20),
        ("right_shoulder", "right_hip", 0.20),
        ("left_shoulder", "right_hip", 0.18),
        ("right_shoulder", "left_hip", 0.18),
        ("left_shoulder", "right_shoulder", 0.14),
        ("left_hip", "right_hip", 0.17),
        ("left_shoulder", "left_elbow", 0.115),
        ("right_shoulder", "right_elbow", 0.115),
        ("left_elbow", "left_wrist", 0.10),
        ("right_elbow", "right_wrist", 0.10),
        ("left_hip", "left_knee", 0.16),
        ("right_hip", "right_knee", 0.16),
        ("left_knee", "left_ankle", 0.13),
        ("right_knee", "right_ankle", 0.13),
        ("head_bottom", "head_top", 0.19),
        ("head_bottom", "nose", 0.19),
    )
)
_SHRUNK: Final = 2  # the capsules are drawn at half size
_EDGE: Final = 0.75  # half-size pixels over which they fade
_LOOSE: Final = 2.5  # times wider where a mask says the outline


def torso_length(joints: Tensor) -> Tensor:
    """(B,) mean distance from shoulder to hip of joints (B, 15, 2 or more), at least 6 pixels."""
    left = joints[:, JOINT_INDEX["left_shoulder"], :2] - joints[:, JOINT_INDEX["left_hip"], :2]
    right = joints[:, JOINT_INDEX["right_shoulder"], :2] - joints[:, JOINT_INDEX["right_hip"], :2]
    return ((left.norm(dim=1) + right.norm(dim=1)) / 2).clamp_min(6)


def limbs_alpha(joints: Tensor, width: Tensor, size: tuple[int, int] = CROP_SIZE) -> Tensor:
    """How much of each pixel is the person: (B, 1, H, W) in 0..1 from joints (B, 15, 3) in crop pixels.

    Args:
        joints: with weights; a limb needs both of its joints.
        width: (B,) factor on all radii.
        size: height, width of the crop.
    """
    height, across = (side // _SHRUNK for side in size)
    x = torch.arange(across, device=joints.device, dtype=torch.float32)
    y = torch.arange(height, device=joints.device, dtype=torch.float32)[:, None]
    points = (joints[..., :2] + 0.5) / _SHRUNK - 0.5
    unit = torso_length(joints) / _SHRUNK * width
    alpha = torch.zeros(len(joints), height, across, device=joints.device)
    for first, second, radius in _CAPSULES:
        start, along = points[:, first], points[:, second] - points[:, first]
        dx, dy = x - start[:, 0, None, None], y - start[:, 1, None, None]
        along_x, along_y = along[:, 0, None, None], along[:, 1, None, None]
        part = (dx * along_x + dy * along_y) / along.square().sum(dim=1).clamp_min(1e-3)[:, None, None]
        part = part.clamp(0, 1)
        distance = torch.hypot(dx - part * along_x, dy - part * along_y)
        there = (joints[:, first, 2] > 0) & (joints[:, second, 2] > 0)
        limb = torch.sigmoid(((unit * radius)[:, None, None] - distance) / _EDGE) * there[:, None, None]
        alpha = torch.maximum(alpha, limb)
    return F.interpolate(alpha[:, None], scale_factor=_SHRUNK, mode="bilinear", align_corners=False)


def person_alpha(joints: Tensor, mask: Tensor, has_mask: Tensor, width: Tensor) -> Tensor:
    """As `limbs_alpha`; the mask (B, 1, H, W) about the person's limbs for those who have one (B,) bool.

    A mask may hold several people, so only what lies near this person's limbs counts.
    """
    factor = torch.where(has_mask, _LOOSE, width)
    alpha = limbs_alpha(joints, factor)
    return torch.where(has_mask[:, None, None, None], alpha * mask, alpha)

"""People pasted before and behind the person of a crop, at every distance, with their joints."""

from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from jmpose_core.skeleton import JOINT_INDEX, NUM_JOINTS
from train.crowds.bank import PeopleBank
from train.crowds.cutouts import person_alpha, torso_length
from train.crowds.warps import CROP_SIZE, Warps, chance, placed, sampled

_SECOND: Final = 0.35  # of the crowds that get another person
_NEAREST, _FARTHEST = 0.08, 1.2  # between the two people's middles, in half the sum of their widths
_MOST_COVERED: Final = 0.6  # of the labelled joints that one in front may hide
_TRUNK: Final = [JOINT_INDEX[name] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Crops with the joints in them, in crop pixels.

    images: (B, 3, H, W) in 0..1. joints: (B, 15, 3) with weight. others, others_witness: (B, M, 15, 3), M the same.
    unit: (B,) torso length of the person. covered: (B, 15) joints that a pasted person hides.
    """

    images: Tensor
    joints: Tensor
    others: Tensor
    others_witness: Tensor
    unit: Tensor
    covered: Tensor

    @classmethod
    def alone(cls, images: Tensor, joints: Tensor, others: Tensor, others_witness: Tensor) -> "Crowd":
        """Nobody pasted yet."""
        extent = _extent(joints)
        unit = torch.where(_has_trunk(joints), torso_length(joints), (0.3 * extent).clamp_min(6))
        return cls(images, joints, others, others_witness, unit, torch.zeros_like(joints[..., 2], dtype=torch.bool))


def crowded(crowd: Crowd, bank: PeopleBank, index: Tensor, warps: Warps, bbox: Tensor, probability: float) -> Crowd:
    """The crops, one or two people pasted into some.

    Args:
        crowd: as the scenes have them.
        bank: whose donors are pasted.
        index: (B,) the people of the crops.
        warps: crop_from_scene of theirs.
        bbox: (B, 4) their boxes in the crop.
        probability: that a crop becomes a crowd.
    """
    count, device = len(index), bank.device
    if probability <= 0 or not len(bank.donors):
        return crowd
    mask, has_mask = _mask_in_crop(bank, index, warps)
    own = person_alpha(crowd.joints, mask, has_mask, torch.ones(count, device=device))
    own = own * (_has_trunk(crowd.joints) & (_labelled(crowd.joints) >= 9))[:, None, None, None]
    side = torch.where(chance(count, 0.5, device), 1.0, -1.0)
    first = chance(count, probability, device)
    crowd, own = _pasted(crowd, bank, bbox, own, side, first)
    second = first & chance(count, _SECOND, device)
    if bool(second.any()):
        other_side = torch.where(chance(count, 0.7, device), -side, side)
        crowd, _ = _pasted(crowd, bank, bbox, own, other_side, second)
    return crowd


def _pasted(
    crowd: Crowd, bank: PeopleBank, bbox: Tensor, own: Tensor, side: Tensor, wanted: Tensor
) -> tuple[Crowd, Tensor]:
    """One more person beside each; what is left to see of the first one, too."""
    count, device = len(bbox), bank.device
    donor = bank.donors[torch.multinomial(bank.draws[bank.donors], count, replacement=True)]
    warps = _beside(bank.bbox_xyxy[donor], bank.joints[donor], crowd.unit, bbox, side)
    pixels, inside = sampled(bank.pictures[donor], bank.size[donor], warps.matrix)
    pixels = (pixels * torch.empty(count, 3, 1, 1, device=device).uniform_(0.75, 1.3)).clamp(0, 1)
    joints = warps.joints(bank.joints[donor])
    mask, has_mask = _mask_in_crop(bank, donor, warps)
    alpha = person_alpha(joints, mask, has_mask, torch.empty(count, device=device).uniform_(0.85, 1.2)) * inside
    hides = _at(alpha, crowd.joints) & (crowd.joints[..., 2] > 0)
    much = hides.sum(dim=1) > _MOST_COVERED * _labelled(crowd.joints).clamp_min(1)
    can_be_behind = own.amax(dim=(1, 2, 3)) > 0.5
    front = chance(count, 0.5, device) & ~much
    wanted = wanted & (front | can_be_behind)
    alpha = alpha * wanted[:, None, None, None]
    shown = torch.where(front[:, None, None, None], alpha, alpha * (1 - own))
    images = crowd.images * (1 - shown) + pixels * shown
    joints = joints * torch.stack([torch.ones_like(wanted), torch.ones_like(wanted), wanted], 1)[:, None]
    others = torch.cat([crowd.others, joints[:, None]], dim=1)
    nothing = torch.zeros(count, 1, NUM_JOINTS, 3, device=device)
    changed = replace(
        crowd,
        images=images,
        others=others,
        others_witness=torch.cat([crowd.others_witness, nothing], dim=1),
        covered=crowd.covered | (hides & (front & wanted)[:, None]),
    )
    return changed, torch.where(front[:, None, None, None], own * (1 - alpha), own)


def _beside(donor_bbox: Tensor, donor_joints: Tensor, unit: Tensor, bbox: Tensor, side: Tensor) -> Warps:
    """crop_from_scene of donors so that each stands beside the person with about its size."""
    count, device = len(unit), unit.device
    scale = unit / torso_length(donor_joints) * torch.empty(count, device=device).uniform_(-0.4, 0.4).exp()
    widths = (bbox[:, 2] - bbox[:, 0] + scale * (donor_bbox[:, 2] - donor_bbox[:, 0])) / 2
    height, width = CROP_SIZE
    apart = torch.empty(count, device=device).uniform_(_NEAREST, _FARTHEST) * widths
    middle = (bbox[:, :2] + bbox[:, 2:]) / 2
    x = middle[:, 0] + side * apart.clamp_max(0.75 * width)
    y = middle[:, 1] + torch.randn(count, device=device).clamp(-2, 2) * 0.07 * height
    angle = torch.randn(count, device=device).clamp(-3, 3) * 0.2
    centre = (donor_bbox[:, :2] + donor_bbox[:, 2:]) / 2
    return placed(centre, torch.stack([x, y], 1), scale=scale, angle=angle, flip=chance(count, 0.5, device))


def _mask_in_crop(bank: PeopleBank, index: Tensor, warps: Warps) -> tuple[Tensor, Tensor]:
    """Masks (B, 1, H, W) in 0..1 of people, 0 for those without, and who has one (B,)."""
    has_mask = bank.mask_of[index] >= 0
    mask = torch.zeros(len(index), 1, *CROP_SIZE, device=bank.device)
    rows = has_mask.nonzero()[:, 0]
    if len(rows):
        masks = bank.masks[bank.mask_of[index[rows]]][..., None]
        found, inside = sampled(masks, bank.size[index[rows]], warps.matrix[rows])
        mask[rows] = found * inside
    return mask, has_mask


def _at(alpha: Tensor, joints: Tensor) -> Tensor:
    """Whether alpha (B, 1, H, W) is over a half at joints (B, 15, 2 or more); False outside the crop."""
    height, width = alpha.shape[-2:]
    x, y = joints[..., 0].round().long(), joints[..., 1].round().long()
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    crops = torch.arange(len(alpha), device=alpha.device)[:, None]
    return (alpha[crops, 0, y.clamp(0, height - 1), x.clamp(0, width - 1)] > 0.5) & inside


def _labelled(joints: Tensor) -> Tensor:
    return (joints[..., 2] > 0).sum(dim=1)


def _has_trunk(joints: Tensor) -> Tensor:
    return (joints[:, _TRUNK, 2] > 0).all(dim=1)


def _extent(joints: Tensor) -> Tensor:
    """Longer side of what the labelled joints span."""
    labelled = (joints[..., 2] > 0)[..., None]
    low = torch.where(labelled, joints[..., :2], 1e6).amin(dim=1)
    high = torch.where(labelled, joints[..., :2], -1e6).amax(dim=1)
    return (high - low).amax(dim=1)

"""Batches of crops of people among people, made on the training's own device."""

import math
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from jmpose_core.skeleton import NUM_JOINTS
from train.crowds.bank import PeopleBank
from train.crowds.degrading import degraded, occluded
from train.crowds.pasting import Crowd, crowded
from train.crowds.warps import CROP_SIZE, RIGHT_ANGLE, Warps, chance, clipped_normal, crop_warps, in_cells, sampled
from train.crowds.witness_errors import Known, WitnessErrors, simulated_prior
from train.people.augment import LOWER_BODY, UPPER_BODY, CropAugmentation

_COVERED_WEIGHT: Final = 0.5  # of a joint that a pasted person hides: its place is a guess


@dataclass(frozen=True, slots=True)
class Variation(CropAugmentation):
    """How crops differ from the labelled ones. `PLAIN` leaves them as they are."""

    crowd_probability: float = 0.5
    occluder_probability: float = 0.2
    replicated_border: float = 0.3  # crops whose surroundings go on beyond the picture; black in the others
    degrade: bool = True
    witness: WitnessErrors = field(default_factory=WitnessErrors)


@dataclass(frozen=True, slots=True, eq=False)
class CrowdBatch:
    """B crops.

    images: (B, 3, H, W) in [-1, 1]. cells: (B, 15, 2) joints in heatmap cells. weight: (B, 15), 0 where unlabelled
    or outside. prior: (B, PRIOR_CHANNELS, h, w). others: (B, M, 15, 2) cells of other people's joints. others_weight:
    (B, M, 15).
    """

    images: Tensor
    cells: Tensor
    weight: Tensor
    prior: Tensor
    others: Tensor
    others_weight: Tensor


def drawn_batch(bank: PeopleBank, count: int, variation: Variation) -> CrowdBatch:
    """So many crops, drawn from torch's generator of the device."""
    index = torch.multinomial(bank.draws, count, replacement=True)
    return batch_of(bank, index, variation)


def batch_of(bank: PeopleBank, index: Tensor, variation: Variation) -> CrowdBatch:
    """Crops of the people `index` (B,)."""
    device, count = bank.device, len(index)
    bbox = _half_bodies(bank.bbox_xyxy[index], bank.joints[index], variation.half_body_probability)
    warps = _random_warps(bbox, variation)
    images, inside = sampled(bank.pictures[index], bank.size[index], warps.matrix)
    replicated = chance(count, variation.replicated_border, device)[:, None, None, None]
    images = torch.where(inside | replicated, images, 0)
    crowd = Crowd.alone(
        images,
        warps.joints(bank.joints[index]),
        warps.joints(bank.others[index]),
        warps.joints(bank.others_witness[index]),
    )
    in_crop = warps.box(bbox)
    crowd = crowded(crowd, bank, index, warps, in_crop, variation.crowd_probability)
    images = occluded(crowd.images, variation.occluder_probability)
    if variation.degrade:
        images = degraded(images)
    joints = crowd.joints
    known = Known(
        joints,
        warps.joints(bank.witness[index]),
        crowd.others,
        crowd.others_witness,
        in_crop,
        crowd.unit,
        crowd.covered,
    )
    weight = joints[..., 2] * within_crop(joints[..., :2]) * torch.where(crowd.covered, _COVERED_WEIGHT, 1.0)
    return CrowdBatch(
        images=images * 2 - 1,
        cells=in_cells(joints[..., :2]),
        weight=weight,
        prior=simulated_prior(known, variation.witness),
        others=in_cells(crowd.others[..., :2]),
        others_weight=crowd.others[..., 2] * within_crop(crowd.others[..., :2]),
    )


def within_crop(points: Tensor) -> Tensor:
    """Whether crop pixels (..., 2) lie in the crop."""
    height, width = CROP_SIZE
    x, y = points.unbind(-1)
    return (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)


def _random_warps(bbox: Tensor, variation: Variation) -> Warps:
    count, device = len(bbox), bbox.device
    side = (bbox[:, 2:] - bbox[:, :2]).amax(dim=1)
    shift = torch.empty(count, 2, device=device).uniform_(-1, 1) * variation.shift * side[:, None]
    factor = (clipped_normal(count, 0.6, 1, device) * math.log1p(variation.scale)).exp()
    angle = clipped_normal(count, math.radians(variation.rotation_deg), RIGHT_ANGLE, device)
    angle = angle * chance(count, variation.rotation_probability, device)
    flip = chance(count, variation.flip_probability, device)
    return crop_warps(bbox + shift.repeat(1, 2), enlarge=1.25 * factor, angle=angle, flip=flip)


def _half_bodies(bbox: Tensor, joints: Tensor, probability: float) -> Tensor:
    """For some, a box about the labelled joints of the upper or lower body, 1.4 times as large."""
    count, device = len(bbox), bbox.device
    groups = torch.zeros(2, NUM_JOINTS, dtype=torch.bool, device=device)
    groups[0, UPPER_BODY], groups[1, LOWER_BODY] = True, True
    labelled = joints[..., 2] > 0
    chosen = labelled & groups[chance(count, 0.4, device).long()]
    far = torch.full_like(joints[..., :2], 1e6)
    low = torch.where(chosen[..., None], joints[..., :2], far).amin(dim=1)
    high = torch.where(chosen[..., None], joints[..., :2], -far).amax(dim=1)
    centre, half = (low + high) / 2, (high - low) / 2 * 1.4
    enough = (labelled.sum(dim=1) >= 9) & (chosen.sum(dim=1) >= 4) & (half > 4).all(dim=1)
    taken = enough & chance(count, probability, device)
    return torch.where(taken[:, None], torch.cat([centre - half, centre + half], dim=1), bbox)

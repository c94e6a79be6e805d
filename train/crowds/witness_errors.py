"""Person priors for training: MultiPose's own regression, or true joints disturbed as a witness would."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from jmpose_core.model.prior import person_prior
from jmpose_core.skeleton import FLIP, JOINT_INDEX
from train.crowds.warps import CROP_SIZE, chance, in_cells

MAP_SIZE: Final = (CROP_SIZE[0] // 4, CROP_SIZE[1] // 4)
UNWITNESSED: Final = [JOINT_INDEX[name] for name in ("head_bottom", "head_top")]  # COCO's skeleton has neither
_LIMBS: Final = tuple(
    [JOINT_INDEX[f"{side}_{name}"] for name in pair]
    for side in ("left", "right")
    for pair in (("elbow", "wrist"), ("knee", "ankle"))
)


@dataclass(frozen=True, slots=True)
class WitnessErrors:
    """How often, as shares of crops or joints, the witness of a training is wrong or silent."""

    nothing: float = 0.12  # crops without box and witness
    no_witness: float = 0.2  # crops with the box alone
    real: float = 0.55  # of those with a witness that have MultiPose's own, where there is one
    noise: tuple[float, float] = (0.05, 0.3)  # torso lengths, of a simulated witness
    dropped_joints: float = 0.1
    exchanged: float = 0.05  # left for right, whole person
    stolen_limb: float = 0.12  # crops in which one limb is a neighbour's
    no_others: float = 0.35  # crops that do not say where the others are
    no_head: float = 0.8  # people whose neck and head top a simulated witness lacks, as MultiPose does
    box: float = 0.06  # of the box's sides, how far its edges err


EXACT: Final = WitnessErrors(  # to measure with: a usual witness
    0, 0, 0, noise=(0.12, 0.12), exchanged=0.03, stolen_limb=0.05, no_others=0, no_head=1, box=0
)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What a witness could see, in crop pixels; joints have their weight or confidence as third value.

    truth, witness: (B, 15, 3) of the person. others, others_witness: (B, M, 15, 3). bbox: (B, 4). unit: (B,) torso
    length. covered: (B, 15) joints that someone hides.
    """

    truth: Tensor
    witness: Tensor
    others: Tensor
    others_witness: Tensor
    bbox: Tensor
    unit: Tensor
    covered: Tensor


def simulated_prior(known: Known, errors: WitnessErrors) -> Tensor:
    """(B, PRIOR_CHANNELS, h, w): priors as the program will meet them, good, bad and none."""
    count, device = len(known.truth), known.truth.device
    own = _own(known, errors)
    others = _others(known, errors)
    bbox = _disturbed_box(known.bbox, errors.box)
    silent = chance(count, errors.nothing, device)
    heard = ~silent & ~chance(count, errors.no_witness / max(1e-6, 1 - errors.nothing), device)
    others_heard = heard & ~chance(count, errors.no_others, device)
    return prior_in_crop(
        bbox * ~silent[:, None],
        own * torch.stack([torch.ones_like(heard), torch.ones_like(heard), heard], 1)[:, None],
        others * torch.stack([torch.ones_like(heard), torch.ones_like(heard), others_heard], 1)[:, None, None],
    )


def prior_in_crop(bbox: Tensor, own: Tensor, others: Tensor) -> Tensor:
    """`person_prior` of joints (B, 15, 3) and (B, M, 15, 3) and boxes (B, 4) in crop pixels; a box of 0 is none."""
    cells = in_cells(bbox.view(-1, 2, 2)).flatten(1)
    return person_prior(
        cells,
        in_cells(own[..., :2]),
        own[..., 2].clamp(0, 1),
        MAP_SIZE,
        others_in_cells=in_cells(others[..., :2]),
        others_confidence=others[..., 2].clamp(0, 1),
    )


def _own(known: Known, errors: WitnessErrors) -> Tensor:
    count, device = len(known.truth), known.truth.device
    seen = (known.witness[..., 2] > 0).any(dim=1) & chance(count, errors.real, device)
    own = torch.where(seen[:, None, None], known.witness, _disturbed(known.truth, known.unit, errors))
    hidden = torch.where(known.covered, torch.rand(count, 15, device=device), 1.0)
    own = _scaled(own, hidden * ~chance(count * 15, errors.dropped_joints, device).view(count, 15))
    own = torch.where(chance(count, errors.exchanged, device)[:, None, None], own[:, list(FLIP)], own)
    return _with_stolen_limb(own, known.others, errors.stolen_limb)


def _others(known: Known, errors: WitnessErrors) -> Tensor:
    count, people = known.others.shape[:2]
    unit = known.unit.repeat_interleave(people)
    made = _disturbed(known.others.flatten(0, 1), unit, errors).view_as(known.others)
    seen = (known.others_witness[..., 2] > 0).any(dim=2)
    others = torch.where(seen[..., None, None], known.others_witness, made)
    return _scaled(others, ~chance(count * people, 0.12, unit.device).view(count, people, 1).expand(-1, -1, 15))


def _disturbed(joints: Tensor, unit: Tensor, errors: WitnessErrors) -> Tensor:
    """Joints (N, 15, 3) off by a share of the torso that each person draws; labelled ones alone, less or more sure."""
    count, device = len(joints), joints.device
    share = torch.empty(count, 1, 1, device=device).uniform_(*errors.noise)
    together = torch.randn(count, 1, 2, device=device) * 0.4  # a witness errs in part as a whole
    noise = (torch.randn(count, 15, 2, device=device) + together) * share * unit[:, None, None] * 0.7
    sure = torch.empty(count, 1, device=device).uniform_(0.35, 1.0) * torch.empty(count, 15, device=device).uniform_(
        0.6, 1.0
    )
    sure = sure * (joints[..., 2] > 0)
    sure[:, UNWITNESSED] *= ~chance(count, errors.no_head, device)[:, None]
    return torch.cat([joints[..., :2] + noise, sure[..., None]], dim=2)


def _with_stolen_limb(own: Tensor, others: Tensor, probability: float) -> Tensor:
    """One limb of some is that of one of the others, who has it."""
    count, device = len(own), own.device
    crops = torch.arange(count, device=device)
    thief = others[crops, torch.randint(others.shape[1], (count,), device=device)]
    limbs = torch.zeros(len(_LIMBS), 15, dtype=torch.bool, device=device)
    for row, limb in enumerate(_LIMBS):
        limbs[row, limb] = True
    limb = limbs[torch.randint(len(_LIMBS), (count,), device=device)]
    stolen = limb & (thief[..., 2] > 0) & (own[..., 2] > 0) & chance(count, probability, device)[:, None]
    moved = torch.cat([thief[..., :2], own[..., 2:]], dim=2)
    return torch.where(stolen[..., None], moved, own)


def _scaled(joints: Tensor, factor: Tensor) -> Tensor:
    """The third value times a factor of one axis less."""
    return torch.cat([joints[..., :2], (joints[..., 2] * factor)[..., None]], dim=-1)


def _disturbed_box(bbox: Tensor, share: float) -> Tensor:
    sides = (bbox[:, 2:] - bbox[:, :2]).repeat(1, 2)
    return bbox + torch.randn_like(bbox).clamp(-2, 2) * sides * share

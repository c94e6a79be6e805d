"""Which cells answer for which person, and what they are asked to say.

Assignment is task-aligned (Feng et al., TOOD, ICCV 2021, eq. 3): a person is
given to the cells inside the box that already do best at both tasks. The person
logit learns the quality of its cell's box through quality focal loss (Li et al.,
NeurIPS 2020, eq. 3), the box through generalised IoU (Rezatofighi et al., CVPR 2019).
"""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

_CELLS_PER_PERSON: Final = 9
_SCORE_POWER: Final = 0.5
_IOU_POWER: Final = 4.0
_BOX_WEIGHT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Targets:
    """People of a batch, padded with boxes of zeros; all boxes xyxy in input pixels."""

    people: Tensor  # (B, M, 4)
    weights: Tensor  # (B, M) 0..1, 0 where padded
    ignored: Tensor  # (B, K, 4) neither person nor background


@dataclass(frozen=True, slots=True)
class Loss:
    """Parts of the loss, each already weighted; `total` is their sum."""

    person: Tensor
    box: Tensor

    @property
    def total(self) -> Tensor:
        return self.person + self.box


def detection_loss(logits: Tensor, boxes: Tensor, centres: Tensor, targets: Targets) -> Loss:
    """Loss of PersonNet's logits (B, N) and boxes (B, N, 4), whose cells lie at centres (N, 2)."""
    quality, owner = assign(logits.detach().sigmoid(), boxes.detach(), centres, targets.people)
    weight = targets.weights.gather(1, owner)  # (B, N): of the person each cell would answer for
    positive = quality > 0
    total = (quality * weight).sum().clamp_min(1.0)

    scored = torch.where(positive, weight, (~_inside(centres, targets.ignored).any(dim=1)).to(weight))
    modulation = (quality - logits.sigmoid()).abs().square()
    person = F.binary_cross_entropy_with_logits(logits, quality, reduction="none") * modulation * scored

    wanted = targets.people.gather(1, owner[..., None].expand(-1, -1, 4))[positive]
    box = (1 - generalised_iou(boxes[positive], wanted)) * (quality * weight)[positive]
    return Loss(person.sum() / total, _BOX_WEIGHT * box.sum() / total)


@torch.no_grad()
def assign(scores: Tensor, boxes: Tensor, centres: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
    """Wanted quality (B, N), 0 for background, and the index (B, N) of the person each cell answers for.

    A person's best cell is asked for the best IoU that any of that person's cells reached.
    """
    overlap = pairwise_iou(people, boxes)  # (B, M, N)
    inside = _inside(centres, people)
    alignment = scores[:, None] ** _SCORE_POWER * overlap**_IOU_POWER * inside
    cells = min(_CELLS_PER_PERSON, alignment.shape[-1])
    threshold = alignment.topk(cells, dim=-1).values[..., -1:]
    chosen = inside & (alignment > 0) & (alignment >= threshold)
    owner = torch.where(chosen, overlap, -1.0).argmax(dim=1)  # a cell that two people want goes to the closer fit
    chosen &= torch.zeros_like(chosen).scatter_(1, owner[:, None], True)
    alignment = alignment * chosen
    best_alignment = alignment.amax(dim=-1, keepdim=True).clamp_min(1e-12)
    best_overlap = (overlap * chosen).amax(dim=-1, keepdim=True)
    return (alignment / best_alignment * best_overlap).amax(dim=1), owner


def _inside(centres: Tensor, boxes: Tensor) -> Tensor:
    """Whether centres (N, 2) lie in boxes (B, M, 4): (B, M, N); never in a padded one."""
    x, y = centres[:, 0], centres[:, 1]
    left, top, right, bottom = boxes[..., None].unbind(dim=2)
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """IoU of boxes (B, M, 4) and (B, N, 4): (B, M, N), 0 for padded ones."""
    low = torch.maximum(first[:, :, None, :2], second[:, None, :, :2])
    high = torch.minimum(first[:, :, None, 2:], second[:, None, :, 2:])
    overlap = (high - low).clamp_min(0).prod(dim=-1)
    areas = _area(first)[:, :, None] + _area(second)[:, None]
    return overlap / (areas - overlap).clamp_min(1e-6)


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """GIoU of box pairs (N, 4), in -1..1."""
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    overlap = (high - low).clamp_min(0).prod(dim=-1)
    union = _area(first) + _area(second) - overlap
    hull = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    hull_area = hull.prod(dim=-1).clamp_min(1e-6)
    return overlap / union.clamp_min(1e-6) - (hull_area - union) / hull_area


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(dim=-1)

"""What a guided RAFT learns from: pairs whose flow is known, and real frames whose flow is not."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from jmpose_core.model.guided_raft import STRIDE, GuidedRaft
from jmpose_core.model.warping import sampled_at
from train.flow.batches import StartedPairs

_GAMMA: Final = 0.8  # weight of an update against the next one, RAFT equation 7
_MATCHING_WEIGHT: Final = 0.05
_CENSUS_REACH: Final = 2  # cells on either side
_CENSUS_WEIGHT: Final = 0.5
_SMOOTHNESS_WEIGHT: Final = 0.05
_TEACHER_WEIGHT: Final = 0.3
_TEACHER_MARGIN: Final = 0.01  # of brightness, 0..1, by which the teacher's pixel must fit better


def prepared(frames: Tensor) -> Tensor:
    """Frames uint8 -> [-1, 1]."""
    return frames.float() / 127.5 - 1


def known_flow_loss(network: GuidedRaft, pairs: StartedPairs, updates: int) -> dict[str, Tensor]:
    """`flow`: distance of all answers to the exact flow; `merged`: of the last alone; `matching`: of the features."""
    answers = network(prepared(pairs.first), prepared(pairs.second), pairs.start, updates)
    merged = (answers[-1] - pairs.flow).abs().mean()
    matching = matching_loss(network.corr_block.corr_pyramid[0], pairs.flow, pairs.visible)
    return {"flow": sequence_loss(answers[:-1], pairs.flow) + merged, "merged": merged.detach(), "matching": matching}


def total_of(parts: dict[str, Tensor]) -> Tensor:
    """The loss that carries the gradient."""
    return parts["flow"] + _MATCHING_WEIGHT * parts["matching"]


def sequence_loss(answers: list[Tensor], flow: Tensor) -> Tensor:
    """L1 distance of every update's flow to the target (B, 2, H, W), later updates weighing more (RAFT, eq. 7)."""
    weighted = [
        _GAMMA ** (len(answers) - 1 - index) * (answer.float() - flow).abs().mean()
        for index, answer in enumerate(answers)
    ]
    return torch.stack(weighted).sum()


def matching_loss(correlation: Tensor, flow: Tensor, visible: Tensor) -> Tensor:
    """Cross-entropy of each feature's match against the place where its pixel went.

    RAFT's own loss reaches the features only through the updates, which at first know nothing. Occluded pixels have
    no match and are left out.

    Args:
        correlation: (B * h * w, 1, h, w), RAFT's finest level; h, w = H / 8, W / 8.
        flow: (B, 2, H, W), pixels.
        visible: (B, H, W), bool.
    """
    height, width = correlation.shape[-2:]
    centre = STRIDE // 2
    flow, visible = F.avg_pool2d(flow, STRIDE) / STRIDE, visible[:, centre::STRIDE, centre::STRIDE]
    x = torch.arange(width, device=flow.device) + flow[:, 0]
    y = torch.arange(height, device=flow.device)[:, None] + flow[:, 1]
    known = visible & (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    log_match = F.log_softmax(correlation.float().flatten(1), dim=1).view_as(correlation)
    places = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], dim=-1).view(-1, 1, 1, 2)
    at_target = F.grid_sample(log_match, places, align_corners=True).flatten()
    weight = known.flatten().float()
    return -(at_target * weight).sum() / weight.sum().clamp(min=1)


def real_frames_loss(
    network: GuidedRaft, first: Tensor, second: Tensor, starts: Tensor, teachers: Tensor, updates: int
) -> dict[str, Tensor]:
    """Both directions of pairs of real frames (B, 3, H, W) uint8, whose flow nobody knows.

    The merged flow must draw the second frame like the first where the two directions agree (census distance), be
    smooth but at the picture's edges, and come to the teacher where that one's flow draws better. The updates
    learn from the better of the two.

    Args:
        starts, teachers: (2B, 2, H, W), forward, then backward: what RAFT starts from, and fine dense inverse search.
    """
    count = len(first)
    features = network.encode(prepared(torch.cat([first, second])))
    swapped = [*range(count, 2 * count), *range(count)]
    answers = network.between(features, features[swapped], starts, updates)
    merged = answers[-1]
    images = torch.cat([first, second]).float() / 255
    others = images[swapped]
    seen = _seen_in_both(merged.detach())
    census = (_census_distance(images, sampled_at(others, merged)) * seen).sum() / seen.sum().clamp(min=1)
    own_error, teacher_error = (_brightness_error(images, others, flow) for flow in (merged.detach(), teachers))
    better = (teacher_error + _TEACHER_MARGIN < own_error).float()
    target = torch.where(better > 0, teachers, merged.detach())
    distilled = sequence_loss(answers[:-1], target) + ((merged - target).abs() * better).mean()
    smooth = _smoothness(merged, images)
    total = _CENSUS_WEIGHT * census + _SMOOTHNESS_WEIGHT * smooth + _TEACHER_WEIGHT * distilled
    return {"real": total, "census": census.detach(), "teacher_better": better.mean()}


def _seen_in_both(flow: Tensor) -> Tensor:
    """(2B, 1, H, W), 1 where there and back again ends near the start: not occluded, not outside the frame."""
    count = len(flow) // 2
    other = torch.cat([flow[count:], flow[:count]])
    back = sampled_at(other, flow)
    missed = (flow + back).square().sum(1, keepdim=True)
    allowed = 0.02 * (flow.square().sum(1, keepdim=True) + back.square().sum(1, keepdim=True)) + 1.0
    inside = sampled_at(torch.ones_like(flow[:, :1]), flow, padding="zeros") > 0.99
    return ((missed < allowed) & inside).float()


def _census_distance(first: Tensor, second: Tensor) -> Tensor:
    """(B, 1, H, W): how differently the two pictures rise and fall about each pixel (Meister et al., AAAI 2018)."""
    side = 2 * _CENSUS_REACH + 1

    def ranks(images: Tensor) -> Tensor:
        grey = images.mean(1, keepdim=True) * 255
        padded = F.pad(grey, (_CENSUS_REACH,) * 4, mode="replicate")
        around = F.unfold(padded, side).view(len(images), side * side, *images.shape[-2:])
        rise = around - grey
        return rise / (0.81 + rise.square()).sqrt()

    squared = (ranks(first) - ranks(second)).square()
    return (squared / (0.1 + squared)).mean(1, keepdim=True)


def _brightness_error(images: Tensor, others: Tensor, flow: Tensor) -> Tensor:
    """(B, 1, H, W), 0..1: mean difference over 5x5 pixels of a picture and the other drawn back by the flow."""
    difference = (images - sampled_at(others, flow)).abs().mean(1, keepdim=True)
    return F.avg_pool2d(difference, 5, 1, 2)


def _smoothness(flow: Tensor, images: Tensor) -> Tensor:
    """Mean first difference of the flow, weighing little where the picture has an edge."""
    parts = []
    for axis in (2, 3):
        edge = images.diff(dim=axis).abs().mean(1, keepdim=True)
        change = (flow.diff(dim=axis).square() + 1e-4).sqrt().mean(1, keepdim=True)
        parts.append((change * (-20 * edge).exp()).mean())
    return parts[0] + parts[1]

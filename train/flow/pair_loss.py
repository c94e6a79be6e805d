"""RAFT's losses on pairs of frames whose flow is known."""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.optical_flow import RAFT

from jmpose_core.devices import autocast
from train.loop.training import Loss

_GAMMA: Final = 0.8  # weight of an update against the next one, RAFT equation 7
_STRIDE: Final = 8  # of RAFT's features
_CPU: Final = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the budget: how large the crops, how many updates, and what the matching loss weighs."""

    until: float
    size: tuple[int, int]
    updates: int
    matching_weight: float


def flow_loss(raft: RAFT, batch: tuple[Tensor, ...], phase: Phase) -> Loss:
    """Both losses on an item of FlowBatches."""
    first, second, flow, visible = batch
    with autocast(_CPU):
        answers = raft(first.float() / 127.5 - 1, second.float() / 127.5 - 1, num_flow_updates=phase.updates)
    distance = sequence_loss(answers, flow)
    matching = matching_loss(raft.corr_block.corr_pyramid[0], flow, visible)
    return Loss(distance + phase.matching_weight * matching, {"flow_loss": distance, "matching_loss": matching})


def sequence_loss(answers: list[Tensor], flow: Tensor) -> Tensor:
    """L1 distance of every update's flow to the exact one (B, 2, H, W), later updates weighing more (RAFT, eq. 7)."""
    weighted = [
        _GAMMA ** (len(answers) - 1 - index) * (answer.float() - flow).abs().mean()
        for index, answer in enumerate(answers)
    ]
    return torch.stack(weighted).sum()


def matching_loss(correlation: Tensor, flow: Tensor, visible: Tensor) -> Tensor:
    """Cross-entropy of each feature's match against the place where its pixel went.

    RAFT's own loss reaches the features only through the updates, which at first know nothing; telling the
    correlation where its peak belongs saves most of that time. Occluded pixels have no match and are left out.

    Args:
        correlation: (B * h * w, 1, h, w), RAFT's finest level; h, w = H / 8, W / 8.
        flow: (B, 2, H, W), pixels.
        visible: (B, H, W), bool.
    """
    height, width = correlation.shape[-2:]
    flow, visible = flow[..., ::_STRIDE, ::_STRIDE] / _STRIDE, visible[:, ::_STRIDE, ::_STRIDE]
    x = torch.arange(width) + flow[:, 0]
    y = torch.arange(height)[:, None] + flow[:, 1]
    known = visible & (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    log_match = F.log_softmax(correlation.float().flatten(1), dim=1).view_as(correlation)
    places = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], dim=-1).view(-1, 1, 1, 2)
    at_target = F.grid_sample(log_match[known.flatten()], places[known.flatten()], align_corners=True)
    return -at_target.sum() / max(len(at_target), 1)

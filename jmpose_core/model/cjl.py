"""CJL, the context-aware joint learner: a joint feature from the motion feature (paper eqs. 2-5, docs/model.md)."""

import torch
from torch import Tensor, nn

from jmpose_core.model.blocks import ModulatedDeformConv, chain, zero_conv

_TAPS = 9  # of a 3x3 kernel


class ContextAwareJointLearner(nn.Module):
    """Aggregated heatmaps (B, K, h, w) and motion feature (B, C, h, w) -> joint feature (B, C, h, w).

    Both inputs together say where to sample the motion feature (learned
    offsets, in cells) and how much each sample counts (masks in 0..2). Their
    last convolutions start at zero, so that the sampling starts as a plain
    dilated convolution.

    Args:
        joints: K.
        channels: C.
        offset_groups: groups of channels that are sampled in their own places; divides C.
        dilation: of the sampling and of the branches, in cells.
        embed_heatmaps: sample the sum of the motion feature and a 1x1 convolution of the heatmaps. By the paper the
            motion feature alone is sampled, and the heatmaps reach the joint feature as places and weights only.
    """

    def __init__(
        self, *, joints: int, channels: int, offset_groups: int, dilation: int, embed_heatmaps: bool = False
    ) -> None:
        super().__init__()
        self.relation = chain(joints + channels, channels, 1)
        self.offset = _branch(channels, 2 * _TAPS * offset_groups, dilation)
        self.mask = _branch(channels, _TAPS * offset_groups, dilation)
        self.sample = ModulatedDeformConv(channels, channels, dilation=dilation)
        self.embedding = nn.Conv2d(joints, channels, 1) if embed_heatmaps else None

    def forward(self, aggregated: Tensor, motion: Tensor) -> Tensor:
        relation = self.relation(torch.cat([aggregated, motion], dim=1))
        sampled = motion if self.embedding is None else motion + self.embedding(aggregated)
        return self.sample(sampled, self.offset(relation), 2 * self.mask(relation).sigmoid())


class HeatmapEmbedding(nn.Module):
    """The ablation without CJL: the joint feature is a 1x1 convolution of the aggregated heatmaps alone."""

    def __init__(self, *, joints: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(joints, channels, 1)

    def forward(self, aggregated: Tensor, motion: Tensor) -> Tensor:
        return self.conv(aggregated)


def _branch(channels: int, o: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(chain(channels, channels, 1), zero_conv(channels, o, 3, dilation=dilation))

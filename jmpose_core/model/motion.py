"""The motion feature M_t of a clip: from optical flow or, in JM-Pose*, feature differences (MODEL.md 1.4, 1.11)."""

import torch
from torch import Tensor, nn

from jmpose_core.model.blocks import chain

FLOW_FIELDS = 4


class FlowMotion(nn.Module):
    """Flow (B, 4, 2, h, w) in heatmap cells, (dx, dy) -> motion feature (B, C, h, w).

    Two 3x3 convolutions and a chain, as in the paper's code; since the flow is
    already at the heatmaps' size, the two strides of 2 are 1.
    """

    def __init__(self, channels: int, *, blocks: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(2 * FLOW_FIELDS, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        self.chain = chain(channels, channels, blocks)

    def forward(self, flow: Tensor) -> Tensor:
        return self.chain(self.stem(flow.flatten(1, 2)))


class DifferenceMotion(nn.Module):
    """The backbone's deepest features (B, T, F, h, w) -> motion feature (B, C, h, w), from consecutive differences.

    JM-Pose*, the paper's variant without flow.
    """

    def __init__(self, feature_channels: int, channels: int, *, frames: int, blocks: int) -> None:
        super().__init__()
        self.chain = chain((frames - 1) * feature_channels, channels, blocks)

    def forward(self, features: Tensor) -> Tensor:
        return self.chain(torch.diff(features, dim=1).flatten(1, 2))

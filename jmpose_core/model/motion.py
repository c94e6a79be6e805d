"""The motion feature M_t of a clip: from optical flow or, in JM-Pose*, feature differences (docs/model.md)."""

import torch
from torch import Tensor, nn

from jmpose_core.model.alignment import occlusion
from jmpose_core.model.blocks import chain

FLOW_FIELDS = 4


class FlowMotion(nn.Module):
    """Flow (B, fields, 2, h, w) in heatmap cells, (dx, dy) -> motion feature (B, C, h, w).

    Two 3x3 convolutions and a chain, as in the paper's code; since the flow is
    already at the heatmaps' size, the two strides of 2 are 1.

    Args:
        occlusion: beyond the paper; takes the four pairs backwards as well, eight fields, and reads
            from them where forward and backward miss each other. The backward fields serve for nothing else.
    """

    def __init__(self, channels: int, *, blocks: int, occlusion: bool = False) -> None:
        super().__init__()
        self.channels = channels
        self.occlusion = occlusion
        self.fields = 2 * FLOW_FIELDS if occlusion else FLOW_FIELDS
        read = 3 * FLOW_FIELDS if occlusion else 2 * FLOW_FIELDS
        self.stem = nn.Sequential(
            nn.Conv2d(read, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        self.chain = chain(channels, channels, blocks)

    def forward(self, flow: Tensor) -> Tensor:
        read = flow[:, :FLOW_FIELDS].flatten(1, 2)
        if self.occlusion:
            read = torch.cat([read, occlusion(flow)], dim=1)
        return self.chain(self.stem(read))


class DifferenceMotion(nn.Module):
    """The backbone's deepest features (B, T, F, h, w) -> motion feature (B, C, h, w), from consecutive differences.

    JM-Pose*, the paper's variant without flow.
    """

    def __init__(self, feature_channels: int, channels: int, *, frames: int, blocks: int) -> None:
        super().__init__()
        self.channels = channels
        self.chain = chain((frames - 1) * feature_channels, channels, blocks)

    def forward(self, features: Tensor) -> Tensor:
        return self.chain(torch.diff(features, dim=1).flatten(1, 2))

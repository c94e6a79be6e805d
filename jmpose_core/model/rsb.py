"""Residual steps blocks, of which DCPose is built (RSN: Cai et al., ECCV 2020, fig. 3; docs/model.md)."""

import torch
from torch import Tensor, nn

from jmpose_core.model.blocks import conv_bn_relu, projection

_BRANCHES = 4


class ResidualStepsBlock(nn.Module):
    """Four branches of one to four 3x3 convolutions around a shortcut: (N, i, h, w) -> (N, o, h, w), not negative.

    Each convolution also sees what the branch before made at the same step, so
    receptive fields grow in small steps. A branch has 26/64 of the input's channels.
    Convolutions have no bias, unlike DCPose's, since a batch norm follows each: its running mean takes up a given one.
    """

    def __init__(self, i: int, o: int, *, project: bool) -> None:
        super().__init__()
        width = i * 26 // 64
        self.spread = conv_bn_relu(i, _BRANCHES * width, 1)
        self.branches = nn.ModuleList(
            nn.ModuleList(conv_bn_relu(width, width, 3) for _ in range(branch + 1)) for branch in range(_BRANCHES)
        )
        self.gather = projection(_BRANCHES * width, o)
        self.downsample = projection(i, o) if project else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        ends: list[Tensor] = []
        before: list[Tensor] = []  # the branch before, after each of its steps
        for y, branch in zip(self.spread(x).chunk(_BRANCHES, dim=1), self.branches, strict=True):
            steps: list[Tensor] = []
            for step, conv in enumerate(branch.children()):
                y = conv(y + before[step] if step < len(before) else y)
                steps.append(y)
            ends.append(y)
            before = steps
        return self.relu(self.gather(torch.cat(ends, dim=1)) + shortcut)


def rsb_chain(i: int, o: int, n: int) -> nn.Sequential:
    """`n` blocks, the first with a projected shortcut: (N, i, h, w) -> (N, o, h, w), not negative."""
    return nn.Sequential(
        ResidualStepsBlock(i, o, project=True), *(ResidualStepsBlock(o, o, project=False) for _ in range(n - 1))
    )

"""MobileNetV2's trunk at 1.75 times its width, as MoveNet Thunder has it.

Sandler et al., "MobileNetV2" (CVPR 2018), Table 2. The norms are folded into the
convolutions, as the public file has them: nothing but convolutions and ReLU6.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# expansion, stride, output channels, blocks
_STAGES: Final = (
    (1, 1, 32, 1),
    (6, 2, 40, 2),
    (6, 2, 56, 3),
    (6, 2, 112, 4),
    (6, 1, 168, 3),
    (6, 2, 280, 3),
    (6, 1, 560, 1),
)
_STEM_CHANNELS: Final = 56
_FEATURE_STAGES: Final = (1, 2, 3)
FEATURE_CHANNELS: Final = (40, 56, 112, 1280)
FEATURE_STRIDES: Final = (4, 8, 16, 32)


class DepthwiseConv2d(nn.Conv2d):
    """3x3 depthwise convolution whose stride 2 pads below and to the right alone, as TensorFlow's SAME does.

    Where a gradient is wanted it leaves bfloat16 autocast on a CPU: oneDNN's
    bfloat16 depthwise gradient is several times slower than its float32 one.
    """

    def __init__(self, channels: int, stride: int, *, bias: bool = True) -> None:
        super().__init__(channels, channels, 3, stride, 1 if stride == 1 else 0, groups=channels, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        if self.stride == (2, 2):
            input = F.pad(input, (0, 1, 0, 1))
        if input.device.type != "cpu" or not input.requires_grad or not torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float())


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise 3x3, project 1x1; identity around it where the shape allows."""

    def __init__(self, i: int, o: int, *, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = i * expansion
        expand = [nn.Conv2d(i, hidden, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand, DepthwiseConv2d(hidden, stride), nn.ReLU6(inplace=True), nn.Conv2d(hidden, o, 1)
        )
        self.identity = stride == 1 and i == o

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return x + y if self.identity else y


class MobileNetV2(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1] -> features at strides 4, 8, 16 and 32, FEATURE_CHANNELS wide.

    H and W are multiples of 32.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _STEM_CHANNELS, 3, 2)
        channels = _STEM_CHANNELS
        stages: list[nn.Module] = []
        for expansion, stride, width, blocks in _STAGES:
            first = InvertedResidual(channels, width, expansion=expansion, stride=stride)
            rest = [InvertedResidual(width, width, expansion=expansion, stride=1) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(first, *rest))
            channels = width
        self.stages = nn.ModuleList(stages)
        self.last = nn.Conv2d(channels, FEATURE_CHANNELS[-1], 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = F.relu6(self.stem(F.pad(x, (0, 1, 0, 1))))
        features = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in _FEATURE_STAGES:
                features.append(x)
        return (*features, F.relu6(self.last(x)))

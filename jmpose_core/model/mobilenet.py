"""MobileNetV2 and a light top-down decoder to stride 4: what the compact backbone and the person detector share.

Sandler et al., "MobileNetV2" (CVPR 2018), Table 2, and a feature pyramid (Lin et al., CVPR 2017), layer
for layer as the MoveNet models have them (docs/decisions/start-from-movenet.md). The norms are folded
into the convolutions, as in the public files: nothing but convolutions, ReLU6 and ReLU.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# expansion, stride, output channels at width 1, blocks
_STAGES: Final = (
    (1, 1, 16, 1),
    (6, 2, 24, 2),
    (6, 2, 32, 3),
    (6, 2, 64, 4),
    (6, 1, 96, 3),
    (6, 2, 160, 3),
    (6, 1, 320, 1),
)
_LATERAL_STAGES: Final = (1, 2, 3)  # the last of strides 4, 8 and 16 that the decoder takes
_LAST_CHANNELS: Final = 1280
SUM_CHANNELS: Final = (64, 32, 24)  # of the decoder's sums at strides 16, 8 and 4
DECODER_CHANNELS: Final = 24


@dataclass(frozen=True, slots=True)
class Additions:
    """What is added to a TopDownNet's maps at strides 4, 8 and 16, in this order.

    trunk: to the trunk's features, before its next stage runs. sums: to the decoder's sums.
    """

    trunk: tuple[Tensor, ...]
    sums: tuple[Tensor, ...]


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
    """(N, 3, H, W) RGB in [-1, 1] -> features at strides 4, 8, 16 and 32, `feature_channels` wide.

    H and W are multiples of 32.
    """

    def __init__(self, width: float) -> None:
        super().__init__()
        channels = _whole(32 * width)
        self.stem = nn.Conv2d(3, channels, 3, 2)
        stages: list[nn.Module] = []
        for expansion, stride, at_width_1, blocks in _STAGES:
            o = _whole(at_width_1 * width)
            first = InvertedResidual(channels, o, expansion=expansion, stride=stride)
            rest = [InvertedResidual(o, o, expansion=expansion, stride=1) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(first, *rest))
            channels = o
        self.stages = nn.ModuleList(stages)
        self.last = nn.Conv2d(channels, _LAST_CHANNELS, 1)
        lateral = (_whole(_STAGES[stage][2] * width) for stage in _LATERAL_STAGES)
        self.feature_channels = (*lateral, _LAST_CHANNELS)

    def forward(self, x: Tensor, additions: Sequence[Tensor] = ()) -> tuple[Tensor, ...]:
        """`additions`: to the features at strides 4, 8 and 16, or none."""
        x = F.relu6(self.stem(F.pad(x, (0, 1, 0, 1))))
        features: list[Tensor] = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in _LATERAL_STAGES:
                if additions:
                    x = x + additions[len(features)]
                features.append(x)
        return (*features, F.relu6(self.last(x)))


class Separable(nn.Sequential):
    """Depthwise 3x3, 1x1 and ReLU: (N, i, h, w) -> (N, o, h, w)."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__(DepthwiseConv2d(i, 1, bias=False), nn.Conv2d(i, o, 1), nn.ReLU(inplace=True))


class TopDownNet(nn.Module):
    """Base of the networks on MobileNetV2: `decoded` adds each stride's features to the upsampled deeper ones."""

    def __init__(self, *, width: float) -> None:
        super().__init__()
        self.trunk = MobileNetV2(width)
        *shallow, deepest = self.trunk.feature_channels
        self.deepest = nn.Conv2d(deepest, SUM_CHANNELS[0], 1)
        self.lateral = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(shallow[::-1], SUM_CHANNELS, strict=True))
        after = (*SUM_CHANNELS[1:], DECODER_CHANNELS)
        self.mix = nn.ModuleList(Separable(i, o) for i, o in zip(SUM_CHANNELS, after, strict=True))

    def decoded(self, x: Tensor, additions: Additions | None = None) -> Tensor:
        """(N, 3, H, W) RGB in [-1, 1] -> (N, DECODER_CHANNELS, H/4, W/4)."""
        *shallow, deepest = self.trunk(x, additions.trunk if additions else ())
        y = self.deepest(deepest)
        for level, (lateral, mix) in enumerate(zip(self.lateral, self.mix, strict=True), start=1):
            y = F.interpolate(y, scale_factor=2.0, mode="bilinear") + lateral(shallow[-level])
            y = mix(y + additions.sums[-level] if additions else y)
        return y


def prediction(channels: int) -> nn.Sequential:
    """A head of the MoveNet models: (N, DECODER_CHANNELS, h, w) -> (N, channels, h, w)."""
    return nn.Sequential(Separable(DECODER_CHANNELS, 96), nn.Conv2d(96, channels, 1))


def _whole(channels: float) -> int:
    """The nearest multiple of 8, as TensorFlow's MobileNets round their channels."""
    return int(channels + 4) // 8 * 8

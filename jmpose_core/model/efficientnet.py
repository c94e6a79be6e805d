"""EfficientNet-Lite0's convolutional trunk: the compact backbone's and the detector's start.

Tan and Le, "EfficientNet" (ICML 2019), in the Lite form of the TensorFlow authors:
no squeeze-and-excitation, ReLU6 in place of swish.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from jmpose_core.errors import WeightsError

# expansion, kernel, stride, output channels, blocks
_STAGES: Final = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
_FEATURE_STAGES: Final = (1, 2, 4, 6)
FEATURE_CHANNELS: Final = (24, 40, 112, 320)
FEATURE_STRIDES: Final = (4, 8, 16, 32)


class DepthwiseConv2d(nn.Conv2d):
    """Depthwise convolution that leaves bfloat16 autocast on a CPU.

    oneDNN's bfloat16 depthwise gradient is several times slower than its float32
    one: a training step of the whole trunk takes 1.5 times as long with it.
    """

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float())


def _conv_bn(
    i: int, o: int, kernel: int, *, stride: int = 1, depthwise: bool = False, act: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        DepthwiseConv2d(i, kernel, stride) if depthwise else nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(o, eps=1e-3, momentum=0.01),
    ]
    if act:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise k x k, project 1x1; identity around it where the shape allows."""

    def __init__(self, i: int, o: int, *, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = i * expansion
        expand = [_conv_bn(i, hidden, 1)] if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand,
            _conv_bn(hidden, hidden, kernel, stride=stride, depthwise=True),
            _conv_bn(hidden, o, 1, act=False),
        )
        self.identity = stride == 1 and i == o

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return x + y if self.identity else y


class EfficientNetLite0(nn.Module):
    """Trunk without the classifier: (B, 3, H, W) RGB in [-1, 1] -> features at strides 4, 8, 16 and 32.

    H and W are multiples of 32. Channels are FEATURE_CHANNELS.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv_bn(3, 32, 3, stride=2)
        stages: list[nn.Module] = []
        channels = 32
        for expansion, kernel, stride, width, blocks in _STAGES:
            stage: list[nn.Module] = []
            for block in range(blocks):
                stage.append(
                    InvertedResidual(
                        channels, width, expansion=expansion, kernel=kernel, stride=stride if block == 0 else 1
                    )
                )
                channels = width
            stages.append(nn.Sequential(*stage))
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.stem(x)
        features = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in _FEATURE_STAGES:
                features.append(x)
        return tuple(features)

    def load_imagenet(self, state: Mapping[str, Tensor]) -> None:
        """Take ImageNet weights whose entries come in this trunk's order (the public Lite0 file's).

        Entries past the trunk (head convolution and classifier) are left out.

        Raises:
            WeightsError: an entry's shape differs from the layer it would go to.
        """
        source = [(name, tensor) for name, tensor in state.items() if not name.endswith("num_batches_tracked")]
        target = [(name, tensor) for name, tensor in self.state_dict().items() if "num_batches_tracked" not in name]
        if len(source) < len(target):
            raise WeightsError(f"ImageNet file: {len(source)} entries, this trunk needs {len(target)}")
        for (source_name, given), (name, own) in zip(source, target, strict=False):
            if given.shape != own.shape:
                raise WeightsError(
                    f"ImageNet file: {source_name} is {tuple(given.shape)}, layer {name} needs {tuple(own.shape)}; "
                    "use the weights of EfficientNet-Lite0"
                )
            with torch.no_grad():
                own.copy_(given)

"""Building blocks that the backbones and the refiner share."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import deform_conv2d


@dataclass(frozen=True)
class BackboneOutput:
    """What any backbone returns for N frames.

    heatmaps: (N, K, h, w), peak about 1 for a sure joint.
    logits: (N, K, h, w), what the training loss sees; the heatmaps themselves where the network regresses them.
    features: maps (N, C, h, w) at the heatmaps' size, shallow to deep; at least one.
    """

    heatmaps: Tensor
    logits: Tensor
    features: tuple[Tensor, ...]

    def in_single_precision(self) -> "BackboneOutput":
        """The same in float32, whatever the backbone computed in."""
        return BackboneOutput(
            self.heatmaps.float(), self.logits.float(), tuple(feature.float() for feature in self.features)
        )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around an identity or a projected shortcut (He et al., CVPR 2016): (N, i, h, w) -> o.

    Names of the parts are those of the official HRNet checkpoints.
    """

    expansion = 1

    def __init__(self, i: int, o: int, *, project: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(i, o, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(o)
        self.conv2 = nn.Conv2d(o, o, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(o)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = projection(i, o) if project else None

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + shortcut)


class Bottleneck(nn.Module):
    """1x1 to `width`, 3x3, 1x1 to four times `width`, around a shortcut: (N, i, h, w) -> (N, 4 * width, h, w)."""

    expansion = 4

    def __init__(self, i: int, width: int) -> None:
        super().__init__()
        o = width * self.expansion
        self.conv1 = nn.Conv2d(i, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, o, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(o)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None if i == o else projection(i, o)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + shortcut)


def projection(i: int, o: int) -> nn.Sequential:
    """A shortcut that changes the number of channels: 1x1 convolution and batch norm."""
    return nn.Sequential(nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o))


def chain(i: int, o: int, n: int) -> nn.Sequential:
    """`n` BasicBlocks, the first always with a projected shortcut: (N, i, h, w) -> (N, o, h, w), not negative.

    The first shortcut's batch norm lets a chain restore the scale that a gate
    before it took away, also where i equals o.
    """
    return nn.Sequential(BasicBlock(i, o, project=True), *(BasicBlock(o, o) for _ in range(n - 1)))


def zero_conv(i: int, o: int, kernel: int, *, dilation: int = 1) -> nn.Conv2d:
    """A convolution that keeps the map's size and starts at zero, so that what it adds to has its say first."""
    layer = nn.Conv2d(i, o, kernel, padding=dilation * (kernel // 2), dilation=dilation)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def conv_bn_relu(i: int, o: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Convolution that keeps the map's size (with stride 2: halves it, rounded up), batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True)
    )


def key_and_supports(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Maps of a clip (B, T, C, h, w), T odd: the key frame's (B, C, h, w), the others' (B, T - 1, C, h, w) in order."""
    middle = maps.shape[1] // 2
    return maps[:, middle], torch.cat([maps[:, :middle], maps[:, middle + 1 :]], dim=1)


class ModulatedDeformConv(nn.Module):
    """3x3 convolution that samples at given offsets, scaled by a given mask (Zhu et al., CVPR 2019).

    Offsets are in cells, (N, 18 * groups, h, w), (dy, dx) for each tap of each
    group; masks (N, 9 * groups, h, w) scale the samples. With offsets 0 and
    masks 1 this is a plain dilated convolution: (N, i, h, w) -> (N, o, h, w).

    On a GPU this is torchvision's operator. Its CPU kernel runs on one thread,
    one sample at a time; there grid_sample computes the same about ten times faster.
    """

    def __init__(self, i: int, o: int, *, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.weight = nn.Parameter(torch.empty(o, i, 3, 3))
        self.bias = nn.Parameter(torch.zeros(o))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def forward(self, x: Tensor, offset: Tensor, mask: Tensor) -> Tensor:
        # Outside autocast: offsets lose whole cells in bfloat16.
        with torch.autocast(x.device.type, enabled=False):
            x, offset, mask = x.float(), offset.float(), mask.float()
            if x.device.type == "cpu":
                samples = sample_taps(x, offset, mask, dilation=self.dilation)
                return torch.einsum("oc,nchw->nohw", self.weight.flatten(1), samples) + self.bias[:, None, None]
            padding = dilation = (self.dilation, self.dilation)
            return deform_conv2d(x, offset, self.weight, self.bias, padding=padding, dilation=dilation, mask=mask)


class GuidedDeformConv(nn.Module):
    """Deformable convolution of x that a guide tells where to look: x, guide (N, C, h, w) each -> (N, C, h, w).

    As in FAMI-Pose and TDMI, offsets and masks are one 3x3 convolution of the
    guide each, and masks are not bounded (JM-Pose's CJL bounds them). Offsets start
    at 0 and masks at 1, so this starts as a plain dilated convolution of x.
    """

    def __init__(self, channels: int, *, groups: int, dilation: int, guide_dilation: int) -> None:
        super().__init__()
        self.offset = nn.Conv2d(channels, 18 * groups, 3, padding=guide_dilation, dilation=guide_dilation)
        self.mask = nn.Conv2d(channels, 9 * groups, 3, padding=guide_dilation, dilation=guide_dilation)
        self.sample = ModulatedDeformConv(channels, channels, dilation=dilation)
        for conv, start in ((self.offset, 0.0), (self.mask, 1.0)):
            nn.init.zeros_(conv.weight)
            nn.init.constant_(conv.bias, start)  # type: ignore[arg-type]

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        return self.sample(x, self.offset(guide), self.mask(guide))


def sample_taps(x: Tensor, offset: Tensor, mask: Tensor, *, dilation: int) -> Tensor:
    """The masked bilinear samples of `ModulatedDeformConv`: (N, C, h, w) -> (N, C * 9, h, w), taps fastest.

    Cells outside x are 0.
    """
    n, channels, height, width = x.shape
    groups = mask.shape[1] // 9
    tap = torch.arange(9, device=x.device)[:, None, None]
    tap_row = torch.arange(height, device=x.device)[:, None] + dilation * (tap // 3 - 1)
    tap_column = torch.arange(width, device=x.device) + dilation * (tap % 3 - 1)
    row, column = offset.reshape(n * groups, 9, 2, height, width).unbind(2)
    # grid_sample's units: -1 and 1 are the outer edges of the first and last cell.
    grid_x = torch.add((2 * tap_column + 1) / width - 1, column, alpha=2 / width)
    grid_y = torch.add((2 * tap_row + 1) / height - 1, row, alpha=2 / height)
    grid = torch.stack([grid_x, grid_y], dim=-1).flatten(1, 2)
    samples = F.grid_sample(x.reshape(n * groups, channels // groups, height, width), grid, align_corners=False)
    samples = samples.reshape(n, groups, channels // groups, 9, height, width)
    return (samples * mask.reshape(n, groups, 1, 9, height, width)).reshape(n, channels * 9, height, width)


def spatial_log_softmax(x: Tensor, temperature: float = 1.0) -> Tensor:
    """Log-probabilities over the cells of each map: (..., h, w) to (..., h * w), in single precision at least."""
    x = x.flatten(-2)
    if x.dtype in (torch.float16, torch.bfloat16):
        x = x.float()
    return torch.log_softmax(x / temperature, dim=-1)

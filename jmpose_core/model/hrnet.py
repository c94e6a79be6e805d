"""HRNet (Sun et al., CVPR 2019) with the part names of the official checkpoints: the backbone of jmpose_w48.

Maps of four strides are kept side by side and mixed after every module. The
paper's refiner needs the finest alone, so the last module mixes into that one
only, as the official pose network does.
"""

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jmpose_core.model.blocks import BackboneOutput, BasicBlock, Bottleneck
from jmpose_core.skeleton import NUM_JOINTS, POSETRACK18_SLOTS, SLOT_OF_JOINT

_BLOCKS = 4  # BasicBlocks a branch and module
_MODULES = (1, 4, 3)  # of stages 2, 3 and 4


class HRNet(nn.Module):
    """RGB normalised as for ImageNet, (N, 3, H, W) -> heatmaps (N, joints, H/4, W/4) and four features.

    The features, (N, width, H/4, W/4) each, are the finest branch after the
    first transition and after stages 2, 3 and 4. H and W are multiples of 32.
    The heatmaps are regressed: logits equals heatmaps.

    Args:
        width: channels of the finest branch; each coarser one has twice as many.
        joints: 17 for the official COCO checkpoints.
    """

    def __init__(self, *, width: int, joints: int = NUM_JOINTS) -> None:
        super().__init__()
        widths = [width * 2**branch for branch in range(4)]
        self.conv1 = nn.Conv2d(3, 64, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Bottleneck(64, 64), *(Bottleneck(256, 64) for _ in range(3)))
        self.transition1 = _transition([256], widths[:2])
        self.stage2 = _stage(widths[:2], _MODULES[0])
        self.transition2 = _transition(widths[:2], widths[:3])
        self.stage3 = _stage(widths[:3], _MODULES[1])
        self.transition3 = _transition(widths[:3], widths)
        self.stage4 = _stage(widths, _MODULES[2], finest_only=True)
        self.final_layer = nn.Conv2d(width, joints, 1)

    def forward(self, x: Tensor) -> BackboneOutput:
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        branches = _widen(self.transition1, [self.layer1(x)])
        features = [branches[0]]
        branches = self.stage2(branches)
        features.append(branches[0])
        branches = self.stage3(_widen(self.transition2, branches))
        features.append(branches[0])
        (finest,) = self.stage4(_widen(self.transition3, branches))
        heatmaps = self.final_layer(finest)
        return BackboneOutput(heatmaps=heatmaps, logits=heatmaps, features=(*features, finest))


class SlotHRNet(HRNet):
    """HRNet for PoseTrack18's 17 slots: heatmaps of the 15 joints, and all slots' heatmaps as its only feature.

    For a refiner that needs the ears' maps, too, though nobody else does.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__(width=width, joints=len(POSETRACK18_SLOTS))

    def forward(self, x: Tensor) -> BackboneOutput:
        slots = super().forward(x).heatmaps
        heatmaps = slots[:, list(SLOT_OF_JOINT)]
        return BackboneOutput(heatmaps=heatmaps, logits=heatmaps, features=(slots,))


class HighResolutionModule(nn.Module):
    """BasicBlocks on each branch, then every output is the sum of all branches brought to its size."""

    def __init__(self, widths: list[int], *, finest_only: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width, width) for _ in range(_BLOCKS))) for width in widths
        )
        targets = range(1 if finest_only else len(widths))
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_resize(widths, source, target) for source in range(len(widths))) for target in targets
        )

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        maps = [branch(x) for branch, x in zip(self.branches, inputs, strict=True)]
        outputs = []
        for layers in self.fuse_layers:
            resized = [layer(x) for layer, x in zip(layers.children(), maps, strict=True)]
            outputs.append(F.relu(reduce(torch.add, resized)))
        return outputs


def _stage(widths: list[int], modules: int, *, finest_only: bool = False) -> nn.Sequential:
    last = modules - 1
    return nn.Sequential(
        *(HighResolutionModule(widths, finest_only=finest_only and index == last) for index in range(modules))
    )


def _resize(widths: list[int], source: int, target: int) -> nn.Module:
    """The layers that bring branch `source` to the size and width of branch `target`."""
    if source == target:
        return nn.Identity()
    if source > target:
        return nn.Sequential(
            nn.Conv2d(widths[source], widths[target], 1, bias=False),
            nn.BatchNorm2d(widths[target]),
            nn.Upsample(scale_factor=2.0 ** (source - target), mode="nearest"),
        )
    halvings = target - source
    steps = [_halve(widths[source], widths[source], relu=True) for _ in range(halvings - 1)]
    return nn.Sequential(*steps, _halve(widths[source], widths[target], relu=False))


def _halve(i: int, o: int, *, relu: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o)]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _transition(before: list[int], after: list[int]) -> nn.ModuleList:
    """Layers from the branches of one stage to those of the next; the new branch comes from the coarsest."""
    layers: list[nn.Module] = []
    for i, o in zip(before, after, strict=False):
        same = nn.Sequential(nn.Conv2d(i, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))
        layers.append(nn.Identity() if i == o else same)
    # Nested once more than needed, as the official names are.
    layers.append(nn.Sequential(_halve(before[-1], after[-1], relu=True)))
    return nn.ModuleList(layers)


def _widen(transition: nn.ModuleList, branches: list[Tensor]) -> list[Tensor]:
    sources = [*branches, branches[-1]]
    return [layer(x) for layer, x in zip(transition, sources, strict=True)]


def hrnet_w48(*, joints: int = NUM_JOINTS) -> HRNet:
    """63.6 M parameters and 35.3e9 multiply-adds at 384x288 with the 17 joints of COCO (32.9 x 2^30, as published)."""
    return HRNet(width=48, joints=joints)


def hrnet_w32(*, joints: int = NUM_JOINTS) -> HRNet:
    """28.5 M parameters and 17.2e9 multiply-adds at 384x288 with the 17 joints of COCO (16.0 x 2^30, as published)."""
    return HRNet(width=32, joints=joints)

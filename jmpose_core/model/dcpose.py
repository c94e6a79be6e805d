"""DCPose (Liu et al., CVPR 2021; docs/model.md): heatmaps of three frames merged, then warped by what changed."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from jmpose_core.model.blocks import ModulatedDeformConv
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.heads import DetectionHead
from jmpose_core.model.heatmaps import SIGMA_LITE
from jmpose_core.model.rsb import rsb_chain
from jmpose_core.skeleton import NUM_JOINTS, SLOT_OF_JOINT

FRAMES = 3  # one before and one after the key frame
# (n - c) / (n - p) of the paper for supports that are equally far away. At a video's end, where the key frame stands
# in for a missing support, the paper's formula gives that copy all the weight and the real support none; not so here.
_SUPPORT_WEIGHT = 0.5
_INITIAL_STD = 0.001  # of offset and mask convolutions, as in DCPose's code


@dataclass(frozen=True)
class DCPoseOutput:
    """What DCPose finds for the key frames of B clips.

    refined: (B, K, h, w) heatmaps, peak about 1 for a sure joint.
    logits: (B, K, h, w), what the training loss sees; equal to `refined` where heatmaps are regressed.
    merged: (B, K, h, w), the three frames' heatmaps merged, before they are corrected.
    """

    refined: Tensor
    logits: Tensor
    merged: Tensor


class DCPose(Refiner):
    """Initial heatmaps of three frames -> refined heatmaps of the middle one.

    Args:
        residual_fusion: PRF, differences between frames (B, 4K, h, w) -> a motion context.
        temporal_merger: PTM, the three frames' heatmaps (B, 3K, h, w) -> (B, K, h, w).
        combine: both together -> the context (B, C, h, w) that steers the correction.
        correction: PCN, merged heatmaps and context -> (B, K, h, w).
        head: what makes heatmaps of the correction; None (as published) takes it for the heatmaps.
    """

    frames = FRAMES
    uses_features = uses_flow = False

    def __init__(
        self,
        *,
        residual_fusion: nn.Module,
        temporal_merger: nn.Module,
        combine: nn.Module,
        correction: "PoseCorrection",
        head: DetectionHead | None,
    ) -> None:
        super().__init__()
        self.residual_fusion = residual_fusion
        self.temporal_merger = temporal_merger
        self.combine = combine
        self.correction = correction
        self.head = head

    def forward(self, clips: ClipMaps) -> DCPoseOutput:
        """Refine B clips of three frames."""
        merged = self.temporal_merger(weighted_frames(clips.initial))
        changes = self.residual_fusion(differences(clips.initial))
        corrected = self.correction(merged, self.combine(torch.cat([changes, merged], dim=1)))
        if self.head is None:
            return DCPoseOutput(corrected, corrected, merged)
        refined, logits = self.head(corrected, clips.key_initial)
        return DCPoseOutput(refined, logits, merged)


class SlotDCPose(DCPose):
    """DCPose for PoseTrack18's 17 slots, which are its backbone's only feature; it returns the 15 joints of them.

    Its blocks mix all maps, and their width follows from the number: no slot can be cut out of a published one.
    """

    uses_features = True

    def forward(self, clips: ClipMaps) -> DCPoseOutput:
        """Refine B clips of three frames, by their feature (B, 3, 17, h, w)."""
        slots = super().forward(ClipMaps(clips.features[0]))
        refined, merged = (maps[:, list(SLOT_OF_JOINT)] for maps in (slots.refined, slots.merged))
        return DCPoseOutput(refined, refined, merged)


class PoseCorrection(nn.Module):
    """PCN: merged heatmaps (B, K, h, w), context (B, C, h, w) -> corrected heatmaps (B, K, h, w).

    The mean of one deformable convolution per dilation. Each joint is an
    offset group of its own. Masks are not bounded, and near 0 before training. The
    convolutions start by passing every joint's samples at the centre tap through.
    """

    def __init__(self, *, joints: int, context_channels: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.offsets, self.masks, self.samples = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for dilation in dilations:
            self.offsets.append(_steering(context_channels, 18 * joints, dilation))
            self.masks.append(_steering(context_channels, 9 * joints, dilation))
            sample = ModulatedDeformConv(joints, joints, dilation=dilation)
            nn.init.dirac_(sample.weight)
            self.samples.append(sample)

    def forward(self, merged: Tensor, context: Tensor) -> Tensor:
        views = [
            sample(merged, offset(context), mask(context))
            for sample, offset, mask in zip(self.samples, self.offsets, self.masks, strict=True)
        ]
        return torch.stack(views).mean(dim=0)


def weighted_frames(initial: Tensor) -> Tensor:
    """Heatmaps (B, 3, K, h, w) in the order of time -> (B, 3K, h, w): per joint key, half before, half after."""
    before, key, after = initial.unbind(1)
    return torch.stack([key, _SUPPORT_WEIGHT * before, _SUPPORT_WEIGHT * after], dim=2).flatten(1, 2)


def differences(initial: Tensor) -> Tensor:
    """Heatmaps (B, 3, K, h, w) in the order of time -> (B, 4K, h, w).

    Per joint key - before, the same weighted, key - after, the same weighted.
    """
    before, key, after = initial.unbind(1)
    to_before, to_after = key - before, key - after
    changes = [to_before, _SUPPORT_WEIGHT * to_before, to_after, _SUPPORT_WEIGHT * to_after]
    return torch.stack(changes, dim=2).flatten(1, 2)


@dataclass(frozen=True)
class _Size:
    context_channels: int
    dilations: tuple[int, ...]


_W48 = _Size(context_channels=64, dilations=(3, 6, 9, 12, 15))
# The same reach in the crop: 64x48 maps have two thirds of the cells a side.
_LITE = _Size(context_channels=24, dilations=(2, 4, 6, 8, 10))


def dcpose_w48_refiner(*, joints: Literal[15, 17] = 15) -> DCPose:
    """As published, for 96x72 maps: 1.41 M parameters, 9.7 G multiply-adds.

    Args:
        joints: maps inside; 17 for public checkpoints, behind a backbone whose feature they are.
    """
    return _refiner(_W48, joints=joints, head=None, kind=DCPose if joints == NUM_JOINTS else SlotDCPose)


def dcpose_lite_refiner() -> DCPose:
    """For 64x48 softmax maps: a narrower context, dilations of the same reach in the crop, and a head.

    DCPose takes its deformable convolutions' mean for the heatmaps. Here this passes
    through a 3x3 convolution that starts at 0 and is added to the key frame's
    initial logits, so that it starts from the initial stage as every lite refiner does.
    """
    head = DetectionHead(NUM_JOINTS, NUM_JOINTS, NUM_JOINTS, blocks=0, softmax_sigma=SIGMA_LITE, residual=True)
    return _refiner(_LITE, joints=NUM_JOINTS, head=head)


def _refiner(size: _Size, *, joints: int, head: DetectionHead | None, kind: type[DCPose] = DCPose) -> DCPose:
    return kind(
        residual_fusion=rsb_chain(4 * joints, 2 * joints, 2),
        temporal_merger=rsb_chain(3 * joints, joints, 1),
        combine=rsb_chain(3 * joints, size.context_channels, 2),
        correction=PoseCorrection(joints=joints, context_channels=size.context_channels, dilations=size.dilations),
        head=head,
    )


def _steering(i: int, o: int, dilation: int) -> nn.Conv2d:
    conv = nn.Conv2d(i, o, 3, padding=dilation, dilation=dilation, bias=False)
    nn.init.normal_(conv.weight, std=_INITIAL_STD)
    return conv

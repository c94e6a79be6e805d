"""The JM-Pose refiner, put together from its parts (Wu et al., ACM MM 2024; MODEL.md 1), and its named sizes."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from jmpose_core.heatmaps import SIGMA_LITE, heatmaps_from_logits
from jmpose_core.model.blocks import chain
from jmpose_core.model.cjl import ContextAwareJointLearner, HeatmapEmbedding
from jmpose_core.model.heatmap_aggregation import HeatmapAggregation
from jmpose_core.model.jmml import MutualLearning
from jmpose_core.model.motion import DifferenceMotion, FlowMotion
from jmpose_core.skeleton import NUM_JOINTS

FRAMES = 5  # the key frame and two supporting frames on either side
MotionSource = Literal["flow", "difference"]

# Below this a softmax heatmap's cell counts as empty; 1e-6 of a sure peak.
_LOWEST_HEATMAP = 1e-6


@dataclass(frozen=True)
class JMPoseOutput:
    """What the refiner finds for the key frames of B clips.

    refined: (B, K, h, w) heatmaps, peak about 1 for a sure joint.
    logits: (B, K, h, w), what the training loss sees; equal to `refined` where heatmaps are regressed.
    aggregated: (B, K, h, w), the weighted and mixed initial heatmaps.
    joint_features, motion_features: (B, C, h, w) after each layer of JMML, for the IO objective; empty without JMML.
    """

    refined: Tensor
    logits: Tensor
    aggregated: Tensor
    joint_features: tuple[Tensor, ...]
    motion_features: tuple[Tensor, ...]


class DetectionHead(nn.Module):
    """Features (B, i, h, w) -> heatmaps or logits (B, joints, h, w) by 3x3 convolutions."""

    def __init__(self, i: int, channels: int, joints: int, *, blocks: int, start_at_zero: bool = False) -> None:
        super().__init__()
        self.chain = chain(i, channels, blocks)
        self.last = nn.Conv2d(channels, joints, 3, padding=1)
        if start_at_zero:
            for parameter in self.last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.chain(x))


class JMPose(nn.Module):
    """Initial heatmaps and motion of clips of T frames -> refined heatmaps of their key frames, in the middle.

    Args:
        aggregation: (B, T, K, h, w) -> (B, K, h, w).
        motion_stem: the motion given to `forward` -> (B, C, h, w).
        cjl: aggregated heatmaps and motion feature -> joint feature (B, C, h, w).
        jmml: both features -> both after each layer; None hands the joint feature alone to the head.
        head: (B, 2C, h, w), or (B, C, h, w) without JMML, -> (B, K, h, w).
        softmax_sigma: cells; the head's output is logits, and heatmaps are their
            spatial softmax scaled to peak at 1. None: the head regresses heatmaps (paper).
        residual: add the head's output to the key frame's own initial heatmaps
            (to their logits, with softmax), so that a head that starts at zero
            starts from the initial stage's accuracy. The paper does not.
    """

    def __init__(
        self,
        *,
        aggregation: nn.Module,
        motion_stem: nn.Module,
        cjl: nn.Module,
        jmml: MutualLearning | None,
        head: nn.Module,
        softmax_sigma: float | None,
        residual: bool,
    ) -> None:
        super().__init__()
        self.aggregation = aggregation
        self.motion_stem = motion_stem
        self.cjl = cjl
        self.jmml = jmml
        self.head = head
        self.softmax_sigma = softmax_sigma
        self.residual = residual

    def forward(self, initial_heatmaps: Tensor, motion: Tensor) -> JMPoseOutput:
        """Refine B clips.

        Args:
            initial_heatmaps: (B, T, K, h, w), peak about 1, in the order of time. With
                softmax and residual they must be softmax heatmaps (any scale), stored
                no coarser than half precision: their logarithm serves as logits.
            motion: flow (B, 4, 2, h, w) in heatmap cells, between the pairs that the
                weights were trained with; for JM-Pose* the backbone's deepest features (B, T, F, h, w).
        """
        aggregated = self.aggregation(initial_heatmaps)
        motion_feature = self.motion_stem(motion)
        joint_feature = self.cjl(aggregated, motion_feature)
        joints: tuple[Tensor, ...] = ()
        motions: tuple[Tensor, ...] = ()
        features = joint_feature
        if self.jmml is not None:
            joints, motions = self.jmml(joint_feature, motion_feature)
            features = torch.cat([joints[-1], motions[-1]], dim=1)
        logits = self.head(features).float()
        if self.residual:
            logits = logits + self._logits_of(initial_heatmaps[:, initial_heatmaps.shape[1] // 2])
        refined = logits if self.softmax_sigma is None else heatmaps_from_logits(logits, self.softmax_sigma)
        return JMPoseOutput(refined, logits, aggregated, joints, motions)

    def _logits_of(self, heatmaps: Tensor) -> Tensor:
        """Inverse of `heatmaps_from_logits`, but for a constant per map that its softmax takes out again."""
        if self.softmax_sigma is None:
            return heatmaps.float()
        return heatmaps.float().clamp_min(_LOWEST_HEATMAP).log()


@dataclass(frozen=True)
class _Size:
    channels: int
    feature_channels: int  # of the backbone's deepest feature, for JM-Pose*
    stem_blocks: int
    offset_groups: int
    layers: int
    head_blocks: int


_W48 = _Size(channels=48, feature_channels=48, stem_blocks=4, offset_groups=12, layers=4, head_blocks=3)
_LITE = _Size(channels=32, feature_channels=48, stem_blocks=1, offset_groups=8, layers=2, head_blocks=1)


def jmpose_w48_refiner(
    *,
    cjl: bool = True,
    jmml: bool = True,
    jmib: bool = True,
    motion: MotionSource = "flow",
    residual: bool = False,
) -> JMPose:
    """The paper's refiner, for 96x72 maps: 2.1 M parameters, 12.7 G multiply-adds; its Table 6 lists the switches."""
    return _refiner(_W48, cjl=cjl, jmml=jmml, jmib=jmib, motion=motion, softmax_sigma=None, residual=residual)


def jmpose_lite_refiner(
    *,
    cjl: bool = True,
    jmml: bool = True,
    jmib: bool = True,
    motion: MotionSource = "flow",
    residual: bool = True,
) -> JMPose:
    """The same modules, narrower, fewer and shorter, for 64x48 softmax maps, so that a CPU keeps up."""
    return _refiner(_LITE, cjl=cjl, jmml=jmml, jmib=jmib, motion=motion, softmax_sigma=SIGMA_LITE, residual=residual)


def _refiner(
    size: _Size,
    *,
    cjl: bool,
    jmml: bool,
    jmib: bool,
    motion: MotionSource,
    softmax_sigma: float | None,
    residual: bool,
) -> JMPose:
    channels = size.channels
    if motion == "flow":
        motion_stem = FlowMotion(channels, blocks=size.stem_blocks)
    else:
        motion_stem = DifferenceMotion(size.feature_channels, channels, frames=FRAMES, blocks=2)
    if cjl:
        joint_learner = ContextAwareJointLearner(
            joints=NUM_JOINTS, channels=channels, offset_groups=size.offset_groups, dilation=3
        )
    else:
        joint_learner = HeatmapEmbedding(joints=NUM_JOINTS, channels=channels)
    mutual = MutualLearning(channels, layers=size.layers if jmib else 0, kv_stride=4) if jmml else None
    head = DetectionHead(
        2 * channels if jmml else channels,
        channels,
        NUM_JOINTS,
        blocks=size.head_blocks,
        start_at_zero=residual,
    )
    return JMPose(
        aggregation=HeatmapAggregation(joints=NUM_JOINTS, frames=FRAMES),
        motion_stem=motion_stem,
        cjl=joint_learner,
        jmml=mutual,
        head=head,
        softmax_sigma=softmax_sigma,
        residual=residual,
    )

"""The JM-Pose refiner, put together from its parts (Wu et al., ACM MM 2024; docs/model.md), and its named sizes."""

from dataclasses import dataclass
from typing import Final, Literal, TypedDict, Unpack

import torch
from torch import Tensor, nn

from jmpose_core.model.alignment import aligned
from jmpose_core.model.cjl import ContextAwareJointLearner, HeatmapEmbedding
from jmpose_core.model.clip_maps import ClipMaps, Refiner, halved, middle
from jmpose_core.model.frame_selection import FrameSelection
from jmpose_core.model.heads import DetectionHead
from jmpose_core.model.heatmap_aggregation import HeatmapAggregation, weighted_mean
from jmpose_core.model.heatmaps import SIGMA_LITE
from jmpose_core.model.jmml import MutualLearning
from jmpose_core.model.mobilenet import DECODER_CHANNELS
from jmpose_core.model.motion import FLOW_FIELDS, DifferenceMotion, FlowMotion
from jmpose_core.skeleton import NUM_JOINTS

FRAMES = 5  # the key frame and two supporting frames on either side: what the learnt parts see
MotionSource = Literal["flow", "difference"]


class Switches(TypedDict, total=False):
    """What a JM-Pose is built with where it is not as its size's builder has it.

    The ablations of the paper's table 6 (cjl, jmml, jmib, motion); readings of the paper where it is ambiguous
    (printed_gate, kv_stride: JointMotionBlock); and what lies beyond it (mean_start: HeatmapAggregation;
    heatmap_embedding: ContextAwareJointLearner; residual: DetectionHead; the rest: JMPose), each off by default but
    for residual in the lite size. docs/ablations.md has what these are worth. BUNDLED is how the bundled weights are
    built.
    """

    cjl: bool
    jmml: bool
    jmib: bool
    motion: MotionSource
    printed_gate: bool
    kv_stride: int
    mean_start: bool
    heatmap_embedding: bool
    residual: bool
    align: bool
    frame_selection: bool
    half_size: bool
    heatmap_skip: bool
    feature_skip: bool
    occlusion: bool
    reach: int


# Of the bundled jmpose_lite. The figures that chose it are in docs/ablations.md.
BUNDLED: Final[Switches] = {
    "mean_start": True,
    "heatmap_embedding": True,
    "align": True,
    "frame_selection": True,
    "heatmap_skip": True,
    "feature_skip": True,
    "half_size": True,
    "kv_stride": 2,
}


@dataclass(frozen=True)
class JMPoseOutput:
    """What the refiner finds for the key frames of B clips.

    refined: (B, K, h, w) heatmaps, peak about 1 for a sure joint.
    logits: (B, K, h, w), what the training loss sees; equal to `refined` where heatmaps are regressed.
    aggregated: (B, K, h', w'), the weighted and mixed initial heatmaps.
    joint_features, motion_features: (B, C, h', w') after each layer of JMML, for the IO objective; empty without JMML.
        h', w' are h, w, or half of them with `half_size`.
    """

    refined: Tensor
    logits: Tensor
    aggregated: Tensor
    joint_features: tuple[Tensor, ...]
    motion_features: tuple[Tensor, ...]


class JMPose(Refiner):
    """Initial heatmaps and motion of clips of T frames -> refined heatmaps of their key frames, in the middle.

    Args:
        aggregation: (B, T, K, h, w) -> (B, K, h, w).
        motion_stem: the motion given to `forward` -> (B, C, h, w).
        cjl: aggregated heatmaps and motion feature -> joint feature (B, C, h, w).
        jmml: both features -> both after each layer; None hands the joint feature alone to the head.
        head: (B, 2C, h, w), or (B, C, h, w) without JMML, and the key frame's initial heatmaps -> heatmaps, logits.
        align: beyond the paper; the supporting heatmaps are warped onto the key frame before they are aggregated,
            and a residual head starts from their weighted mean in place of the key frame's own.
        selection: beyond the paper; what the residual head starts from is in place of that mean a sum over frames
            with weights that are learnt, for each joint and place. Needs `align`.
        half_size: beyond the paper; the learnt parts see maps of half the height and width, at a quarter of the cost.
            What they say is interpolated onto the whole heatmaps, whose places stay as fine as they were.
        heatmap_skip: beyond the paper; the head sees the aggregated heatmaps as well, which by the paper reach it
            through the learned offsets and masks alone.
        feature_skip: beyond the paper; the head sees the key frame's deepest backbone feature as well.
        reach: beyond the paper; supporting frames on either side whose aligned heatmaps enter that mean. The learnt
            parts see the middle five frames however wide the window, so one training serves every reach.

    Raises:
        ValueError: a reach that the clip's middle five frames or the other switches do not allow.
    """

    def __init__(
        self,
        *,
        aggregation: HeatmapAggregation,
        motion_stem: FlowMotion | DifferenceMotion,
        cjl: nn.Module,
        jmml: MutualLearning | None,
        head: DetectionHead,
        align: bool = False,
        selection: FrameSelection | None = None,
        half_size: bool = False,
        heatmap_skip: bool = False,
        feature_skip: bool = False,
        reach: int = FRAMES // 2,
    ) -> None:
        super().__init__()
        if selection is not None and not align:
            raise ValueError("frames are weighed against each other once they are aligned: frame_selection needs align")
        fields = motion_stem.fields if isinstance(motion_stem, FlowMotion) else FLOW_FIELDS
        if reach < FRAMES // 2:
            raise ValueError(f"reach is {reach}; the learnt parts need {FRAMES // 2} supporting frames on either side")
        if reach > FRAMES // 2 and (not align or fields > FLOW_FIELDS):
            raise ValueError("a window wider than five frames needs aligned supports and no occlusion channel")
        self.aggregation = aggregation
        self.motion_stem = motion_stem
        self.cjl = cjl
        self.jmml = jmml
        self.head = head
        self.align = align
        self.selection = selection
        self.half_size = half_size
        self.heatmap_skip = heatmap_skip
        self.feature_skip = feature_skip
        self.frames = 2 * reach + 1
        self.channels = motion_stem.channels
        by_flow = isinstance(motion_stem, FlowMotion)
        self.uses_flow = by_flow or align
        self.uses_features = feature_skip or not by_flow
        self.flow_fields = max(fields, 2 * reach)

    def forward(self, clips: ClipMaps) -> JMPoseOutput:
        """Refine B clips: of flow between the pairs that the weights were trained with, or, for JM-Pose*, features."""
        initial = aligned(clips.initial, _flow_of(clips)) if self.align else clips.initial
        by_flow = isinstance(self.motion_stem, FlowMotion)
        learnt = ClipMaps(initial, clips.features, clips.flow).middle(FRAMES)
        if by_flow:  # of the features, the key frame's alone is used
            learnt = ClipMaps(learnt.initial, tuple(middle(level, 1) for level in learnt.features), learnt.flow)
        if self.half_size:
            learnt = halved(learnt)
        aggregated = self.aggregation(learnt.initial)
        motion_feature = self.motion_stem(_flow_of(learnt) if by_flow else learnt.features[-1])
        joint_feature = self.cjl(aggregated, motion_feature)
        joints: tuple[Tensor, ...] = ()
        motions: tuple[Tensor, ...] = ()
        features = joint_feature
        if self.jmml is not None:
            joints, motions = self.jmml(joint_feature, motion_feature)
            features = torch.cat([joints[-1], motions[-1]], dim=1)
        if self.heatmap_skip:
            features = torch.cat([features, aggregated.to(features)], dim=1)
        if self.feature_skip:
            features = torch.cat([features, middle(learnt.features[-1], 1)[:, 0].to(features)], dim=1)
        refined, logits = self.head(features, self._start(clips, initial, features))
        return JMPoseOutput(refined, logits, aggregated, joints, motions)

    def _start(self, clips: ClipMaps, initial: Tensor, features: Tensor) -> Tensor:
        """The heatmaps that a residual head adds to."""
        if self.selection is not None:
            return self.selection(features, initial)
        return weighted_mean(initial) if self.align else clips.key_initial


def _flow_of(clips: ClipMaps) -> Tensor:
    if clips.flow is None:
        raise ValueError("this refiner needs flow, and the clips carry none")
    return clips.flow


@dataclass(frozen=True)
class _Size:
    channels: int
    feature_channels: int  # of the backbone's deepest feature, for JM-Pose*
    stem_blocks: int
    offset_groups: int
    layers: int
    head_blocks: int


_W48 = _Size(channels=48, feature_channels=48, stem_blocks=4, offset_groups=12, layers=4, head_blocks=3)
_LITE = _Size(channels=32, feature_channels=DECODER_CHANNELS, stem_blocks=1, offset_groups=8, layers=2, head_blocks=1)


def jmpose_w48_refiner(**switches: Unpack[Switches]) -> JMPose:
    """The paper's refiner, for 96x72 maps: 2.1 M parameters, 12.7 G multiply-adds. Its head is not residual."""
    switches.setdefault("residual", False)
    return _refiner(_W48, softmax_sigma=None, **switches)


def jmpose_lite_refiner(**switches: Unpack[Switches]) -> JMPose:
    """The same modules, narrower, fewer and shorter, for 64x48 softmax maps, so that a CPU keeps up."""
    return _refiner(_LITE, softmax_sigma=SIGMA_LITE, **switches)


def _refiner(
    size: _Size,
    *,
    softmax_sigma: float | None,
    residual: bool = True,
    cjl: bool = True,
    jmml: bool = True,
    jmib: bool = True,
    motion: MotionSource = "flow",
    printed_gate: bool = False,
    kv_stride: int = 4,
    mean_start: bool = False,
    heatmap_embedding: bool = False,
    align: bool = False,
    frame_selection: bool = False,
    half_size: bool = False,
    heatmap_skip: bool = False,
    feature_skip: bool = False,
    occlusion: bool = False,
    reach: int = FRAMES // 2,
) -> JMPose:
    channels = size.channels
    if motion == "flow":
        motion_stem = FlowMotion(channels, blocks=size.stem_blocks, occlusion=occlusion)
    else:
        motion_stem = DifferenceMotion(size.feature_channels, channels, frames=FRAMES, blocks=2)
    if cjl:
        joint_learner = ContextAwareJointLearner(
            joints=NUM_JOINTS,
            channels=channels,
            offset_groups=size.offset_groups,
            dilation=3,
            embed_heatmaps=heatmap_embedding,
        )
    else:
        joint_learner = HeatmapEmbedding(joints=NUM_JOINTS, channels=channels)
    layers = size.layers if jmib else 0
    mutual = MutualLearning(channels, layers=layers, kv_stride=kv_stride, printed_gate=printed_gate) if jmml else None
    skipped = heatmap_skip * NUM_JOINTS + feature_skip * size.feature_channels
    features = (2 * channels if jmml else channels) + skipped
    head = DetectionHead(
        features,
        channels,
        NUM_JOINTS,
        blocks=size.head_blocks,
        softmax_sigma=softmax_sigma,
        residual=residual,
    )
    return JMPose(
        aggregation=HeatmapAggregation(joints=NUM_JOINTS, frames=FRAMES, from_mean=mean_start),
        motion_stem=motion_stem,
        cjl=joint_learner,
        jmml=mutual,
        head=head,
        align=align,
        selection=FrameSelection(features, joints=NUM_JOINTS, frames=FRAMES) if frame_selection else None,
        half_size=half_size,
        heatmap_skip=heatmap_skip,
        feature_skip=feature_skip,
        reach=reach,
    )

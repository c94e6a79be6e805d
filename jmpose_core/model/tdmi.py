"""TDMI (Feng et al., CVPR 2023; docs/model.md): motion from feature differences, split into useful and noisy motion.

TDMI-ST also aligns the supporting frames' features, as FAMI-Pose does.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from jmpose_core.model.blocks import GuidedDeformConv, chain, key_and_supports
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.famipose import LocalCalibration
from jmpose_core.model.heads import DetectionHead
from jmpose_core.model.heatmaps import SIGMA_LITE
from jmpose_core.model.mobilenet import DECODER_CHANNELS
from jmpose_core.skeleton import NUM_JOINTS

FRAMES = 5
_GATE_CHANNELS = 128
_CALIBRATION_DILATION = 3


@dataclass(frozen=True)
class TDMIOutput:
    """What TDMI finds for the key frames of B clips; the features, (B, C, h, w) each, are for its loss.

    refined: (B, K, h, w) heatmaps, peak about 1 for a sure joint.
    logits: (B, K, h, w), what the heatmap loss sees; equal to `refined` where heatmaps are regressed.
    motion: M, of all stages.
    useful, noisy: M_u and M_n, the motion feature through either gate.
    appearance: F_t, the key frame's last feature (TDMI), or F_a, that with the aligned supports (TDMI-ST).
    fused: F-tilde, useful motion and appearance, what the heatmaps are made of.
    """

    refined: Tensor
    logits: Tensor
    motion: Tensor
    useful: Tensor
    noisy: Tensor
    appearance: Tensor
    fused: Tensor


class TDMI(Refiner):
    """The backbone's features of five frames, of one or more stages -> refined heatmaps of the middle frame.

    Args:
        encoder: the features of every stage -> motion feature (B, C, h, w).
        useful_gate, noisy_gate: motion feature -> itself, each channel times 0..1.
        appearance: last features (B, 5, C, h, w) -> appearance feature (B, C, h, w); None takes the key frame's.
        fuse: useful motion and appearance (B, 2C, h, w) -> (B, C, h, w).
        head: (B, C, h, w) and the key frame's initial heatmaps -> heatmaps, logits.
    """

    def __init__(
        self,
        *,
        encoder: "DifferenceEncoder",
        useful_gate: "ChannelGate",
        noisy_gate: "ChannelGate",
        appearance: "AlignedAppearance | None",
        fuse: nn.Module,
        head: DetectionHead,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.useful_gate = useful_gate
        self.noisy_gate = noisy_gate
        self.appearance = appearance
        self.fuse = fuse
        self.head = head
        self.frames = FRAMES
        self.uses_features, self.uses_flow = True, False

    def forward(self, clips: ClipMaps) -> TDMIOutput:
        """Refine B clips of five frames."""
        last = clips.features[-1]
        motion = self.encoder(clips.features)
        useful, noisy = self.useful_gate(motion), self.noisy_gate(motion)
        appearance = key_and_supports(last)[0] if self.appearance is None else self.appearance(last)
        fused = self.fuse(torch.cat([useful, appearance], dim=1))
        refined, logits = self.head(fused, clips.key_initial)
        return TDMIOutput(refined, logits, motion, useful, noisy, appearance, fused)


class DifferenceEncoder(nn.Module):
    """Features of `stages` stages, shallow to deep, (B, 5, C, h, w) each -> one motion feature (B, C, h, w).

    Every stage's motion is added to what the stages before it made.
    """

    def __init__(self, channels: int, *, stages: int, offset_groups: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(DifferenceStage(channels, offset_groups=offset_groups) for _ in range(stages))
        self.smooth = nn.ModuleList(chain(channels, channels, 1) for _ in range(stages - 1))

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        key, _ = key_and_supports(features[-1])
        first, *later = [stage(maps, key) for stage, maps in zip(self.stages, features, strict=True)]
        motion = first
        for smooth, finer in zip(self.smooth, later, strict=True):
            motion = smooth(motion + finer)
        return motion


class DifferenceStage(nn.Module):
    """Features of five frames (B, 5, C, h, w) and the key frame's last one (B, C, h, w) -> motion (B, C, h, w).

    The key frame says where to sample what the four consecutive differences show.
    """

    def __init__(self, channels: int, *, offset_groups: int) -> None:
        super().__init__()
        self.encode = chain((FRAMES - 1) * channels, channels, 2)
        self.guide = chain(2 * channels, channels, 1)
        # The code steers with a dilation of 3 and samples with 1.
        self.sample = GuidedDeformConv(channels, groups=offset_groups, dilation=1, guide_dilation=3)

    def forward(self, maps: Tensor, key: Tensor) -> Tensor:
        motion = self.encode(torch.diff(maps, dim=1).flatten(1, 2))
        return self.sample(motion, self.guide(torch.cat([key, motion], dim=1)))


class ChannelGate(nn.Module):
    """Each channel of (B, C, h, w) times a number in 0..1 that the means of all channels say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(channels, _GATE_CHANNELS),
            nn.ReLU(inplace=True),
            nn.Linear(_GATE_CHANNELS, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x.mean(dim=(-2, -1)))[:, :, None, None]


class AlignedAppearance(nn.Module):
    """TDMI-ST: last features of five frames (B, 5, C, h, w) -> appearance feature of the middle one (B, C, h, w)."""

    def __init__(self, channels: int, *, offset_groups: int) -> None:
        super().__init__()
        self.merge = chain((FRAMES - 1) * channels, channels, 2)
        self.calibration = LocalCalibration(channels, groups=offset_groups, dilation=_CALIBRATION_DILATION)
        self.fuse = chain(2 * channels, channels, 3)

    def forward(self, maps: Tensor) -> Tensor:
        key, supports = key_and_supports(maps)
        aligned = self.calibration(self.merge(supports.flatten(1, 2)), key)
        return self.fuse(torch.cat([key, aligned], dim=1))


@dataclass(frozen=True)
class _Size:
    channels: int  # of each of the backbone's features, and of everything after them
    stages: int  # how many features the backbone has
    offset_groups: int


_W48 = _Size(channels=48, stages=4, offset_groups=12)
_LITE = _Size(channels=DECODER_CHANNELS, stages=1, offset_groups=12)


def tdmi_w48_refiner(*, spatio_temporal: bool = False) -> TDMI:
    """As published, for 96x72 maps: 1.85 M parameters, 12.5 G multiply-adds; TDMI-ST 2.86 M, 19.6 G."""
    return _refiner(_W48, spatio_temporal=spatio_temporal, softmax_sigma=None, residual=False)


def tdmi_lite_refiner(*, spatio_temporal: bool = False) -> TDMI:
    """The same modules on the compact backbone's one feature, for 64x48 softmax maps, added to the initial stage."""
    return _refiner(_LITE, spatio_temporal=spatio_temporal, softmax_sigma=SIGMA_LITE, residual=True)


def _refiner(size: _Size, *, spatio_temporal: bool, softmax_sigma: float | None, residual: bool) -> TDMI:
    channels, groups = size.channels, size.offset_groups
    return TDMI(
        encoder=DifferenceEncoder(channels, stages=size.stages, offset_groups=groups),
        useful_gate=ChannelGate(channels),
        noisy_gate=ChannelGate(channels),
        appearance=AlignedAppearance(channels, offset_groups=groups) if spatio_temporal else None,
        fuse=chain(2 * channels, channels, 3),
        head=DetectionHead(channels, channels, NUM_JOINTS, blocks=0, softmax_sigma=softmax_sigma, residual=residual),
    )

"""FAMI-Pose (Liu et al., CVPR 2022; docs/model.md): supporting features aligned with the key frame's."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from jmpose_core.model.blocks import GuidedDeformConv, chain, conv_bn_relu, key_and_supports
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.heads import DetectionHead
from jmpose_core.model.heatmaps import SIGMA_LITE
from jmpose_core.model.mobilenet import DECODER_CHANNELS
from jmpose_core.model.warping import warp
from jmpose_core.skeleton import NUM_JOINTS

FRAMES = 5
_TRANSFORM_CHANNELS = 16
_HALVINGS = 5


@dataclass(frozen=True)
class FAMIPoseOutput:
    """What FAMI-Pose finds for the key frames of B clips; the features, (B, C, h, w) each, are for its loss.

    refined: (B, K, h, w) heatmaps, peak about 1 for a sure joint.
    logits: (B, K, h, w), what the heatmap loss sees; equal to `refined` where heatmaps are regressed.
    key: z_t of the paper, the key frame's feature, from the fixed backbone.
    merged: z-bar, the supports' features after the global transformation.
    fused: z-tilde as the published code has it, what the heatmaps are made of.
    """

    refined: Tensor
    logits: Tensor
    key: Tensor
    merged: Tensor
    fused: Tensor


class FAMIPose(Refiner):
    """The backbone's last features of five frames -> refined heatmaps of the middle one.

    Args:
        transform: supports and key features (N, C, h, w) -> the supports moved.
        merge: four supports (B, 4C, h, w) -> (B, C, h, w).
        calibration: merged and key features (B, C, h, w) -> the merged one aligned.
        fuse: key and aligned features (B, 2C, h, w) -> (B, C, h, w).
        head: (B, C, h, w) and the key frame's initial heatmaps -> heatmaps, logits.
    """

    def __init__(
        self,
        *,
        transform: "GlobalTransform",
        merge: nn.Module,
        calibration: "LocalCalibration",
        fuse: nn.Module,
        head: DetectionHead,
    ) -> None:
        super().__init__()
        self.transform = transform
        self.merge = merge
        self.calibration = calibration
        self.fuse = fuse
        self.head = head
        self.frames = FRAMES
        self.uses_features, self.uses_flow = True, False

    def forward(self, clips: ClipMaps) -> FAMIPoseOutput:
        """Refine B clips of five frames."""
        key, supports = key_and_supports(clips.features[-1])
        batch, count = supports.shape[:2]
        moved = self.transform(supports.flatten(0, 1), key.repeat_interleave(count, dim=0))
        merged = self.merge(moved.unflatten(0, (batch, count)).flatten(1, 2))
        aligned = self.calibration(merged, key)
        fused = self.fuse(torch.cat([key, aligned], dim=1))
        refined, logits = self.head(fused, clips.key_initial)
        return FAMIPoseOutput(refined, logits, key, merged, fused)


class GlobalTransform(nn.Module):
    """Moves supporting features onto the key frame's: support, key (N, C, h, w) -> support moved (N, C, h, w).

    One translation a frame, in cells, read from the difference of both. With
    `affine` also what the edges move beyond it (the paper's figure says affine; its
    code only translates). Starts by moving nothing. `grid` is the map's size after five halvings.
    """

    def __init__(self, channels: int, *, grid: tuple[int, int], affine: bool) -> None:
        super().__init__()
        width = _TRANSFORM_CHANNELS
        self.encode = nn.Sequential(
            chain(channels, width, 1),
            *(conv_bn_relu(width, width, 3, stride=2) for _ in range(_HALVINGS)),
            nn.AdaptiveAvgPool2d(grid),  # does nothing to maps of the intended size, and admits others
            nn.Flatten(),
        )
        last = nn.Linear(64, 6 if affine else 2)
        # No activations between these in the published code.
        self.regress = nn.Sequential(nn.Linear(width * grid[0] * grid[1], 64), nn.Linear(64, 64), last)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, support: Tensor, key: Tensor) -> Tensor:
        parameters = self.regress(self.encode(support - key))
        # Outside autocast: positions lose whole cells in bfloat16.
        with torch.autocast(support.device.type, enabled=False):
            moves = displacement(parameters.float(), (support.shape[-2], support.shape[-1]))
            return warp(support.float(), -moves)


def displacement(parameters: Tensor, size: tuple[int, int]) -> Tensor:
    """How far each cell's content moves, (N, 2, h, w) in cells, x first.

    Args:
        parameters: (N, 2), a translation; or (N, 6) with a 2x2 matrix after it, row by
            row: what is added, in cells, per half width and half height from the centre.
        size: h, w; at least 2 each.
    """
    height, width = size
    translation = parameters[:, :2, None, None]
    if parameters.shape[1] == 2:
        return translation.expand(-1, -1, height, width)
    x = torch.linspace(-1, 1, width, device=parameters.device).expand(height, width)
    y = torch.linspace(-1, 1, height, device=parameters.device)[:, None].expand(height, width)
    matrix = parameters[:, 2:].unflatten(1, (2, 2))
    return translation + torch.einsum("nij,jhw->nihw", matrix, torch.stack([x, y]))


class LocalCalibration(nn.Module):
    """Aligns merged supporting features with the key frame's by four deformable convolutions, in cells.

    merged, key (B, C, h, w) -> (B, C, h, w). Two refine a guide made of both, the third samples the merged
    features where the guide says, the fourth where its own input says.
    """

    def __init__(self, channels: int, *, groups: int, dilation: int) -> None:
        super().__init__()
        self.guide = chain(2 * channels, channels, 1)
        self.steps = nn.ModuleList(
            GuidedDeformConv(channels, groups=groups, dilation=dilation, guide_dilation=dilation) for _ in range(4)
        )

    def forward(self, merged: Tensor, key: Tensor) -> Tensor:
        first, second, third, fourth = self.steps
        guide = self.guide(torch.cat([merged, key], dim=1))
        guide = first(guide, guide)
        guide = second(guide, guide)
        aligned = third(merged, guide)
        return fourth(aligned, aligned)


@dataclass(frozen=True)
class _Size:
    channels: int  # of the backbone's last feature, and of everything after it
    grid: tuple[int, int]
    offset_groups: int


_W48 = _Size(channels=48, grid=(3, 3), offset_groups=12)
_LITE = _Size(channels=DECODER_CHANNELS, grid=(2, 2), offset_groups=12)


def famipose_w48_refiner(*, affine: bool = False) -> FAMIPose:
    """As published, for 96x72 maps: 1.06 M parameters, 7.3 G multiply-adds."""
    return _refiner(_W48, affine=affine, softmax_sigma=None, residual=False)


def famipose_lite_refiner(*, affine: bool = False) -> FAMIPose:
    """The same modules at the compact backbone's width, for 64x48 softmax maps, added to the initial stage."""
    return _refiner(_LITE, affine=affine, softmax_sigma=SIGMA_LITE, residual=True)


def _refiner(size: _Size, *, affine: bool, softmax_sigma: float | None, residual: bool) -> FAMIPose:
    channels = size.channels
    return FAMIPose(
        transform=GlobalTransform(channels, grid=size.grid, affine=affine),
        merge=chain((FRAMES - 1) * channels, channels, 2),
        calibration=LocalCalibration(channels, groups=size.offset_groups, dilation=3),
        fuse=chain(2 * channels, channels, 3),
        head=DetectionHead(channels, channels, NUM_JOINTS, blocks=0, softmax_sigma=softmax_sigma, residual=residual),
    )

"""Which supporting frame to believe, for each joint and place: weights over the aligned heatmaps (beyond the paper).

A mean over frames lets one bad frame spoil four good ones, and the best frame of each joint is known to
lie far above the mean (docs/ablations.md). What the mutual learning found out about motion and joints,
and how each frame's map of a joint compares with the others', become the weights.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jmpose_core.model.blocks import zero_conv
from jmpose_core.model.clip_maps import middle
from jmpose_core.model.heatmap_aggregation import frame_weights

_HIDDEN: Final = 16
_CONTEXT: Final = 4  # channels of the features for each joint
_LOWEST: Final = 1e-4  # of a heatmap, before its logarithm is taken
_LOG_SCALE: Final = 4.0  # brings the logarithms to the order of the other channels


class FrameSelection(nn.Module):
    """Features (B, i, h, w) and aligned heatmaps (B, T, K, H, W) -> merged heatmaps (B, K, H, W).

    The merged map of a joint is the sum over frames of weight times aligned map, the weights being a softmax over the
    frames at each place, times the exponential of a correction. Weights start as `frame_weights` and the correction
    at zero, so this starts as the weighted mean. The key frame alone or any other frame alone is a limit of it.

    One small network serves all joints, which see their own maps of every frame, how high each peaks, how well each
    agrees with the mean, and what the features say of this joint. It works at the features' size, which may be
    coarser than the heatmaps'; its answers are interpolated.

    Args:
        i: channels of the features.
        joints: K.
        frames: frames in the middle of the clip that are weighed. Frames further out keep their share by
            `frame_weights`.
    """

    def __init__(self, i: int, *, joints: int, frames: int) -> None:
        super().__init__()
        self.joints = joints
        self.frames = frames
        self.context = nn.Conv2d(i, joints * _CONTEXT, 1)
        self.compare = nn.Sequential(
            nn.Conv2d(4 * frames + _CONTEXT, _HIDDEN, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(_HIDDEN, _HIDDEN, 3, padding=2, dilation=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(_HIDDEN, _HIDDEN, 3, padding=4, dilation=4),
            nn.ReLU(inplace=True),
            zero_conv(_HIDDEN, frames + 1, 3),
        )

    def forward(self, features: Tensor, aligned: Tensor) -> Tensor:
        weights, correction = self.weights(features, aligned)
        return (weights * aligned.float()).sum(dim=1) * correction.exp()

    def weights(self, features: Tensor, aligned: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (B, T, K, H, W), which sum to 1 over the frames, and the correction (B, K, H, W), a logarithm."""
        batch, size = len(aligned), aligned.shape[-2:]
        own = middle(aligned, self.frames)
        seen = self._of_each_joint(features, own)
        answer = self.compare(seen).float()
        answer = F.interpolate(answer, size, mode="bilinear", align_corners=False)
        answer = answer.unflatten(0, (batch, self.joints)).transpose(1, 2)
        learnt, correction = answer[:, : self.frames], answer[:, self.frames]
        start = (frame_weights(aligned.shape[1]) / frame_weights(aligned.shape[1]).sum()).to(learnt)
        own = middle(start[None], self.frames)[0]
        inner = (learnt + own.log()[:, None, None, None]).softmax(dim=1) * own.sum()
        outer = (aligned.shape[1] - self.frames) // 2
        if not outer:
            return inner, correction
        shape = (batch, outer, *inner.shape[2:])
        before, after = (part[:, None, None, None].expand(shape) for part in (start[:outer], start[-outer:]))
        return torch.cat([before, inner, after], dim=1), correction

    def _of_each_joint(self, features: Tensor, aligned: Tensor) -> Tensor:
        """What is compared: (B * K, 4 T + context, h, w)."""
        h, w = features.shape[-2:]
        maps = aligned.float().clamp_min(0).transpose(1, 2).flatten(0, 1)  # (B * K, T, H, W)
        peak = maps.flatten(2).amax(dim=2)
        mean = maps.mean(dim=1, keepdim=True)
        agreement = F.cosine_similarity(maps.flatten(2), mean.flatten(2), dim=2)
        maps = F.adaptive_avg_pool2d(maps, (h, w))
        of_frames = torch.stack([peak.clamp_min(_LOWEST).log() / _LOG_SCALE, agreement], dim=2).flatten(1)
        context = self.context(features).unflatten(1, (self.joints, _CONTEXT)).flatten(0, 1)
        logs = maps.clamp_min(_LOWEST).log() / _LOG_SCALE
        return torch.cat([maps, logs, of_frames[..., None, None].expand(-1, -1, h, w), context.float()], dim=1)

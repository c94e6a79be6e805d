"""From the initial heatmaps of a clip to one aggregated heatmap of its key frame (docs/model.md)."""

import torch
from torch import Tensor, nn

from jmpose_core.model.blocks import chain, zero_conv


class HeatmapAggregation(nn.Module):
    """Initial heatmaps (B, T, K, h, w) of an odd number of frames, key frame in the middle -> (B, K, h, w).

    The frames are weighed by `frame_weights` and interleaved per joint, so that
    the maps of one joint lie side by side.

    Args:
        joints: K.
        frames: T, odd.
        blocks: of the chain that mixes the maps.
        from_mean: start as the weighted mean of the frames, to which the chain adds a correction that starts at
            zero; map k is then joint k's from the first step. The paper prints the chain alone, whose
            channels have no joint's identity.

    Raises:
        ValueError: an even number of frames.
    """

    frame_weights: Tensor

    def __init__(self, *, joints: int, frames: int, blocks: int = 1, from_mean: bool = False) -> None:
        super().__init__()
        if frames % 2 == 0:
            raise ValueError(f"a clip of {frames} frames has no key frame in its middle")
        self.register_buffer("frame_weights", frame_weights(frames), persistent=False)
        self.chain = chain(frames * joints, joints, blocks)
        self.correction = zero_conv(joints, joints, 1) if from_mean else None

    def forward(self, initial_heatmaps: Tensor) -> Tensor:
        weighted = initial_heatmaps * self.frame_weights[:, None, None, None]
        mixed = self.chain(weighted.transpose(1, 2).flatten(1, 2))
        if self.correction is None:
            return mixed
        return weighted.sum(dim=1) / self.frame_weights.sum() + self.correction(mixed)


def frame_weights(frames: int) -> Tensor:
    """A frame d steps from the key frame weighs 1 - |d| / (reach + 1): 1, 2/3, 1/3 for five (nearer is heavier)."""
    reach = frames // 2
    return 1 - torch.arange(-reach, reach + 1).abs() / (reach + 1)


def weighted_mean(aligned_heatmaps: Tensor) -> Tensor:
    """(B, T, K, h, w) -> (B, K, h, w) by `frame_weights`: what is known of the key frame without learning."""
    weights = frame_weights(aligned_heatmaps.shape[1]).to(aligned_heatmaps.device)
    return (aligned_heatmaps * weights[:, None, None, None]).sum(dim=1) / weights.sum()

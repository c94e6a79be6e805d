"""From the initial heatmaps of a clip to one aggregated heatmap of its key frame (MODEL.md 1.3)."""

import torch
from torch import Tensor, nn

from jmpose_core.model.blocks import chain


class HeatmapAggregation(nn.Module):
    """Initial heatmaps (B, T, K, h, w) of an odd number of frames, key frame in the middle -> (B, K, h, w).

    A frame d steps from the key frame weighs 1 - |d| / (reach + 1): 1, 2/3, 1/3
    for T = 5 (nearer is heavier, as in DCPose). The frames are interleaved per
    joint, so that the maps of one joint lie side by side.
    """

    frame_weights: Tensor

    def __init__(self, *, joints: int, frames: int, blocks: int = 1) -> None:
        super().__init__()
        if frames % 2 == 0:
            raise ValueError(f"a clip of {frames} frames has no key frame in its middle")
        reach = frames // 2
        steps = torch.arange(-reach, reach + 1).abs()
        self.register_buffer("frame_weights", 1 - steps / (reach + 1), persistent=False)
        self.chain = chain(frames * joints, joints, blocks)

    def forward(self, initial_heatmaps: Tensor) -> Tensor:
        return self.chain(self._weighted(initial_heatmaps).transpose(1, 2).flatten(1, 2))

    def mean(self, initial_heatmaps: Tensor) -> Tensor:
        """The weighted mean over the frames, (B, K, h, w): what is known of the key frame without learning."""
        return self._weighted(initial_heatmaps).sum(dim=1) / self.frame_weights.sum()

    def _weighted(self, initial_heatmaps: Tensor) -> Tensor:
        return initial_heatmaps * self.frame_weights[:, None, None, None]

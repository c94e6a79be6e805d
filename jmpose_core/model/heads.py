"""Where every system's features become heatmaps."""

from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

from jmpose_core.model.blocks import chain
from jmpose_core.model.heatmaps import heatmaps_from_logits

# Below this a softmax heatmap's cell counts as empty; 1e-6 of a sure peak.
_LOWEST_HEATMAP: Final = 1e-6
# Standard deviation of a last layer whose heatmaps are regressed. Zero everywhere costs a squared error of about
# 0.01; torch's own start costs 0.7 and more, and training then stays where all maps are zero.
_REGRESSION_START: Final = 1e-3


class DetectionHead(nn.Module):
    """Features (B, i, h, w) and the heatmaps to start from (B, K, H, W) -> heatmaps, logits (B, K, H, W).

    Features may be coarser than the heatmaps: what the head makes of them is then interpolated.

    Args:
        i: channels of the features.
        channels: of the head's 3x3 chain.
        blocks: of the chain; 0 for none.
        softmax_sigma: cells; the last layer gives logits, and heatmaps are their
            spatial softmax scaled to peak at 1. None: the head regresses heatmaps (paper), and starts
            near zero everywhere.
        residual: the last layer starts at zero and is added to the heatmaps to start
            from (to their logits, with softmax), so that training starts from their
            accuracy (docs/decisions/refiner-residual.md). The papers do not.
    """

    def __init__(
        self, i: int, channels: int, joints: int, *, blocks: int, softmax_sigma: float | None, residual: bool
    ) -> None:
        super().__init__()
        self.chain = chain(i, channels, blocks) if blocks else nn.Identity()
        self.last = nn.Conv2d(channels if blocks else i, joints, 3, padding=1)
        self.softmax_sigma = softmax_sigma
        self.residual = residual
        if residual or softmax_sigma is None:
            nn.init.normal_(self.last.weight, std=0.0 if residual else _REGRESSION_START)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.last(self.chain(features)).float()
        if logits.shape[-2:] != start.shape[-2:]:
            logits = F.interpolate(logits, start.shape[-2:], mode="bilinear", align_corners=False)
        if self.residual:
            logits = logits + self._logits_of(start)
        heatmaps = logits if self.softmax_sigma is None else heatmaps_from_logits(logits, self.softmax_sigma)
        return heatmaps, logits

    def _logits_of(self, heatmaps: Tensor) -> Tensor:
        """Inverse of `heatmaps_from_logits`, but for a constant per map that its softmax takes out again."""
        if self.softmax_sigma is None:
            return heatmaps.float()
        return heatmaps.float().clamp_min(_LOWEST_HEATMAP).log()

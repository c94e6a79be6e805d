"""A one-class person detector small enough for a CPU: people as centre points.

Zhou et al., "Objects as Points" (2019), in the size of MoveNet MultiPose: each cell of stride 4 says how
sure it is to be a person's centre, where exactly the centre lies, and how large the person's box is. The
logit is trained to be the quality of the cell's own box (train/detector_loss.py), so it ranks boxes by itself.
"""

from typing import Final

import torch
from torch import Tensor

from jmpose_core.model.mobilenet import TopDownNet, prediction

STRIDE: Final = 4


class PersonNet(TopDownNet):
    """(B, 3, H, W) RGB in [-1, 1], sides multiples of 32 -> person logits (B, N) and boxes (B, N, 4).

    N counts the cells, row by row; boxes are xyxy in input pixels (centres on
    whole numbers), in float32 whatever the autocast.
    """

    def __init__(self) -> None:
        super().__init__(width=1.5)
        self.center = prediction(1)
        self.box_scale = prediction(2)
        self.box_offset = prediction(2)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.decoded(image)
        logits = self.center(features).flatten(1).float()
        # Cells count from the upper left corner of the picture; row first, as in MoveNet.
        size, offset = (head(features).float().flatten(2).mT.flip(-1) for head in (self.box_scale, self.box_offset))
        corner = cell_corners(features.shape[-2], features.shape[-1], device=features.device)
        half = size.clamp_min(0) / 2
        centre = corner + offset
        return logits, torch.cat([centre - half, centre + half], dim=-1) * STRIDE - 0.5


def cell_corners(rows: int, columns: int, *, device: torch.device | None = None) -> Tensor:
    """Upper left corners (rows * columns, 2) in cells, x first, row by row."""
    y, x = torch.meshgrid(
        torch.arange(rows, device=device, dtype=torch.float32),
        torch.arange(columns, device=device, dtype=torch.float32),
        indexing="ij",
    )
    return torch.stack([x.flatten(), y.flatten()], dim=-1)


def all_cell_centres(height: int, width: int, *, device: torch.device | None = None) -> Tensor:
    """Input pixels (N, 2), x first, in the middle of each cell of an input of this size, in PersonNet's order."""
    return (cell_corners(height // STRIDE, width // STRIDE, device=device) + 0.5) * STRIDE - 0.5

"""A one-class person detector small enough for a CPU: compact trunk, top-down pyramid, anchor-free head.

The head is that of FCOS (Tian et al., ICCV 2019) without centre-ness: each cell
of strides 8, 16 and 32 says how sure it is to lie on a person and how far the
four sides of that person's box are. The person logit is trained to be the
quality of the cell's own box (train/detector_loss.py), so it ranks boxes by itself.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jmpose_core.model.efficientnet import FEATURE_CHANNELS, DepthwiseConv2d, EfficientNetLite0

STRIDES: Final = (8, 16, 32)
_PRIOR: Final = 0.01  # chance of a person at a cell before training: keeps the first steps calm


def _separable(channels: int) -> nn.Sequential:
    return nn.Sequential(
        DepthwiseConv2d(channels, 5, 1),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.GroupNorm(8, channels),  # one head serves three strides, whose statistics differ
        nn.ReLU6(inplace=True),
    )


class PersonNet(nn.Module):
    """(B, 3, H, W) RGB in [-1, 1], sides multiples of 32 -> person logits (B, N) and boxes (B, N, 4).

    N counts the cells of all strides, finest first, row by row; boxes are
    xyxy in input pixels (centres on whole numbers), in float32 whatever the autocast.
    """

    def __init__(self, *, channels: int = 64) -> None:
        super().__init__()
        self.trunk = EfficientNetLite0()
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in FEATURE_CHANNELS[1:])
        self.smooth = nn.ModuleList(_separable(channels) for _ in STRIDES)
        self.person_tower = nn.Sequential(_separable(channels), _separable(channels))
        self.box_tower = nn.Sequential(_separable(channels), _separable(channels))
        self.person = nn.Conv2d(channels, 1, 1)
        self.box = nn.Conv2d(channels, 4, 1)
        nn.init.constant_(self.person.bias, -torch.tensor(1 / _PRIOR - 1).log().item())  # type: ignore[arg-type]
        nn.init.normal_(self.person.weight, std=0.01)
        nn.init.normal_(self.box.weight, std=0.01)
        nn.init.constant_(self.box.bias, 1.0)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits, boxes = [], []
        for stride, features in zip(STRIDES, self._pyramid(image), strict=True):
            logits.append(self.person(self.person_tower(features)).flatten(1).float())
            sides = self.box(self.box_tower(features)).flatten(2).transpose(1, 2).float()
            centres = cell_centres(features.shape[-2], features.shape[-1], stride, device=features.device)
            distance = sides.clamp(max=6.0).exp() * stride
            boxes.append(torch.cat([centres - distance[..., :2], centres + distance[..., 2:]], dim=-1))
        return torch.cat(logits, dim=1), torch.cat(boxes, dim=1)

    def _pyramid(self, image: Tensor) -> list[Tensor]:
        """Features of strides 8, 16 and 32, each having seen the coarser ones."""
        levels: list[Tensor] = []
        features = self.trunk(image)[1:]
        for here, lateral, smooth in reversed(list(zip(features, self.lateral, self.smooth, strict=True))):
            merged = lateral(here)
            if levels:
                merged = merged + F.interpolate(levels[-1], scale_factor=2.0, mode="nearest")
            levels.append(smooth(merged))
        return levels[::-1]


def cell_centres(rows: int, columns: int, stride: int, *, device: torch.device | None = None) -> Tensor:
    """Input pixels (rows * columns, 2), x first, at the middle of each cell, row by row."""
    x = (torch.arange(columns, device=device) + 0.5) * stride - 0.5
    y = (torch.arange(rows, device=device) + 0.5) * stride - 0.5
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([grid_x.flatten(), grid_y.flatten()], dim=-1)


def all_cell_centres(height: int, width: int, *, device: torch.device | None = None) -> Tensor:
    """Centres (N, 2) of every cell of every stride for an input of this size, in PersonNet's order."""
    return torch.cat([cell_centres(height // s, width // s, s, device=device) for s in STRIDES])

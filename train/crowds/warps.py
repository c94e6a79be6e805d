"""Affine maps and sampling for whole batches of crops, on any device; the conventions of `jmpose_core.geometry`."""

import math
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from jmpose_core.skeleton import FLIP

CROP_SIZE: Final = (256, 192)


@dataclass(frozen=True, slots=True)
class Warps:
    """crop_from_scene (B, 2, 3), and which crops are mirrored (B,) bool."""

    matrix: Tensor
    flip: Tensor

    def joints(self, joints: Tensor) -> Tensor:
        """(B, ..., 15, 3) of the scenes in the crops, named by the mirrored person; the third value stays."""
        moved = torch.cat([apply(self.matrix, joints[..., :2]), joints[..., 2:]], dim=-1)
        exchanged = moved[..., list(FLIP), :]
        return torch.where(self.flip.view(-1, *[1] * (joints.ndim - 1)), exchanged, moved)

    def box(self, bbox: Tensor) -> Tensor:
        """Upright boxes (B, 4) about what the turned ones enclose: about the ellipse in each, not its corners."""
        centre = apply(self.matrix, (bbox[:, None, :2] + bbox[:, None, 2:]) / 2)[:, 0]
        half = (bbox[:, 2:] - bbox[:, :2]) / 2
        extent = (self.matrix[:, :, :2] * half[:, None]).norm(dim=2)
        return torch.cat([centre - extent, centre + extent], dim=1)


def apply(matrix: Tensor, points: Tensor) -> Tensor:
    """Points (B, ..., 2) through maps (B, 2, 3)."""
    flat = points.flatten(1, -2)
    return (flat @ matrix[:, :, :2].mT + matrix[:, None, :, 2]).view_as(points)


def inverse(matrix: Tensor) -> Tensor:
    """The maps (B, 2, 3) back."""
    (a, b), (c, d) = matrix[:, 0, :2].unbind(1), matrix[:, 1, :2].unbind(1)
    linear = torch.stack([torch.stack([d, -b], 1), torch.stack([-c, a], 1)], 1) / (a * d - b * c)[:, None, None]
    return torch.cat([linear, -linear @ matrix[:, :, 2:]], dim=2)


def crop_warps(
    bbox: Tensor, *, enlarge: Tensor, angle: Tensor, flip: Tensor, size: tuple[int, int] = CROP_SIZE
) -> Warps:
    """Boxes (B, 4) widened to the crop's aspect, enlarged (B,), mirrored, then turned by `angle` (B,) radians."""
    height, width = size
    sides, centre = bbox[:, 2:] - bbox[:, :2], (bbox[:, :2] + bbox[:, 2:]) / 2
    scale = width / (enlarge * torch.maximum(sides[:, 0], sides[:, 1] * width / height))
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=bbox.device)
    return placed(centre, middle.expand_as(centre), scale=scale, angle=angle, flip=flip)


def placed(centre: Tensor, target: Tensor, *, scale: Tensor, angle: Tensor, flip: Tensor) -> Warps:
    """Maps that bring `centre` (B, 2) to `target` (B, 2), scaled, mirrored where `flip`, then turned."""
    cos, sin = angle.cos(), angle.sin()
    sign = torch.where(flip, -1.0, 1.0)
    linear = torch.stack([torch.stack([cos * sign, -sin], 1), torch.stack([sin * sign, cos], 1)], 1)
    linear = linear * scale[:, None, None]
    shift = target[:, :, None] - linear @ centre[:, :, None]
    return Warps(torch.cat([linear, shift], dim=2), flip)


def in_cells(points: Tensor) -> Tensor:
    """Crop pixels as cells of the heatmaps, a quarter as many."""
    return (points + 0.5) / 4 - 0.5


def sampled(
    pictures: Tensor, picture_size: Tensor, crop_from_scene: Tensor, size: tuple[int, int] = CROP_SIZE
) -> tuple[Tensor, Tensor]:
    """Crops (B, C, H, W) in 0..1 of pictures (B, S, S, C) uint8, and where the picture is (B, 1, H, W) bool.

    Outside its picture a crop repeats the border. picture_size: (B, 2) height, width of what is filled.
    """
    height, width = size
    x = torch.arange(width, device=pictures.device, dtype=torch.float32)
    y = torch.arange(height, device=pictures.device, dtype=torch.float32)
    back = inverse(crop_from_scene)[:, None, None]
    where = back[..., 0] * x[:, None] + back[..., 1] * y[:, None, None] + back[..., 2]
    last = picture_size.flip(1)[:, None, None].float() - 1
    inside = ((where > -0.5) & (where < last + 0.5)).all(dim=3)[:, None]
    grid = where.clamp_min(0).minimum(last) * (2 / (pictures.shape[1] - 1)) - 1
    values = pictures.movedim(-1, 1).float().div_(255)
    return F.grid_sample(values, grid, mode="bilinear", align_corners=True), inside


def clipped_normal(count: int, sigma: float, most: float, device: torch.device) -> Tensor:
    """(count,) normal values, at most `most` away from 0."""
    return (torch.randn(count, device=device) * sigma).clamp(-most, most)


def chance(count: int, probability: float, device: torch.device) -> Tensor:
    """(count,) bool."""
    return torch.rand(count, device=device) < probability


RIGHT_ANGLE: Final = math.pi / 2

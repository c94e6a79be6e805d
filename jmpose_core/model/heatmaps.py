"""Keypoints to heatmaps and back: the one pair of functions that training and inference share.

Cell centres lie on whole numbers, x first, as in `geometry`. Nothing is rounded
in encoding, since decoding assumes a Gaussian about the true centre.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SIGMA_LITE = 2.0  # cells, for 64x48 maps
SIGMA_PAPER = 3.0  # cells, for 96x72 maps (docs/model.md)
_APART = 7  # cells, odd: two maxima nearer than half of this are one


def encode(keypoints: Tensor, size: tuple[int, int], sigma: float) -> Tensor:
    """Gaussians with peak 1 at keypoints (..., 2) in cells: heatmaps (..., h, w)."""
    height, width = size
    x = torch.arange(width, device=keypoints.device, dtype=keypoints.dtype)
    y = torch.arange(height, device=keypoints.device, dtype=keypoints.dtype)
    gauss_x = torch.exp(-((x - keypoints[..., 0:1]) ** 2) / (2 * sigma**2))
    gauss_y = torch.exp(-((y - keypoints[..., 1:2]) ** 2) / (2 * sigma**2))
    return gauss_y[..., :, None] * gauss_x[..., None, :]


def heatmaps_from_logits(logits: Tensor, sigma: float) -> Tensor:
    """Spatial softmax scaled so that a sure joint peaks near 1, a doubtful one lower: (..., h, w) to the same.

    A Gaussian of `sigma` cells that sums to 1 peaks at 1 / (2 pi sigma^2); this is undone.
    """
    probability = F.softmax(logits.flatten(-2).float(), dim=-1)
    return (probability * (2 * math.pi * sigma**2)).reshape(logits.shape)


def decode(heatmaps: Tensor, *, blur_sigma: float) -> tuple[Tensor, Tensor]:
    """Positions (..., 2) in cells and raw peaks (...) of heatmaps (..., h, w).

    The peak's whole-cell position is refined by one Newton step on the
    logarithm of the blurred map, exact for a Gaussian (DARK: Zhang et al.,
    CVPR 2020, eqs. 5-10). The step is held within one cell, and left out on the border.
    """
    lead = heatmaps.shape[:-2]
    maps = heatmaps.reshape(-1, *heatmaps.shape[-2:]).float()
    peaks, index = maps.flatten(1).max(dim=1)
    position = _within_cells(maps, index[:, None], blur_sigma)
    return position.reshape(*lead, 2), peaks.reshape(lead)


def local_maxima(heatmaps: Tensor, count: int, *, blur_sigma: float) -> tuple[Tensor, Tensor]:
    """The highest local maxima of heatmaps (..., h, w), refined as `decode` does: the first is what it finds.

    A maximum is the highest cell of the 7 x 7 about it, so that two of them are two places and no wrinkles of one.

    Returns:
        Positions (..., count, 2) in cells and heights (..., count), highest first; where a map has fewer, both are 0.
    """
    lead = heatmaps.shape[:-2]
    maps = heatmaps.reshape(-1, *heatmaps.shape[-2:]).float()
    _, highest = F.max_pool2d(maps[:, None], _APART, stride=1, padding=_APART // 2, return_indices=True)
    own = torch.arange(maps[0].numel(), device=maps.device)  # of two equal neighbours one is the maximum
    heights, index = torch.where(highest.flatten(1) == own, maps.flatten(1), 0.0).topk(count, dim=1)
    position = _within_cells(maps, index, blur_sigma) * (heights > 0)[..., None]
    return position.reshape(*lead, count, 2), heights.reshape(*lead, count)


def _within_cells(maps: Tensor, index: Tensor, blur_sigma: float) -> Tensor:
    """Maxima of maps (N, h, w) at flat cells (N, P), refined by the Newton step: (N, P, 2), x and y in cells."""
    height, width = maps.shape[-2:]
    row, column = index.flatten() // width, index.flatten() % width
    of_map = torch.arange(len(maps), device=maps.device).repeat_interleave(index.shape[1])
    around = _blurred_about(maps, of_map, row.clamp(1, height - 2), column.clamp(1, width - 2), blur_sigma)
    shift = _newton_step(around.clamp_min(1e-10).log())
    inside = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
    position = torch.stack([column, row], dim=1) + shift * inside[:, None]
    return position.reshape(*index.shape, 2)


def _blurred_about(maps: Tensor, of_map: Tensor, row: Tensor, column: Tensor, sigma: float) -> Tensor:
    """Blurred maps (N, h, w) in the cells about M places alone, each (of_map, row, column): (M, 3, 3). Edges repeat."""
    height, width = maps.shape[-2:]
    radius = math.ceil(2 * sigma)
    reach = torch.arange(-radius - 1, radius + 2, device=maps.device)
    rows = (row[:, None] + reach).clamp(0, height - 1)
    columns = (column[:, None] + reach).clamp(0, width - 1)
    window = maps[of_map[:, None, None], rows[:, :, None], columns[:, None, :]]
    distance = reach - torch.arange(-1, 2, device=maps.device)[:, None]
    kernel = torch.exp(-(distance.square() / (2 * sigma**2))) * (distance.abs() <= radius)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).to(window.dtype)
    return kernel @ window @ kernel.T


def _newton_step(log_maps: Tensor) -> Tensor:
    """-H^-1 g in the middle of (N, 3, 3) by central differences: (N, 2) as x, y, at most one cell a side."""

    def at(dy: int, dx: int) -> Tensor:
        return log_maps[:, 1 + dy, 1 + dx]

    gx, gy = (at(0, 1) - at(0, -1)) / 2, (at(1, 0) - at(-1, 0)) / 2
    hxx = at(0, 1) - 2 * at(0, 0) + at(0, -1)
    hyy = at(1, 0) - 2 * at(0, 0) + at(-1, 0)
    hxy = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
    determinant = hxx * hyy - hxy**2
    peaked = (determinant > 1e-6) & (hxx < 0)
    safe = torch.where(peaked, determinant, torch.ones_like(determinant))
    step = torch.stack([-(hyy * gx - hxy * gy) / safe, -(hxx * gy - hxy * gx) / safe], dim=1)
    return torch.where(peaked[:, None], step.clamp(-1, 1), torch.zeros_like(step))

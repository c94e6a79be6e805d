"""Heatmaps told whose joints are meant, without training: peaks near the witness's joint count, the neighbours' do not.

For networks that take no person prior; beside a prior it loses (docs/decisions/streaming.md). A softmax heatmap is a
distribution over cells; the witness's likelihood of each cell is multiplied to it, as of an independent observation.
"""

from typing import Final

import torch
from torch import Tensor

_OWN_SIGMA: Final = 5.0  # cells of 64 x 48 maps: how far the witness's joint may be from the true one
_SHARE_SIGMA: Final = 3.0  # cells, within which a place is a person's own rather than a neighbour's
_DOUBT: Final = 0.02  # of the likelihood's peak, everywhere: the witness may be wrong
_NOBODYS: Final = 0.05  # likewise, of the share between a person and the neighbours
_UNKNOWN: Final = 0.3  # share of a joint whose own place the witness does not know
_LEAST_CONFIDENCE: Final = 0.1  # of a neighbour's joint that counts
_ROWS: Final = 64  # the maps that the distances are measured in


def guided(heatmaps: Tensor, own: Tensor, others: Tensor) -> Tensor:
    """Heatmaps (N, K, h, w), each times the witness's likelihood of its cells.

    Scaled so that the highest cell keeps the network's own value: a neighbour's higher peak goes, and how sure the
    network is of the remaining one does not change.

    Args:
        heatmaps: of N people, in their own crops.
        own: (N, K, 3) the witness's joints as x, y in cells and confidence; 0 where it says nothing.
        others: (N, M, K, 3) those of everybody else in the picture; confidence 0 fills up.
    """
    scale = heatmaps.shape[-2] / _ROWS
    known = own[..., 2, None, None] > 0
    distance = _squared_distance(own, heatmaps)
    likelihood = (1 - _DOUBT) * torch.exp(-distance / (2 * (_OWN_SIGMA * scale) ** 2)) + _DOUBT
    near = torch.where(known, torch.exp(-distance / (2 * (_SHARE_SIGMA * scale) ** 2)), _UNKNOWN)
    taken = torch.zeros_like(near)
    for index in range(others.shape[1]):  # one after the other: crowds are large
        other = others[:, index]
        away = torch.exp(-_squared_distance(other, heatmaps) / (2 * (_SHARE_SIGMA * scale) ** 2))
        taken = torch.maximum(taken, away * (other[..., 2, None, None] > _LEAST_CONFIDENCE))
    share = (near + _NOBODYS) / (near + _NOBODYS + taken)
    told = (heatmaps * torch.where(known, likelihood, 1.0) * share).flatten(2)
    best, place = told.max(dim=2, keepdim=True)
    kept = heatmaps.flatten(2).gather(2, place)
    return (told * torch.where(best > 0, kept / best, 1.0)).view_as(heatmaps)


def _squared_distance(joints: Tensor, maps: Tensor) -> Tensor:
    """(N, K, h, w), of each cell from its map's joint (N, K, 2 or more)."""
    height, width = maps.shape[-2:]
    x = torch.arange(width, device=joints.device, dtype=joints.dtype)
    y = torch.arange(height, device=joints.device, dtype=joints.dtype)
    across, down = x - joints[..., 0, None], y - joints[..., 1, None]
    return across.square()[..., None, :] + down.square()[..., None]

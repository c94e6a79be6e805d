"""Supporting frames' heatmaps brought to the key frame along the flow, before they are merged (docs/model.md).

No parameters, and no flow beyond what JM-Pose has already: adjacent fields are
chained, those towards the key frame inverted.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from jmpose_core.model.warping import forward_backward_error, warp

_INVERSION_STEPS = 2  # of the fixed-point iteration; what is left is far below a heatmap cell


def aligned(initial: Tensor, flow: Tensor) -> Tensor:
    """Heatmaps (B, T, K, h, w) with every supporting frame warped onto the key frame's grid.

    Args:
        flow: (B, T - 1 or more, 2, h, w) in cells, the first T - 1 between adjacent frames, in the order of time.
    """
    to_support = key_to_supporting(flow[:, : initial.shape[1] - 1])
    key = initial.shape[1] // 2
    supports = torch.cat([initial[:, :key], initial[:, key + 1 :]], dim=1)
    moved = warp(supports.flatten(0, 1).float(), to_support.flatten(0, 1).float()).unflatten(0, supports.shape[:2])
    moved = moved.to(initial.dtype)
    return torch.cat([moved[:, :key], initial[:, key : key + 1], moved[:, key:]], dim=1)


def key_to_supporting(flow: Tensor) -> Tensor:
    """Adjacent flow (B, 2r, 2, h, w) of frames -r..r -> from the key frame to -r, ..., -1, 1, ..., r, on its grid."""
    steps = flow.float().unbind(1)
    key = len(steps) // 2
    after = _chains(steps[key:])
    before = _chains([inverse(step) for step in reversed(steps[:key])])
    return torch.stack([*reversed(before), *after], dim=1)


def _chains(steps: Sequence[Tensor]) -> list[Tensor]:
    """Flow from a to b, b to c and so on -> from a to b, from a to c and so on."""
    return list(itertools.accumulate(steps, chained))


def inverse(flow: Tensor) -> Tensor:
    """Flow (B, 2, h, w) from a to b -> from b to a, by fixed-point iteration; exact for a translation."""
    back = -flow
    for _ in range(_INVERSION_STEPS):
        back = -warp(flow, back)
    return back


def chained(first: Tensor, second: Tensor) -> Tensor:
    """Flow a to b and flow b to c, (B, 2, h, w) each -> from a to c."""
    return first + warp(second, first)


def occlusion(flow: Tensor) -> Tensor:
    """How far forward and backward flow miss each other: (B, 4, h, w) in cells, 0 to about 4 (docs/model.md).

    Args:
        flow: (B, 8, 2, h, w): four adjacent fields, then the same pairs backwards.
    """
    forward, backward = flow[:, :4].flatten(0, 1).float(), flow[:, 4:].flatten(0, 1).float()
    return forward_backward_error(forward, backward).clamp_max(4.0).unflatten(0, (len(flow), 4)).to(flow.dtype)

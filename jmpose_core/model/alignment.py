"""Supporting frames' heatmaps brought to the key frame along the flow, before they are merged (MODEL.md 8, proposal 1).

No parameters, and no flow beyond what JM-Pose has already: adjacent fields are
chained, those towards the key frame inverted.
"""

import torch
from torch import Tensor

from jmpose_core.model.flow import forward_backward_error, warp

_INVERSION_STEPS = 2  # of the fixed-point iteration; what is left is far below a heatmap cell


def aligned(initial: Tensor, flow: Tensor) -> Tensor:
    """Heatmaps (B, 5, K, h, w) with every supporting frame warped onto the key frame's grid.

    Args:
        flow: (B, 4 or more, 2, h, w) in cells, the first four between adjacent frames: ADJACENT_PAIRS of network.py.
    """
    to_support = key_to_supporting(flow)
    key = initial.shape[1] // 2
    supports = torch.cat([initial[:, :key], initial[:, key + 1 :]], dim=1)
    moved = warp(supports.flatten(0, 1).float(), to_support.flatten(0, 1).float()).unflatten(0, supports.shape[:2])
    moved = moved.to(initial.dtype)
    return torch.cat([moved[:, :key], initial[:, key : key + 1], moved[:, key:]], dim=1)


def key_to_supporting(flow: Tensor) -> Tensor:
    """Adjacent flow (B, 4, 2, h, w) of frames -2..2 -> from the key frame to -2, -1, 1 and 2, each on its grid."""
    from_second, from_first, to_next, to_last = flow[:, :4].float().unbind(1)  # (-2,-1), (-1,0), (0,1), (1,2)
    to_first = inverse(from_first)
    to_second = chained(to_first, inverse(from_second))
    return torch.stack([to_second, to_first, to_next, chained(to_next, to_last)], dim=1)


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
    """How far forward and backward flow miss each other: (B, 4, h, w) in cells, 0 to about 4 (MODEL.md 8, proposal 2).

    Args:
        flow: (B, 8, 2, h, w): four adjacent fields, then the same pairs backwards.
    """
    forward, backward = flow[:, :4].flatten(0, 1).float(), flow[:, 4:].flatten(0, 1).float()
    return forward_backward_error(forward, backward).clamp_max(4.0).unflatten(0, (len(flow), 4)).to(flow.dtype)

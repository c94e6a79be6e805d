"""Images drawn through a flow, and what two flows say of each other."""

import torch
import torch.nn.functional as F
from torch import Tensor


def sampled_at(image: Tensor, flow: Tensor, *, padding: str = "border") -> Tensor:
    """Sample `image` (B, C, H, W) at p + flow(p), bilinear. Pixel centres lie on whole numbers.

    Args:
        image: floating.
        flow: (B, 2, H, W), pixels of this grid; H and W at least 2.
        padding: of what lies outside, one of grid_sample's names.
    """
    height, width = image.shape[-2:]
    x = torch.arange(width, device=flow.device, dtype=flow.dtype) + flow[:, 0]
    y = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None] + flow[:, 1]
    grid = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], dim=-1)
    return F.grid_sample(image, grid.to(image.dtype), mode="bilinear", padding_mode=padding, align_corners=True)


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample `image` at p + flow(p), bilinear; zero outside it. Pixel centres lie on whole numbers.

    With the flow from first to second, warp(second, flow) looks like first.

    Args:
        image: (B, C, H, W), floating.
        flow: (B, 2, H, W), pixels of this grid; H and W at least 2.

    Raises:
        ValueError: shapes that do not fit each other.
    """
    batch, _, height, width = image.shape
    if flow.shape != (batch, 2, height, width) or height < 2 or width < 2:
        raise ValueError(f"image {tuple(image.shape)} cannot be warped by flow {tuple(flow.shape)}")
    return sampled_at(image, flow, padding="zeros")


def forward_backward_error(forward: Tensor, backward: Tensor) -> Tensor:
    """Distance by which forward flow and then backward flow miss the start: large where occluded or wrong.

    Args:
        forward: (B, 2, H, W) from first to second, pixels of this grid.
        backward: the same from second to first.

    Returns:
        (B, H, W), pixels; where the flow leaves the grid, the length of the forward flow.
    """
    return (forward + warp(backward, forward)).norm(dim=1)


def mirrored(flow: Tensor) -> Tensor:
    """Flow (B, 2, H, W) of the crops flipped left to right: columns reversed, u negated."""
    return torch.stack([-flow[:, 0], flow[:, 1]], dim=1).flip(-1)

"""Images drawn through a flow."""

import torch
import torch.nn.functional as F
from torch import Tensor


def sampled_at(image: Tensor, flow: Tensor, *, padding: str = "border") -> Tensor:
    """Sample `image` (B, C, H, W) at p + flow(p), bilinear. Pixel centres lie on whole numbers.

    Args:
        flow: (B, 2, H, W), pixels of this grid; H and W at least 2.
        padding: of what lies outside, one of grid_sample's names.
    """
    height, width = image.shape[-2:]
    x = torch.arange(width, device=flow.device, dtype=flow.dtype) + flow[:, 0]
    y = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None] + flow[:, 1]
    grid = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], dim=-1)
    return F.grid_sample(image, grid.to(image.dtype), mode="bilinear", padding_mode=padding, align_corners=True)

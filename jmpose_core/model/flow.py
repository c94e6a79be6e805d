"""Optical flow between two crops of one person, for JM-Pose and for the flow panel.

RAFT (Teed and Deng, ECCV 2020) as torchvision implements it. Flow (u, v) at pixel
p of the first crop says that its content lies at p + (u, v) in the second: with the key
crop first, every field lies on the key frame's grid.
"""

from collections.abc import Sequence
from typing import TypeAlias, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.optical_flow import RAFT, raft_large, raft_small
from torchvision.models.optical_flow._utils import make_coords_grid, upsample_flow

HEATMAP_FLOW_LIMIT = 24.0  # heatmap cells; a quarter of a 96-cell heatmap in one frame step
RAFT_STRIDE = 8
RAFT_MINIMUM = 128  # below it the correlation pyramid's last level has a single cell

_AT_ONCE = 16  # images or pairs a pass

Pair: TypeAlias = tuple[int, int]  # from one image to another, by their places


class Flow(nn.Module):
    """RAFT held fixed: always in eval mode, without gradients, whatever the model around it does.

    Args:
        raft: called as raft(first, second, num_flow_updates=n) with RGB in [-1, 1]; its last answer counts.
        updates: recurrent updates; more is slower and finer.
        size: height, width in pixels at which the flow is computed, multiples of 8 of at least 128.
        heatmap_size: height, width of the grid that `forward` answers on; divides `size` by one whole number.

    Raises:
        ValueError: sizes that RAFT or the heatmap grid cannot have.
    """

    def __init__(self, raft: nn.Module, *, updates: int, size: tuple[int, int], heatmap_size: tuple[int, int]) -> None:
        super().__init__()
        if any(side % RAFT_STRIDE or side < RAFT_MINIMUM for side in size):
            raise ValueError(f"flow size {size}: both sides must be multiples of 8 and at least 128")
        self.pixels_per_cell = size[0] // heatmap_size[0]
        if (heatmap_size[0] * self.pixels_per_cell, heatmap_size[1] * self.pixels_per_cell) != tuple(size):
            raise ValueError(f"heatmap size {heatmap_size} does not divide flow size {size} by one whole number")
        if updates < 1:
            raise ValueError(f"updates is {updates}; RAFT needs at least one")
        self.raft = raft.requires_grad_(False)
        self.updates = updates
        self.size = size
        self.heatmap_size = heatmap_size
        self.eval()

    def train(self, mode: bool = True) -> "Flow":
        """Stay in eval mode: a model in training keeps its flow fixed (raft_large's BatchNorm would drift)."""
        return super().train(False)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow on the heatmap grid.

        Args:
            first, second: (B, 3, H, W) RGB in [0, 1], crops in the aspect of `size`.

        Returns:
            (B, 2, h, w), in heatmap cells, u to the right and v down, within +-24.

        Raises:
            ValueError: crops of other or unequal shapes.
        """
        return self._in_cells(self._flow(first, second))

    @torch.no_grad()
    def between(self, images: Tensor, pairs: Sequence[Pair]) -> Tensor:
        """Flow on the heatmap grid for pairs of several images; each image is encoded once, however many pairs have it.

        Args:
            images: (N, 3, H, W) RGB in [0, 1], crops in the aspect of `size`.
            pairs: P of them, by places in `images`; an image with itself has no flow.

        Returns:
            (P, 2, h, w), in heatmap cells, u to the right and v down, within +-24.
        """
        moving = [pair for pair in pairs if pair[0] != pair[1]]
        found = images.new_zeros((len(pairs), 2, *self.heatmap_size))
        if moving:
            flow = self._in_cells(
                _raft_between(cast(RAFT, self.raft), self._resized(images) * 2 - 1, moving, self.updates)
            )
            found[[index for index, pair in enumerate(pairs) if pair[0] != pair[1]]] = flow.to(found)
        return found

    def _in_cells(self, flow: Tensor) -> Tensor:
        """Flow at `size` in its pixels -> on the heatmap grid in cells."""
        flow = F.avg_pool2d(flow, self.pixels_per_cell) / self.pixels_per_cell
        return flow.clamp(-HEATMAP_FLOW_LIMIT, HEATMAP_FLOW_LIMIT)

    def flow_in_pixels(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow at the crops' own resolution, (B, 2, H, W) in crop pixels, for people to look at."""
        flow = self._flow(first, second)
        height, width = first.shape[-2:]
        scale = flow.new_tensor([width / self.size[1], height / self.size[0]]).view(1, 2, 1, 1)
        return F.interpolate(flow, (height, width), mode="bilinear", align_corners=False) * scale

    @torch.no_grad()
    def at_own_size(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow of whole frames, (B, 2, H, W) in their pixels.

        Args:
            first, second: (B, 3, H, W) RGB in [0, 1], both sides multiples of 8 and at least 128.

        Raises:
            ValueError: frames of unequal shapes.
        """
        _check_pair(first, second)
        return self.raft(first * 2 - 1, second * 2 - 1, num_flow_updates=self.updates)[-1]

    def _flow(self, first: Tensor, second: Tensor) -> Tensor:
        """(B, 2, *size), in pixels of that size."""
        _check_pair(first, second)
        return self.at_own_size(self._resized(first), self._resized(second))

    def _resized(self, crop: Tensor) -> Tensor:
        if tuple(crop.shape[-2:]) == tuple(self.size):
            return crop
        return F.interpolate(crop, self.size, mode="bilinear", align_corners=False, antialias=True)


def _check_pair(first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape or first.ndim != 4 or first.shape[1] != 3:
        raise ValueError(f"flow needs two B x 3 x H x W images, got {tuple(first.shape)} and {tuple(second.shape)}")


def _raft_between(raft: RAFT, images: Tensor, pairs: Sequence[Pair], updates: int) -> Tensor:
    """What `raft` says of pairs of images (N, 3, H, W) in [-1, 1]: (P, 2, H, W), in pixels.

    torchvision's RAFT.forward, but for two things: an image in several pairs is encoded once, and the flow is brought
    to the images' size after the last update alone.
    """
    firsts = sorted({first for first, _ in pairs})
    place = {index: row for row, index in enumerate(firsts)}
    features = _in_batches(raft.feature_encoder, images)
    contexts = _in_batches(raft.context_encoder, images[firsts])
    flows = []
    for start in range(0, len(pairs), _AT_ONCE):
        batch = pairs[start : start + _AT_ONCE]
        raft.corr_block.build_pyramid(
            features[[first for first, _ in batch]], features[[second for _, second in batch]]
        )
        context = contexts[[place[first] for first, _ in batch]]
        state, context = context.split(
            [raft.update_block.hidden_state_size, context.shape[1] - raft.update_block.hidden_state_size], dim=1
        )
        state, context = state.tanh(), context.relu()
        grid = make_coords_grid(len(batch), context.shape[-2], context.shape[-1]).to(images.device)
        moved = grid
        for _ in range(updates):
            correlation = raft.corr_block.index_pyramid(centroids_coords=moved)
            state, change = raft.update_block(state, context, correlation, moved - grid)
            moved = moved + change
        mask = None if raft.mask_predictor is None else raft.mask_predictor(state)
        flows.append(upsample_flow(flow=moved - grid, up_mask=mask))
    return torch.cat(flows)


def _in_batches(encoder: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([encoder(part) for part in images.split(_AT_ONCE)])


def raft_small_flow() -> Flow:
    """For jmpose_lite: 256x192 crops, 64x48 heatmaps, flow at 192x144. 0.99 M parameters, untrained."""
    return Flow(raft_small(weights=None), updates=6, size=(192, 144), heatmap_size=(64, 48))


def raft_large_flow() -> Flow:
    """For jmpose_w48: 384x288 crops, 96x72 heatmaps, flow at 192x144. 5.26 M parameters, untrained."""
    return Flow(raft_large(weights=None), updates=12, size=(192, 144), heatmap_size=(96, 72))


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
    x = torch.arange(width, device=flow.device, dtype=flow.dtype) + flow[:, 0]
    y = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None] + flow[:, 1]
    grid = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], dim=-1)
    return F.grid_sample(image, grid.to(image.dtype), mode="bilinear", padding_mode="zeros", align_corners=True)


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

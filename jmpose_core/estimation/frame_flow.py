"""Optical flow of whole frames: computed once a pair, carried into each person's crop (docs/model.md).

What it costs does not depend on the number of people. A person smaller in the frame than in a crop is
seen coarser; docs/ablations.md has what that loses, and from how many people on it gains time.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from jmpose_core import geometry
from jmpose_core.devices import as_images, autocast
from jmpose_core.geometry import Affine
from jmpose_core.model.flow import HEATMAP_FLOW_LIMIT, RAFT_MINIMUM, Flow

LONG_SIDE: Final = 512  # pixels that frames are shrunk to
_AT_ONCE: Final = 4  # pairs a pass: their correlations are large

Pair = tuple[int, int]  # flow from one frame to another, by their indices in the video


class FrameFlow:
    """Flow between frames of one video, as crops of people in them see it.

    Args:
        flow: the pose network's.
        device: that it is on.
        long_side: pixels that a frame's longer side is shrunk to; a smaller frame keeps its size.
    """

    def __init__(self, flow: Flow, device: torch.device, *, long_side: int = LONG_SIDE) -> None:
        self._flow = flow
        self._device = device
        self._long_side = long_side
        self._frames: dict[int, npt.NDArray[np.uint8]] = {}  # shrunk
        self._fields: dict[Pair, Tensor] = {}  # (2, H, W), pixels of the shrunk frames
        self._small_from_image: Affine = geometry.scaled(1.0)

    def see(self, index: int, frame_rgb: npt.NDArray[np.uint8]) -> None:
        """Take a frame (H, W, 3) of the video."""
        height, width = frame_rgb.shape[:2]
        shrink = min(1.0, self._long_side / max(height, width))
        unit = self._flow.multiple
        smallest = -(-RAFT_MINIMUM // unit) * unit
        size = tuple(max(smallest, round(side * shrink / unit) * unit) for side in (width, height))
        # Both sides are rounded to the flow's unit, so the two directions shrink a little differently.
        across, down = geometry.scaled(size[0] / width), geometry.scaled(size[1] / height)
        self._small_from_image = np.array([across[0], down[1]])
        self._frames[index] = np.asarray(cv2.resize(frame_rgb, size, interpolation=cv2.INTER_AREA), np.uint8)

    def forget_before(self, index: int) -> None:
        """Let go of frames before this one, and of the flow from and to them."""
        self._frames = {frame: image for frame, image in self._frames.items() if frame >= index}
        self._fields = {pair: field for pair, field in self._fields.items() if min(pair) >= index}

    def carried(self, pairs: Sequence[Pair], crop_from_image: Affine, crop_size: tuple[int, int]) -> Tensor:
        """Flow between frames that were seen, on the heatmap grid of one crop.

        Args:
            pairs: P of them; a frame with itself, as clips have at a video's ends, has none.
            crop_from_image: of a crop that is the same in all these frames.
            crop_size: its height and width in pixels.

        Returns:
            (P, 2, h, w), in heatmap cells, u to the right and v down, within +-24. Outside the
            frame it is that of the nearest pixel.
        """
        self._compute(pairs)
        height, width = self._flow.heatmap_size
        heatmap_from_crop = geometry.scaled(height / crop_size[0])
        heatmap_from_image = geometry.compose(heatmap_from_crop, crop_from_image)
        small_from_heatmap = geometry.compose(self._small_from_image, geometry.inverse(heatmap_from_image))
        cells = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
        places = torch.from_numpy(geometry.apply(small_from_heatmap, cells)).float().to(self._device)
        fields = torch.stack([self._field(*pair) for pair in pairs])
        extent = places.new_tensor([fields.shape[-1] - 1, fields.shape[-2] - 1])
        grid = (places * 2 / extent - 1).expand(len(fields), -1, -1, -1)
        sampled = F.grid_sample(fields, grid, mode="bilinear", padding_mode="border", align_corners=True)
        linear = torch.from_numpy(np.linalg.inv(small_from_heatmap[:, :2])).to(sampled)
        flow = torch.einsum("ij,pjhw->pihw", linear, sampled)
        return flow.clamp(-HEATMAP_FLOW_LIMIT, HEATMAP_FLOW_LIMIT)

    def _field(self, start: int, end: int) -> Tensor:
        if start == end:
            return torch.zeros((2, *self._frames[start].shape[:2]), device=self._device)
        return self._fields[start, end]

    def _compute(self, pairs: Sequence[Pair]) -> None:
        missing = sorted({pair for pair in pairs if pair[0] != pair[1]} - self._fields.keys())
        for start in range(0, len(missing), _AT_ONCE):
            batch = missing[start : start + _AT_ONCE]
            first, second = (self._images([pair[side] for pair in batch]) for side in (0, 1))
            with autocast(self._device):
                flow = self._flow.at_own_size(first, second).float()
            self._fields.update(zip(batch, flow, strict=True))

    def _images(self, indices: list[int]) -> Tensor:
        stacked = torch.from_numpy(np.stack([self._frames[index] for index in indices]))
        return as_images(stacked, self._device)

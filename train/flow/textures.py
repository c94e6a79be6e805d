"""Photos and cut-out people as two stacks of one size each, in a device's memory."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from train.flow.cutouts import FlowSources

SIDE: Final = 256  # of the photos, pixels
CUTOUT_SIDE: Final = 224


@dataclass(frozen=True, slots=True)
class Textures:
    """photos: (N, 3, 256, 256) uint8. cutouts: (M, 4, 224, 224) uint8, RGB and alpha, in the corner at the top left.
    extents: (M, 2), height and width of each cut-out."""

    photos: Tensor
    cutouts: Tensor
    extents: Tensor

    @property
    def side(self) -> int:
        return self.photos.shape[-1]

    def to(self, device: torch.device) -> "Textures":
        return Textures(self.photos.to(device), self.cutouts.to(device), self.extents.to(device))


def textures_of(sources: FlowSources) -> Textures:
    """Squares out of the photos, several out of a large one, and the cut-outs as they are."""
    squares = [square for photo in sources.photos for square in photo_squares(photo)]
    cutouts = np.zeros((len(sources.cutouts), CUTOUT_SIDE, CUTOUT_SIDE, 4), np.uint8)
    extents = []
    for canvas, cutout in zip(cutouts, sources.cutouts, strict=True):
        height, width = cutout.alpha.shape
        canvas[:height, :width, :3], canvas[:height, :width, 3] = cutout.picture, cutout.alpha
        extents.append((height, width))
    return Textures(_stacked(np.stack(squares)), _stacked(cutouts), torch.tensor(extents))


def photo_squares(photo: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
    """One square of 256 pixels of a photo, two where it is oblong; mirrored at the edges where it is smaller."""
    height, width = photo.shape[:2]
    short = min(height, width)
    if short > SIDE:
        factor = max(SIDE / short, 0.7)
        photo = np.asarray(cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = photo.shape[:2]
    lacking = [max(SIDE - side, 0) for side in (height, width)]
    if any(lacking):
        down, across = lacking
        border = (down // 2, down - down // 2, across // 2, across - across // 2)
        photo = np.asarray(cv2.copyMakeBorder(photo, *border, cv2.BORDER_REFLECT_101), np.uint8)
        height, width = photo.shape[:2]
    corners = (
        {(0, 0), (height - SIDE, width - SIDE)}
        if max(height, width) >= 1.4 * SIDE
        else {((height - SIDE) // 2, (width - SIDE) // 2)}
    )
    return [np.ascontiguousarray(photo[y : y + SIDE, x : x + SIDE]) for y, x in sorted(corners)]


def _stacked(pictures: npt.NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))

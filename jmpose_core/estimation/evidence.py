"""What is kept of heatmaps and pictures so that an annotator's labels can travel later without any network."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jmpose_core import geometry
from jmpose_core.estimation.clip import Segment
from jmpose_core.estimation.streaming import CELL, KeyHeatmaps
from jmpose_core.fill.evidence import GRID, PEAKS, Evidence, Float32Array
from jmpose_core.geometry import Affine
from jmpose_core.model.dense_inverse_search import DenseInverseSearch
from jmpose_core.model.heatmaps import decode, local_maxima

_LEAST: Final = 0.01  # height of a peak that is kept; a sure joint's is about 1
_HALF: Final = 2  # the search for flow sees the crops at half their size: a quarter of the time


class EvidenceMaker:
    """Evidence of a segment's key frames."""

    def __init__(self) -> None:
        self._search = DenseInverseSearch()

    def of_segment(self, segment: Segment, crops: npt.NDArray[np.uint8], maps: KeyHeatmaps) -> list[Evidence]:
        """Of each key frame of a segment, from its crops (F, H, W, 3) and the heatmaps of its key frames."""
        peaks, heights = local_maxima(maps.wanted, PEAKS, blur_sigma=1.0)
        initial, initial_heights = decode(maps.initial, blur_sigma=1.0)
        spread = _spread(maps.wanted)
        flows = self._flows(segment, crops)
        found = []
        for index, window in enumerate(segment.windows):
            place = window[len(window) // 2]
            image_from_cells = _image_from_cells(segment.crops_from_image[place])
            kept = heights[index] >= _LEAST
            forward, backward = flows.get((place, place + 1)), flows.get((place, place - 1))
            found.append(
                Evidence(
                    peaks=_placed(peaks[index], heights[index], image_from_cells) * kept.cpu().numpy()[..., None],
                    initial=_placed(initial[index], initial_heights[index], image_from_cells),
                    spread=(spread[index].cpu().numpy() * image_from_cells[0, 0]).astype(np.float32),
                    grid_from_image=_grid_from_image(segment.crops_from_image[place], crops.shape[1:3]),
                    forward=_STILL if forward is None else forward,
                    backward=_STILL if backward is None else backward,
                    has_forward=forward is not None,
                    has_backward=backward is not None,
                )
            )
        return found

    def _flows(self, segment: Segment, crops: npt.NDArray[np.uint8]) -> dict[tuple[int, int], Float32Array]:
        """Motion in the image, (2, *GRID), from a key frame's crop to those of the frames beside it, by places."""
        keys = {window[len(window) // 2] for window in segment.windows}
        halves: dict[int, npt.NDArray[np.uint8]] = {}
        found: dict[tuple[int, int], Float32Array] = {}
        for place in sorted(keys):
            for other in (place - 1, place + 1):
                if 0 <= other < len(crops) and abs(segment.frames[other] - segment.frames[place]) == 1:
                    first, second = (_half(index, crops, halves) for index in (place, other))
                    flow = self._search(first, second)
                    found[place, other] = _image_motion(
                        flow, segment.crops_from_image[place], segment.crops_from_image[other]
                    )
        return found


_STILL: Final = np.zeros((2, *GRID), np.float32)


def _half(place: int, crops: npt.NDArray[np.uint8], halves: dict[int, npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    if place not in halves:
        grey = cv2.cvtColor(crops[place], cv2.COLOR_RGB2GRAY)
        size = (grey.shape[1] // _HALF, grey.shape[0] // _HALF)
        halves[place] = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    return halves[place]


def _image_motion(flow: Float32Array, first_from_image: Affine, second_from_image: Affine) -> Float32Array:
    """Flow (h, w, 2) between half-size crops as motion (2, *GRID) in the image: the median of each cell of the grid."""
    height, width = flow.shape[:2]
    rows, columns = height // GRID[0], width // GRID[1]
    blocks = flow.reshape(GRID[0], rows, GRID[1], columns, 2).swapaxes(1, 2).reshape(*GRID, rows * columns, 2)
    moved = np.median(blocks, axis=2)
    y, x = np.mgrid[: GRID[0], : GRID[1]]
    start = np.stack([(x + 0.5) * columns - 0.5, (y + 0.5) * rows - 0.5], axis=-1)
    crop_from_half = geometry.scaled(_HALF)
    image_from_first = geometry.compose(geometry.inverse(first_from_image), crop_from_half)
    image_from_second = geometry.compose(geometry.inverse(second_from_image), crop_from_half)
    motion = geometry.apply(image_from_second, start + moved) - geometry.apply(image_from_first, start)
    return np.ascontiguousarray(motion.transpose(2, 0, 1), np.float32)


def _image_from_cells(crop_from_image: Affine) -> Affine:
    return geometry.compose(geometry.inverse(crop_from_image), geometry.scaled(CELL))


def _grid_from_image(crop_from_image: Affine, crop_size: tuple[int, ...]) -> Affine:
    return geometry.compose(geometry.scaled(GRID[0] / crop_size[0]), crop_from_image)


def _placed(cells: Tensor, heights: Tensor, image_from_cells: Affine) -> Float32Array:
    """Positions (..., 2) in cells and heights (...) as (..., 3) in image pixels."""
    points = geometry.apply(image_from_cells, cells.double().cpu().numpy())
    return np.concatenate([points, heights.double().cpu().numpy()[..., None]], axis=-1).astype(np.float32)


def _spread(maps: Tensor) -> Tensor:
    """Standard deviation of heatmaps (W, K, h, w) about their mean place: (W, K), in cells, over both axes together."""
    mass = maps.float().clamp_min(0)
    mass = mass / mass.sum(dim=(-2, -1), keepdim=True).clamp_min(1e-12)
    variance = mass.new_zeros(mass.shape[:2])
    for axis in (-2, -1):
        along = mass.sum(dim=axis)
        place = torch.arange(along.shape[-1], device=maps.device, dtype=along.dtype)
        mean = (along * place).sum(dim=-1, keepdim=True)
        variance += (along * (place - mean).square()).sum(dim=-1)
    return variance.sqrt()

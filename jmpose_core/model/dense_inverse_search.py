"""Dense inverse search (Kroeger et al., ECCV 2016), OpenCV's: the flow that RAFT starts from, and one by itself."""

import threading
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_GREY: Final = (0.299, 0.587, 0.114)  # of RGB, ITU-R BT.601, as OpenCV has it


class DenseInverseSearch:
    """Flow on the CPU, of one thread a pair; several threads may call at once.

    Args:
        fine: down to single pixels, for about three times the time of OpenCV's medium preset and an error an eighth
            smaller.
    """

    def __init__(self, *, fine: bool = False) -> None:
        self._fine = fine
        self._of_thread = threading.local()

    def __call__(self, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Grey images (H, W) -> flow from first to second (H, W, 2), pixels."""
        return np.asarray(self._search().calc(first, second, None), np.float32)  # type: ignore[call-overload]

    def between(self, first: Tensor, second: Tensor) -> Tensor:
        """Images (B, 3, H, W) RGB in [0, 1] -> flow (B, 2, H, W) in pixels on their device."""
        count = len(first)
        return self.of_pairs(torch.cat([first, second]), [(index, count + index) for index in range(count)])

    def of_pairs(self, images: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
        """The same between images (N, 3, H, W), by their places: (P, 2, H, W)."""
        if images.is_meta:  # the costs of a network are counted without data
            return images.new_empty((len(pairs), 2, *images.shape[-2:]))
        greys = grey(images).cpu().numpy()
        flows = np.stack([self(greys[first], greys[second]) for first, second in pairs])
        return torch.from_numpy(flows).permute(0, 3, 1, 2).contiguous().to(images.device)

    def __deepcopy__(self, memo: dict) -> "DenseInverseSearch":
        return DenseInverseSearch(fine=self._fine)  # OpenCV's objects cannot be copied, and hold nothing worth it

    def _search(self) -> cv2.DISOpticalFlow:
        if not hasattr(self._of_thread, "search"):  # an object of OpenCV's keeps its buffers: one for each thread
            search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
            if self._fine:
                search.setFinestScale(0)
                search.setGradientDescentIterations(12)
            self._of_thread.search = search
        return self._of_thread.search


def grey(images: Tensor) -> Tensor:
    """RGB (B, 3, H, W) in [0, 1] -> (B, H, W) uint8."""
    weights = images.new_tensor(_GREY).view(1, 3, 1, 1) * 255
    return (images.float() * weights).sum(1).round().to(torch.uint8)

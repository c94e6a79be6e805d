"""A pose network over one person's crops: each frame passes the backbone once, each pair of frames RAFT once."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jmpose_core.devices import as_images, autocast
from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.calibration import Stage
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.network import PoseNetwork

_BATCH: Final = 16  # crops a pass: larger gains nothing on a CPU

Pair: TypeAlias = tuple[int, int]  # flow from one crop to another, by their places in the segment
FlowBetween: TypeAlias = Callable[[Sequence[Pair]], Tensor]  # P pairs -> (P, 2, h, w) in heatmap cells


class StreamingNetwork:
    """A pose network on its device, in eval mode, for crops that follow each other in time."""

    def __init__(self, network: PoseNetwork, device: torch.device) -> None:
        self.network = network.to(device).eval()
        self.device = device

    @torch.inference_mode()
    def heatmaps(self, crops: npt.NDArray[np.uint8], stage: Stage, flow_between: FlowBetween | None = None) -> Tensor:
        """Crops (F, H, W, 3) -> initial (F, 15, h, w) or refined (F - 2 delta, 15, h, w) heatmaps.

        Args:
            flow_between: flow from elsewhere; None computes it between the crops.
        """
        images = self.images(crops)
        backbone = self.of_frames(images)
        if stage == "initial":
            return backbone.heatmaps
        delta = self.network.delta
        return self.refined(backbone, images, range(delta, len(images) - delta), flow_between)

    def images(self, crops: npt.NDArray[np.uint8]) -> Tensor:
        """RGB (F, H, W, 3) uint8 -> (F, 3, H, W) in [0, 1]."""
        return as_images(torch.from_numpy(crops), self.device)

    def of_frames(self, images: Tensor) -> BackboneOutput:
        """The backbone's heatmaps and features of every crop."""
        with autocast(self.device):
            parts = [self.network.of_frames(part) for part in images.split(_BATCH)]
        return BackboneOutput(
            heatmaps=torch.cat([part.heatmaps for part in parts]),
            logits=torch.cat([part.logits for part in parts]),
            features=tuple(torch.cat(level) for level in zip(*(part.features for part in parts), strict=True)),
        )

    def refined(
        self, backbone: BackboneOutput, images: Tensor, keys: Sequence[int], flow_between: FlowBetween | None = None
    ) -> Tensor:
        """Refined heatmaps of the key frames at these places, each with its window about it."""
        with autocast(self.device):
            windows = self._windows(backbone, keys, flow_between or (lambda pairs: self._flow(images, pairs)))
            return torch.cat([self.network.refiner(part).refined for part in windows.split(_BATCH)])

    def _windows(self, backbone: BackboneOutput, keys: Sequence[int], flow_between: FlowBetween) -> ClipMaps:
        """What the refiner sees of each key frame's window."""
        delta, refiner = self.network.delta, self.network.refiner

        def windows(maps: Tensor) -> Tensor:
            return torch.stack([maps[key - delta : key + delta + 1] for key in keys])

        return ClipMaps(
            windows(backbone.heatmaps),
            tuple(windows(level) for level in backbone.features) if refiner.uses_features else (),
            self._window_flows(keys, flow_between) if refiner.uses_flow else None,
        )

    def _window_flows(self, keys: Sequence[int], flow_between: FlowBetween) -> Tensor:
        """(windows, P, 2, h, w); a pair that several windows contain is computed once."""
        pairs = [[(key + start, key + end) for start, end in self.network.flow_pairs] for key in keys]
        distinct = sorted({pair for window in pairs for pair in window})
        place = {pair: index for index, pair in enumerate(distinct)}
        flow = flow_between(distinct)
        return torch.stack([flow[[place[pair] for pair in window]] for window in pairs])

    def _flow(self, images: Tensor, pairs: Sequence[Pair]) -> Tensor:
        assert self.network.flow is not None
        first, second = (images[[pair[side] for pair in pairs]].split(_BATCH) for side in (0, 1))
        return torch.cat([self.network.flow(a, b) for a, b in zip(first, second, strict=True)])

"""A pose network over one person's crops: each frame passes the backbone once, each pair of frames RAFT once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jmpose_core import geometry
from jmpose_core.devices import as_images, autocast
from jmpose_core.estimation.witness import PeopleInCrops
from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.carrying import carried_flow, carried_maps
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.flow import Pair
from jmpose_core.model.given_labels import with_labels
from jmpose_core.model.guidance import guided
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.prior import person_prior
from jmpose_core.model.stages import Stage

_BATCH: Final = 16  # crops a pass: larger gains nothing on a CPU
CELL: Final = 4  # crop pixels a heatmap cell, of every network here

Window: TypeAlias = Sequence[int]  # places of a key frame's crops, in the order of time, its own in the middle
# Pairs of crops and a key crop's place -> flow (P, 2, h, w) on the key crop's grid, in its heatmap cells.
FlowBetween: TypeAlias = Callable[[Sequence[Pair], int], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class KeyHeatmaps:
    """Heatmaps of W key frames (W, 15, h, w): initial, and of the stage that was asked for."""

    initial: Tensor
    wanted: Tensor


class StreamingNetwork:
    """A pose network on its device, in eval mode, for crops that follow each other in time."""

    def __init__(self, network: PoseNetwork, device: torch.device) -> None:
        self.network = network.to(device).eval()
        self.device = device

    @torch.inference_mode()
    def heatmaps(
        self,
        crops: npt.NDArray[np.uint8],
        stage: Stage,
        *,
        windows: Sequence[Window] | None = None,
        crops_from_image: npt.NDArray[np.float64] | None = None,
        flow_between: FlowBetween | None = None,
        people: PeopleInCrops | None = None,
        labels: npt.NDArray[np.float64] | None = None,
    ) -> KeyHeatmaps:
        """Crops (F, H, W, 3) -> heatmaps of W key frames, of a stage and of the initial one.

        Args:
            windows: of the key frames; None for every crop with a whole window about it, or every crop at the
                initial stage.
            crops_from_image: (F, 2, 3), where the crops lie; None for all at one place.
            flow_between: flow from elsewhere; None computes it between the crops.
            people: who is meant in each crop; None where nothing is known of that.
            labels: (F, 15, 3) an annotator's labels in each crop's frame, as `CarriedLabels.given`, which the refined
                heatmaps heed; needs `crops_from_image`.
        """
        images = self.images(crops)
        backbone = self.of_frames(images, people)
        if windows is None:
            delta = self.network.delta if stage == "refined" else 0
            windows = [range(key - delta, key + delta + 1) for key in range(delta, len(images) - delta)]
        initial = backbone.heatmaps[[window[len(window) // 2] for window in windows]]
        if stage == "initial":
            return KeyHeatmaps(initial, initial)
        refined = self.refined(
            backbone, images, windows, crops_from_image=crops_from_image, flow_between=flow_between, labels=labels
        )
        return KeyHeatmaps(initial, refined)

    def images(self, crops: npt.NDArray[np.uint8]) -> Tensor:
        """RGB (F, H, W, 3) uint8 -> (F, 3, H, W) in [0, 1]."""
        return as_images(torch.from_numpy(crops), self.device)

    def of_frames(self, images: Tensor, people: PeopleInCrops | None = None) -> BackboneOutput:
        """The backbone's heatmaps and features of every crop, of the person who is meant.

        A network that takes a prior is told by it; of another the heatmaps are guided, which is worth half as much.
        """
        prior = self._prior(people, images) if people is not None and self.network.takes_prior else None
        with autocast(self.device):
            parts = [
                self.network.of_frames(
                    images[start : start + _BATCH], None if prior is None else prior[start : start + _BATCH]
                )
                for start in range(0, len(images), _BATCH)
            ]
        heatmaps = torch.cat([part.heatmaps for part in parts])
        return BackboneOutput(
            heatmaps=heatmaps if people is None or prior is not None else guided(heatmaps, people.own, people.others),
            logits=torch.cat([part.logits for part in parts]),
            features=tuple(torch.cat(level) for level in zip(*(part.features for part in parts), strict=True)),
        )

    def _prior(self, people: PeopleInCrops, images: Tensor) -> Tensor:
        height, width = (side // CELL for side in images.shape[-2:])
        return person_prior(
            people.boxes,
            people.own[..., :2],
            people.own[..., 2],
            (height, width),
            others_in_cells=people.others[..., :2],
            others_confidence=people.others[..., 2],
        )

    def refined(
        self,
        backbone: BackboneOutput,
        images: Tensor,
        windows: Sequence[Window],
        *,
        crops_from_image: npt.NDArray[np.float64] | None = None,
        flow_between: FlowBetween | None = None,
        labels: npt.NDArray[np.float64] | None = None,
    ) -> Tensor:
        """Refined heatmaps (W, 15, h, w) of the key frames that these windows are about; arguments as `heatmaps`."""
        grids = _Grids(crops_from_image, self.network.crop_size, backbone.heatmaps)
        pairs = [
            [
                (window[len(window) // 2 + start], window[len(window) // 2 + end])
                for start, end in self.network.flow_pairs
            ]
            for window in windows
        ]
        with autocast(self.device):
            flow_of = flow_between or self._own_flow(images, pairs, grids)
            found = []
            for start in range(0, len(windows), _BATCH):
                part = slice(start, start + _BATCH)
                maps = self._maps(backbone, windows[part], pairs[part], grids, flow_of)
                if labels is not None:
                    places, weight = grids.placed(labels, windows[part])
                    given = with_labels(maps.initial, places, weight, sigma=self.network.heatmap_sigma)
                    maps = ClipMaps(given, maps.features, maps.flow)
                found.append(self.network.refiner(maps).refined)
            return torch.cat(found)

    def _maps(
        self,
        backbone: BackboneOutput,
        windows: Sequence[Window],
        pairs: Sequence[Sequence[Pair]],
        grids: "_Grids",
        flow_between: FlowBetween,
    ) -> ClipMaps:
        """What the refiner sees of each key frame's window, on the key frame's grid."""
        refiner = self.network.refiner
        keys = [window[len(window) // 2] for window in windows]
        flow = [flow_between(own, key) for own, key in zip(pairs, keys, strict=True)] if refiner.uses_flow else []
        return ClipMaps(
            grids.carried(backbone.heatmaps, windows),
            tuple(grids.carried(level, windows) for level in backbone.features) if refiner.uses_features else (),
            torch.stack(flow) if refiner.uses_flow else None,
        )

    def _own_flow(self, images: Tensor, pairs: Sequence[Sequence[Pair]], grids: "_Grids") -> FlowBetween:
        """Flow between the crops; a pair that several windows contain is computed once."""
        distinct = sorted({pair for window in pairs for pair in window})
        place = {pair: index for index, pair in enumerate(distinct)}
        flow = self.network.flow.between(images, distinct) if self.network.flow is not None and distinct else None

        def between(own: Sequence[Pair], key: int) -> Tensor:
            assert flow is not None
            return grids.carried_flow(flow[[place[pair] for pair in own]], own, key)

        return between


class _Grids:
    """The heatmap grids of crops that lie at different places of an image.

    Args:
        crops_from_image: (F, 2, 3); None for all at one place.
        crop_size: height, width.
        heatmaps: (F, K, h, w), whose size and device count.
    """

    def __init__(
        self, crops_from_image: npt.NDArray[np.float64] | None, crop_size: tuple[int, int], heatmaps: Tensor
    ) -> None:
        self._device = heatmaps.device
        self._still = crops_from_image is None or bool((crops_from_image == crops_from_image[0]).all())
        if crops_from_image is not None:
            cells_from_crop = geometry.scaled(heatmaps.shape[-2] / crop_size[0])
            self._cells_from_image = [geometry.compose(cells_from_crop, crop) for crop in crops_from_image]
            self._image_from_cells = [geometry.inverse(affine) for affine in self._cells_from_image]

    def carried(self, maps: Tensor, windows: Sequence[Window]) -> Tensor:
        """Maps (F, C, h, w) of the windows' crops on their key frames' grids: (W, T, C, h, w)."""
        chosen = torch.stack([maps[list(window)] for window in windows])
        if self._still:
            return chosen
        between = [(place, window[len(window) // 2]) for window in windows for place in window]
        moved = [index for index, (place, key) in enumerate(between) if place != key]
        flat = chosen.flatten(0, 1)
        flat[moved] = carried_maps(flat[moved], self._tensor([between[index] for index in moved]).to(flat))
        return flat.unflatten(0, chosen.shape[:2])

    def placed(self, labels: npt.NDArray[np.float64], windows: Sequence[Window]) -> tuple[Tensor, Tensor]:
        """Labels (F, 15, 3) of the image on the key frames' grids: (W, T, 15, 2) cells, and weights (W, T, 15)."""
        points = np.stack(
            [
                geometry.apply(self._cells_from_image[window[len(window) // 2]], labels[list(window), :, :2])
                for window in windows
            ]
        )
        weight = np.stack([labels[list(window), :, 2] for window in windows])
        return torch.from_numpy(points).float().to(self._device), torch.from_numpy(weight).float().to(self._device)

    def carried_flow(self, flow: Tensor, pairs: Sequence[Pair], key: int) -> Tensor:
        """Flow (P, 2, h, w) between pairs of crops, as motion on the grid of the crop `key`."""
        if self._still:
            return flow
        first_from_key = self._tensor([(first, key) for first, _ in pairs])
        key_from_second = self._tensor([(key, second) for _, second in pairs])
        return carried_flow(flow.float(), first_from_key, key_from_second)

    def _tensor(self, between: Sequence[Pair]) -> Tensor:
        """(N, 2, 3), to the first grid of each pair from the second."""
        maps = [geometry.compose(self._cells_from_image[to], self._image_from_cells[start]) for to, start in between]
        return torch.from_numpy(np.stack(maps)).float().to(self._device)

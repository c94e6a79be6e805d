"""Clips after the parts that training leaves fixed: what a refiner learns from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from jmpose_core.devices import as_images, autocast
from jmpose_core.evaluation.pck import pck
from jmpose_core.model import heatmaps
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.network import PoseNetwork
from jmpose_core.skeleton import FLIP

BATCH: Final = 16


@dataclass(frozen=True, slots=True)
class CachedClips:
    """What the fixed parts make of N clips, in half precision, and what is true of their key frames.

    cells: (N, 15, 2) joints in heatmap cells. weight: (N, 15).
    """

    maps: ClipMaps
    cells: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.cells)

    def batch(self, index: Tensor, *, flip: bool) -> tuple[ClipMaps, Tensor, Tensor]:
        """Clips in single precision, mirrored where `flip`: joints change sides and u its sign.

        Clips with features are never mirrored: a backbone's channels have no sides to change.
        """
        maps = self.maps[index].to(self.maps.initial.device, torch.float32)
        cells, weight = self.cells[index], self.weight[index]
        if flip and not maps.features:
            order = list(FLIP)
            flow = None if maps.flow is None else maps.flow.flip(-1) * torch.tensor([-1.0, 1.0]).view(1, 1, 2, 1, 1)
            maps = ClipMaps(maps.initial[:, :, order].flip(-1), (), flow)
            swapped = cells[:, order].clone()
            swapped[..., 0] = maps.initial.shape[-1] - 1 - swapped[..., 0]
            cells, weight = swapped, weight[:, order]
        return maps, cells, weight

    @staticmethod
    def joined(parts: Sequence["CachedClips"]) -> "CachedClips":
        """One after another."""
        maps = [part.maps for part in parts]
        flows = [part.flow for part in maps if part.flow is not None]
        joined = ClipMaps(
            torch.cat([part.initial for part in maps]),
            tuple(torch.cat(level) for level in zip(*(part.features for part in maps), strict=True)),
            torch.cat(flows) if flows else None,
        )
        return CachedClips(
            joined, torch.cat([part.cells for part in parts]), torch.cat([part.weight for part in parts])
        )

    def save(self, place: Path) -> None:
        entries = {"initial": self.maps.initial, "flow": self.maps.flow, "features": list(self.maps.features)}
        torch.save(entries | {"cells": self.cells, "weight": self.weight}, place)

    @staticmethod
    def load(place: Path) -> "CachedClips":
        entries = torch.load(place, weights_only=True)
        maps = ClipMaps(entries["initial"], tuple(entries["features"]), entries["flow"])
        return CachedClips(maps, entries["cells"], entries["weight"])


@torch.inference_mode()
def encode(
    network: PoseNetwork, crops: Tensor, cells: Tensor, weight: Tensor, *, everything: bool = False
) -> CachedClips:
    """Crops (B, 5, H, W, 3) uint8 and their labels -> what the fixed parts make of them.

    Args:
        everything: features and flow also where the network's own refiner uses none, to train others on.
    """
    device = network.mean.device
    images = as_images(crops, device)
    shape = images.shape[:2]
    with autocast(device):
        frames = network.of_frames(images.flatten(0, 1))
        flow = network.flow_of(images) if everything or network.refiner.uses_flow else None
    features = frames.features if everything or network.refiner.uses_features else ()
    maps = ClipMaps(
        frames.heatmaps.unflatten(0, shape), tuple(level.unflatten(0, shape) for level in features), flow
    ).to(torch.device("cpu"), torch.float16)
    return CachedClips(maps, cells, weight)


@torch.inference_mode()
def accuracy(refiner: Refiner, clips: CachedClips, device: torch.device) -> tuple[float, float]:
    """PCK@0.2 of the torso, in percent, of the key frames' initial heatmaps and of what `refiner` makes of them."""
    found: list[list[Tensor]] = [[], []]
    for index in torch.arange(len(clips)).split(BATCH):
        maps, _, _ = clips.batch(index, flip=False)
        with autocast(device):
            refined = refiner(maps.for_refiner(refiner).to(device)).refined.cpu()
        for stage, heatmaps_ in enumerate((maps.key_initial, refined)):
            found[stage].append(heatmaps.decode(heatmaps_, blur_sigma=1.0)[0])
    truth, labelled = clips.cells.numpy(), clips.weight.numpy() > 0.999
    first, second = (100 * pck(torch.cat(stage).numpy(), truth, labelled, threshold=0.2).total for stage in found)
    return first, second

"""Clips after the parts that training leaves fixed: what a refiner learns from."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from jmpose_core import heatmaps
from jmpose_core.devices import autocast
from jmpose_core.evaluation.pck import pck
from jmpose_core.model.network import PoseNetwork
from jmpose_core.skeleton import FLIP

BATCH: Final = 16


@dataclass(frozen=True, slots=True)
class CachedClips:
    """What the fixed parts make of N clips.

    initial: (N, 5, 15, h, w) half precision. flow: (N, 4, 2, h, w) half precision.
    cells: (N, 15, 2) joints in heatmap cells. weight: (N, 15).
    """

    initial: Tensor
    flow: Tensor
    cells: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.cells)

    def batch(self, index: Tensor, *, flip: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Clips in single precision, mirrored where `flip`: joints change sides and u its sign."""
        initial, flow = self.initial[index].float(), self.flow[index].float()
        cells, weight = self.cells[index], self.weight[index]
        if flip:
            order = list(FLIP)
            initial = initial[:, :, order].flip(-1)
            flow = flow.flip(-1) * torch.tensor([-1.0, 1.0]).view(1, 1, 2, 1, 1)
            mirrored = cells[:, order].clone()
            mirrored[..., 0] = initial.shape[-1] - 1 - mirrored[..., 0]
            cells, weight = mirrored, weight[:, order]
        return initial, flow, cells, weight


@torch.inference_mode()
def encode(network: PoseNetwork, crops: Tensor) -> tuple[Tensor, Tensor]:
    """Crops (B, 5, H, W, 3) uint8 -> initial heatmaps and flow of the fixed parts, half precision."""
    device = network.mean.device
    images = crops.to(device).permute(0, 1, 4, 2, 3).float() / 255
    batch = len(images)
    with autocast(device):
        initial = network.initial(images.flatten(0, 1)).unflatten(0, (batch, -1))
        flow = network.flow_of(images)
    return initial.half().cpu(), flow.half().cpu()


@torch.inference_mode()
def accuracy(network: PoseNetwork, clips: CachedClips) -> tuple[float, float]:
    """PCK@0.2 of the torso, in percent, of the key frames' initial and refined heatmaps."""
    network.refiner.eval()
    found: list[list[Tensor]] = [[], []]
    for index in torch.arange(len(clips)).split(BATCH):
        initial, flow, _, _ = clips.batch(index, flip=False)
        device = network.mean.device
        with autocast(device):
            refined = network.refiner(initial.to(device), flow.to(device)).refined.cpu()
        for stage, maps in enumerate((initial[:, initial.shape[1] // 2], refined)):
            found[stage].append(heatmaps.decode(maps, blur_sigma=1.0)[0])
    truth, labelled = clips.cells.numpy(), clips.weight.numpy() > 0.999
    first, second = (100 * pck(torch.cat(stage).numpy(), truth, labelled, threshold=0.2).total for stage in found)
    return first, second

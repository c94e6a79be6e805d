"""What the fixed parts make of clips, kept on the device that trains: what the refiner sees of them."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from jmpose_core.devices import as_images, autocast
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.flow import HEATMAP_FLOW_LIMIT
from jmpose_core.model.guided_raft import GuidedRaft
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.prior import person_prior

Batch: TypeAlias = Mapping[str, Tensor]  # of `Sample.tensors`, stacked
# Images (B, T, 3, H, W) in [0, 1] and flow (B, T - 1, 2, 192, 144) by dense inverse search, its pixels ->
# flow (B, T - 1, 2, h, w) in heatmap cells.
FlowOf: TypeAlias = Callable[[Tensor, Tensor], Tensor]

_NOTHING_KNOWN: Final = 0.2  # share of training clips without any prior
_SEEN: Final = 0.5  # with the witness's joints beside the box
_LOST: Final = 0.25  # of those, frames in which the witness sees nothing
_BOX_ERROR: Final = 0.06  # standard deviation of a box's sides, in its longer side
_JOINT_ERROR: Final = 0.8  # of the witness's joints from frame to frame, in cells


def flow_within(network: PoseNetwork) -> FlowOf:
    """The flow that a network finds by itself, whatever came with the clips."""
    return lambda images, _: network.flow_of(images)


def dense_search_flow(images: Tensor, start: Tensor) -> Tensor:
    """The flow that comes with the clips, on the heatmaps' grid."""
    cell = start.shape[-2] * 4 // images.shape[-2]  # pixels of the flow a heatmap cell
    flow = F.avg_pool2d(start.flatten(0, 1), cell) / cell
    return flow.clamp(-HEATMAP_FLOW_LIMIT, HEATMAP_FLOW_LIMIT).unflatten(0, start.shape[:2])


class GuidedFlow:
    """RAFT that goes on from the flow that comes with the clips, on the heatmaps' grid.

    Args:
        raft: of `jmpose_core.model.guided_raft`, in eval mode.
        updates: of its recurrence.
    """

    def __init__(self, raft: GuidedRaft, *, updates: int = 3) -> None:
        self.raft = raft
        self.updates = updates

    def __call__(self, images: Tensor, start: Tensor) -> Tensor:
        clips, frames = images.shape[:2]
        small = F.interpolate(images.flatten(0, 1), start.shape[-2:], mode="bilinear", antialias=True)
        found = self.raft.encode(small * 2 - 1)
        place = torch.arange(clips * frames, device=images.device).view(clips, frames)
        first, second = place[:, :-1].flatten(), place[:, 1:].flatten()
        flow = self.raft.between(found[first], found[second], start.flatten(0, 1), self.updates)[-1]
        return dense_search_flow(images, flow.unflatten(0, (clips, frames - 1)).float())


def box_priors(batch: Batch, size: tuple[int, int]) -> Tensor:
    """What is known of the person where only the boxes are: (B, T, channels, h, w)."""
    boxes = batch["boxes"]
    nothing = boxes.new_zeros(boxes.shape[0] * boxes.shape[1], 15, 2)
    return person_prior(boxes.flatten(0, 1), nothing, nothing[..., 0], size).unflatten(0, boxes.shape[:2])


def varied_priors(batch: Batch, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Priors as bad as those of a program at work: boxes off, the witness blind in some frames or altogether."""
    boxes, witness = batch["boxes"], batch["witness"]
    clips, frames = boxes.shape[:2]
    device = boxes.device

    def chance(*shape: int) -> Tensor:
        return torch.rand(shape, device=device, generator=generator)

    def noise(like: Tensor) -> Tensor:
        return torch.randn(like.shape, device=device, generator=generator)

    side = (boxes[..., 2:] - boxes[..., :2]).amax(dim=-1, keepdim=True)
    boxes = boxes + _BOX_ERROR * side * noise(boxes)
    joints = witness[:, None, :, :2].expand(-1, frames, -1, -1)
    joints = joints + _JOINT_ERROR * noise(joints)
    blind = chance(clips, frames) < _LOST
    blind[:, frames // 2] |= batch["spoilt"] & (chance(clips) < 0.5)
    seen = (chance(clips, 1) < _SEEN) & ~blind
    confidence = witness[:, None, :, 2] * seen[..., None]
    priors = person_prior(boxes.flatten(0, 1), joints.flatten(0, 1), confidence.flatten(0, 1), size)
    known = chance(clips, 1, 1, 1, 1) >= _NOTHING_KNOWN
    return priors.unflatten(0, (clips, frames)) * known


@torch.inference_mode()
def encoded(network: PoseNetwork, batch: Batch, priors: Tensor | None, flow_of: FlowOf) -> ClipMaps:
    """What backbone and flow make of B clips, with all that any system uses."""
    device = network.mean.device
    images = as_images(batch["crops"], device)
    with autocast(device):
        frames = network.of_frames(images.flatten(0, 1), None if priors is None else priors.flatten(0, 1))
        flow = flow_of(images, batch["flow"].float())
    clips, length = images.shape[:2]
    features = tuple(level.unflatten(0, (clips, length)) for level in frames.features)
    return ClipMaps(frames.heatmaps.unflatten(0, (clips, length)), features, flow)


class Pool:
    """The last N clips that were encoded, in half precision: the refiner learns from random ones of them.

    Args:
        capacity: N.
        device: where they are kept.
    """

    def __init__(self, capacity: int, device: torch.device) -> None:
        self.capacity = capacity
        self.device = device
        self.added = 0
        self._kept: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, maps: ClipMaps, joints: Tensor, weight: Tensor) -> None:
        """Put B clips in the place of the oldest."""
        assert maps.flow is not None
        entries = {"initial": maps.initial, "feature": maps.features[-1], "flow": maps.flow}
        halves = {name: value.to(self.device, torch.float16) for name, value in entries.items()}
        labels = {"joints": joints.to(self.device), "weight": weight.to(self.device)}
        place = (torch.arange(len(joints)) + self.added) % self.capacity
        for name, value in (halves | labels).items():
            if name not in self._kept:
                self._kept[name] = value.new_zeros(self.capacity, *value.shape[1:])
            self._kept[name][place.to(self.device)] = value
        self.added += len(joints)

    def batch(self, index: Tensor) -> tuple[ClipMaps, Tensor, Tensor]:
        """Clips in single precision, joints (B, 15, 2) in cells and weights (B, 15)."""
        index = index.to(self.device)
        initial, feature, flow = (self._kept[name][index].float() for name in ("initial", "feature", "flow"))
        return ClipMaps(initial, (feature,), flow), self._kept["joints"][index], self._kept["weight"][index]

    def drawn(self, size: int, generator: torch.Generator) -> tuple[ClipMaps, Tensor, Tensor]:
        """Random clips."""
        return self.batch(torch.randint(len(self), (size,), generator=generator))


def on(device: torch.device, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}


def calm(_worker: int) -> None:
    """One thread a worker process: there is one for every core."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)

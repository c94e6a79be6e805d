"""What every system of the family is given, and what each returns: one pair of types, so that they can be compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class ClipMaps:
    """What the fixed parts make of B clips of T frames in the order of time, the key frame in the middle.

    initial: heatmaps (B, T, K, h, w), peak about 1. A refiner that adds to softmax
        heatmaps takes their logarithm, so they are stored no coarser than half precision.
    features: the backbone's, each (B, T, C, h, w), shallow to deep; empty for a refiner that uses none.
    flow: (B, P, 2, h, w) in heatmap cells, between the network's pairs of frames, T - 1 of them or a multiple (the
        same pairs backwards); None for a refiner that uses none.
    """

    initial: Tensor
    features: tuple[Tensor, ...] = ()
    flow: Tensor | None = None

    @property
    def key_initial(self) -> Tensor:
        """Initial heatmaps of the key frames, (B, K, h, w)."""
        return self.initial[:, self.initial.shape[1] // 2]

    def __len__(self) -> int:
        return len(self.initial)

    def __getitem__(self, index: Tensor | slice) -> "ClipMaps":
        """The chosen clips."""
        flow = None if self.flow is None else self.flow[index]
        return ClipMaps(self.initial[index], tuple(feature[index] for feature in self.features), flow)

    def split(self, size: int) -> Iterator["ClipMaps"]:
        """In batches of at most `size` clips."""
        for start in range(0, len(self), size):
            yield self[start : start + size]

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> "ClipMaps":
        flow = None if self.flow is None else self.flow.to(device, dtype)
        return ClipMaps(
            self.initial.to(device, dtype), tuple(feature.to(device, dtype) for feature in self.features), flow
        )

    def for_refiner(self, refiner: "Refiner") -> "ClipMaps":
        """Only what a refiner uses: its frames about the key frame, features and flow where it wants them.

        Raises:
            ValueError: it needs more than there is.
        """
        reach, key = refiner.frames // 2, self.initial.shape[1] // 2
        if reach > key:
            raise ValueError(f"clips of {self.initial.shape[1]} frames for a refiner of {refiner.frames}")
        if refiner.uses_features and not self.features:
            raise ValueError("this refiner needs the backbone's features, and the clips carry none")
        if refiner.uses_flow and self.flow is None:
            raise ValueError("this refiner needs flow, and the clips carry none")
        own = self.middle(refiner.frames)
        return ClipMaps(
            own.initial,
            own.features if refiner.uses_features else (),
            own.flow[:, : refiner.flow_fields] if refiner.uses_flow and own.flow is not None else None,
        )

    def middle(self, frames: int) -> "ClipMaps":
        """The same clips with fewer frames about their key frames, and with the flow between those."""
        flow = self.flow
        if flow is not None and frames < self.initial.shape[1]:
            each = self.initial.shape[1] - 1  # pairs a direction
            flow = torch.cat([middle(pairs, frames - 1) for pairs in flow.split(each, dim=1)], dim=1)
        return ClipMaps(middle(self.initial, frames), tuple(middle(feature, frames) for feature in self.features), flow)


def halved(clips: ClipMaps) -> ClipMaps:
    """The same clips on maps of half the height and width, by the mean of every four cells; flow in the new cells."""

    def half(maps: Tensor) -> Tensor:
        return F.avg_pool2d(maps.flatten(0, 1), 2).unflatten(0, maps.shape[:2])

    flow = None if clips.flow is None else half(clips.flow) / 2
    return ClipMaps(half(clips.initial), tuple(half(feature) for feature in clips.features), flow)


def middle(maps: Tensor, count: int) -> Tensor:
    """The `count` rows in the middle of (B, T, ...)."""
    first = (maps.shape[1] - count) // 2
    return maps[:, first : first + count]


class Refined(Protocol):
    """What every refiner returns; each adds what its own losses need.

    refined: (B, K, h, w) heatmaps, peak about 1 for a sure joint.
    logits: (B, K, h, w), what the heatmap loss sees; equal to `refined` where heatmaps are regressed.
    """

    @property
    def refined(self) -> Tensor: ...
    @property
    def logits(self) -> Tensor: ...


class Refiner(nn.Module):
    """Any system behind its fixed backbone: called with ClipMaps of `frames` frames, returns a `Refined`.

    frames: odd; 1 for a single-frame system. uses_features, uses_flow: what it wants in its ClipMaps.
    """

    frames: int
    uses_features: bool
    uses_flow: bool
    flow_fields: int = 4  # pairs of frames that it sees flow of

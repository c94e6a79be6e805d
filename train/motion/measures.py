"""How near the joints of held-out clips come, and how steadily: every stage of the refiner beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jmpose_core.devices import autocast
from jmpose_core.evaluation.pck import torso_sizes
from jmpose_core.model.alignment import aligned
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.heatmap_aggregation import weighted_mean
from jmpose_core.model.heatmaps import decode

STAGES: Final = ("initial", "unaligned mean", "aligned mean", "refined", "oracle")
PERSON: Final = "PCK@0.1 person"
TORSO: Final = "PCK@0.2 torso"
PERSON_WIDE: Final = "PCK@0.2 person"
JITTER: Final = "jitter"
_RESAMPLED: Final = 1000
_BATCH: Final = 16

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Totals: TypeAlias = tuple[Floats, Floats]  # sum and count of each group of people
Table: TypeAlias = Mapping[str, Mapping[str, Totals]]  # by measure and stage


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is true of N key frames, two in a row for each pair of neighbours.

    joints: (N, 15, 2) image pixels. labelled: (N, 15). person: (N,) longer side of the box of the labelled joints,
    pixels. group: (N,) people who are resampled together. image_from_cells: (N, 2, 3).
    """

    joints: Floats
    labelled: Flags
    person: Floats
    group: npt.NDArray[np.int64]
    image_from_cells: Floats

    def in_image(self, cells: Tensor) -> Floats:
        """Joints (N, 15, 2) of heatmap cells in pixels of the image."""
        found = cells.double().cpu().numpy()
        return np.einsum("nij,nkj->nki", self.image_from_cells[..., :2], found) + self.image_from_cells[:, None, :, 2]


@torch.inference_mode()
def found_by(refiner: Refiner, clips: ClipMaps, device: torch.device) -> dict[str, Tensor]:
    """Joints (N, 15, 2) in cells by each stage, and by each aligned frame alone (N, T, 15, 2) under "frames"."""
    found: dict[str, list[Tensor]] = {}
    for part in clips.split(_BATCH):
        maps = part.to(device, torch.float32)
        assert maps.flow is not None
        own = aligned(maps.initial, maps.flow)
        with autocast(device):
            refined = refiner(maps.for_refiner(refiner)).refined
        stages = {
            "initial": maps.key_initial,
            "unaligned mean": weighted_mean(maps.initial),
            "aligned mean": weighted_mean(own),
            "refined": refined,
            "frames": own,
        }
        for name, heatmaps in stages.items():
            found.setdefault(name, []).append(decode(heatmaps, blur_sigma=1.0)[0].cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def errors(found: Mapping[str, Tensor], truth: Truth) -> dict[str, Floats]:
    """Distances (N, 15) in pixels by stage; the oracle takes the best aligned frame, or their mean, for each joint."""
    distances = {
        name: np.linalg.norm(truth.in_image(cells) - truth.joints, axis=2)
        for name, cells in found.items()
        if name != "frames"
    }
    single = [
        np.linalg.norm(truth.in_image(found["frames"][:, frame]) - truth.joints, axis=2)
        for frame in range(found["frames"].shape[1])
    ]
    return distances | {"oracle": np.minimum(distances["aligned mean"], np.min(single, axis=0))}


def jitter(cells: Tensor, truth: Truth) -> tuple[Floats, Flags]:
    """Error of motion between the frames of each pair, (N / 2, 15) in percent of the person's size; what is counted."""
    moved = np.diff((truth.in_image(cells) - truth.joints).reshape(-1, 2, 15, 2), axis=1)[:, 0]
    pairs = np.asarray(truth.labelled.reshape(-1, 2, 15).all(axis=1))
    return 100 * np.linalg.norm(moved, axis=2) / truth.person.reshape(-1, 2).mean(axis=1)[:, None], pairs


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean in percent with the 95 % interval of a bootstrap over people."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.1f} ({self.low:.1f} to {self.high:.1f})"


def measured(found: Mapping[str, Tensor], truth: Truth) -> Table:
    """For each measure and stage the sum and the count of each group, from which `figure` takes means."""
    groups, which = np.unique(truth.group, return_inverse=True)
    torso = torso_sizes(truth.joints, truth.labelled)
    limits = {TORSO: 0.2 * torso, PERSON: 0.1 * truth.person, PERSON_WIDE: 0.2 * truth.person}
    table: dict[str, dict[str, Totals]] = {}
    for stage, distance in errors(found, truth).items():
        for name, limit in limits.items():
            counted = truth.labelled & (limit > 0)[:, None]
            close = counted & (distance <= limit[:, None])
            table.setdefault(name, {})[stage] = _by_group(close * np.float64(100), counted, which, len(groups))
    for stage in ("initial", "unaligned mean", "aligned mean", "refined"):
        error, counted = jitter(found[stage], truth)
        table.setdefault(JITTER, {})[stage] = _by_group(np.where(counted, error, 0.0), counted, which[::2], len(groups))
    return table


def _by_group(values: Floats, counted: Flags, which: npt.NDArray[np.int64], groups: int) -> Totals:
    sums, counts = np.zeros(groups), np.zeros(groups)
    np.add.at(sums, which, values.sum(axis=1))
    np.add.at(counts, which, counted.sum(axis=1))
    return sums, counts


def figure(of: Totals, minus: Totals | None = None, *, seed: int = 0) -> Figure:
    """Mean, or difference of two means over the same people, with its interval."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(of[0]), size=(_RESAMPLED, len(of[0])))

    def means(chosen: npt.NDArray[np.int64]) -> Floats:
        value = of[0][chosen].sum(axis=-1) / of[1][chosen].sum(axis=-1)
        return value if minus is None else value - minus[0][chosen].sum(axis=-1) / minus[1][chosen].sum(axis=-1)

    low, high = np.percentile(means(drawn), [2.5, 97.5])
    return Figure(float(means(np.arange(len(of[0])))), float(low), float(high))


def summary(table: Table, names: Sequence[str] = ()) -> dict[str, float]:
    """Means alone, "measure, stage", for a training's log."""
    chosen = names or tuple(table)
    return {f"{name}, {stage}": figure(pair).mean for name in chosen for stage, pair in table[name].items()}

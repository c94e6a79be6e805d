"""Clips made from stills: what the compact refiner learns from behind its fixed parts, its loss, and its figures."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from jmpose_core import geometry
from jmpose_core.devices import autocast
from jmpose_core.estimation.clip import DELTA
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.network import PoseNetwork
from train.loop.items import items_from
from train.loop.training import Loss
from train.objectives.heatmap_losses import heatmap_loss
from train.objectives.information import Estimator, information_orthogonality
from train.people.augment import CropAugmentation
from train.people.cached_clips import CachedClips, accuracy, encode
from train.people.clips import Clip, synthesise
from train.people.poses import LabelledPerson

_AT_ONCE = 4  # clips that the fixed parts are shown
_AS_LABELLED = CropAugmentation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_CPU = torch.device("cpu")


class RandomClips(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """An endless row of clips, every other one degraded: crops (5, H, W, 3) uint8, cells (15, 2), weight (15,).

    Clip n depends on the seed and on n alone.
    """

    def __init__(
        self,
        people: Sequence[LabelledPerson],
        *,
        crop_size: tuple[int, int],
        augmentation: CropAugmentation,
        seed: int,
    ) -> None:
        self.people, self.crop_size, self.augmentation, self.seed = people, crop_size, augmentation, seed

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([self.seed, index])
        person, other = (self.people[int(rng.integers(len(self.people)))] for _ in range(2))
        degraded = index % 2 == 1
        return tensors(
            synthesise(person, other, self.crop_size, rng, degraded=degraded, augmentation=self.augmentation)
        )


def tensors(clip: Clip) -> tuple[Tensor, Tensor, Tensor]:
    """Crops, joints in heatmap cells, weights."""
    cells = geometry.apply(geometry.HEATMAP_FROM_CROP, clip.keypoints).astype(np.float32)
    return torch.from_numpy(clip.crops), torch.from_numpy(cells), torch.from_numpy(clip.weight)


def cached_training_clips(network: PoseNetwork, clips: RandomClips, count: int, place: Path) -> CachedClips:
    """What the fixed parts make of the first `count` clips, read from `place` where an earlier run left them."""
    if place.is_file():
        return CachedClips.load(place)
    rounds = -(-count // _AT_ONCE)
    parts = [encode(network, *item) for item in itertools.islice(items_from(clips, first=0, batch=_AT_ONCE), rounds)]
    cached = CachedClips.joined(parts)
    cached.save(place)
    return cached


def held_out_clips(
    people: Sequence[LabelledPerson],
    crop_size: tuple[int, int],
    *,
    degraded: bool,
    reach: int = DELTA,
    margin: tuple[int, int] = (0, 0),
) -> Iterator[Clip]:
    """One clip of each person, always the same; the crop is the labelled box's. Reach and margin: of `synthesise`."""
    rng = np.random.default_rng(2 + degraded)
    for person in people:
        other = people[int(rng.integers(len(people)))]
        yield synthesise(
            person,
            other,
            crop_size,
            rng,
            degraded=degraded,
            augmentation=_AS_LABELLED,
            reach=reach,
            margin=margin,
        )


def encoded(network: PoseNetwork, clip: Clip) -> CachedClips:
    """What the fixed parts make of one clip."""
    crops, cells, weight = tensors(clip)
    return encode(network, crops[None], cells[None], weight[None])


def drawn_batches(
    clips: CachedClips, *, batch: int, seed: int, first: int
) -> Iterator[tuple[ClipMaps, Tensor, Tensor]]:
    """Batches `first`, `first` + 1 and so on of clips drawn at random, every other batch mirrored, without end."""
    for number in itertools.count(first):
        index = np.random.default_rng([seed, number]).integers(len(clips), size=batch)
        yield clips.batch(torch.from_numpy(index), flip=number % 2 == 1)


def refiner_loss(
    network: PoseNetwork, batch: tuple[ClipMaps, Tensor, Tensor], estimate: Estimator, io_weight: float
) -> Loss:
    """Fit of the heatmaps and the weighed IO objective; its three terms, unweighed, are for the log."""
    maps, cells, weight = batch
    with autocast(_CPU):
        output = network.refiner(maps)
    fit = heatmap_loss(network, output.logits, cells, weight)
    orthogonality = information_orthogonality(
        estimate, output.joint_features, output.motion_features, output.aggregated
    )
    return Loss(
        fit + io_weight * orthogonality.total,
        {
            "loss": fit,
            "relevancy": orthogonality.relevancy,
            "complement": orthogonality.complement,
            "redundancy": orthogonality.redundancy,
        },
    )


def validate(refiner: Refiner, held_out: Mapping[str, CachedClips]) -> dict[str, float]:
    """PCK@0.2 of the torso, 0..1, of the initial and of the refined heatmaps of each kind of clips."""
    figures = {}
    for name, clips in held_out.items():
        initial, refined = accuracy(refiner, clips, _CPU)
        figures[f"{name} clips, initial PCK@0.2"] = initial / 100
        figures[f"{name} clips, refined PCK@0.2"] = refined / 100
    return figures

"""Train JM-Pose's refiner on clips made from stills, behind a fixed backbone and fixed flow.

    python -m train.refiner --data ../shared/data --teacher runs/teacher \
        --backbone runs/backbone/backbone.safetensors --flow runs/flow/raft_small.safetensors --out runs/refiner

Backbone and RAFT never change, so their outputs are computed once per clip and
kept (`--cache`); the refiner then trains on them in many short epochs. Writes the
whole network as jmpose_lite.safetensors.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from jmpose_core import geometry, heatmaps
from jmpose_core.model.network import PoseNetwork, jmpose_lite
from jmpose_core.weights import WeightsCard, load_into, read_weights, save_weights
from train.augment import CropAugmentation
from train.cached_clips import BATCH, CachedClips, accuracy, encode
from train.clips import Clip, synthesise
from train.information import GaussianInformation, information_orthogonality
from train.losses import spatial_cross_entropy
from train.poses import LabelledPerson, is_validation, read_people
from train.schedule import Schedule

VALIDATION_STEP: Final = 3  # every third person of the split: making clips of all takes minutes
KEPT: Final = 0.5  # share of the learnt correction that is kept; chosen on another third of the held-out people
IO_WEIGHT: Final = 1e-4  # alpha of MODEL.md 1.9, summed over the layers
_AS_LABELLED: Final = CropAugmentation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_MILD: Final = CropAugmentation(30.0, 0.4, 0.2, 0.05, 0.0, 0.5)
_CPU: Final = torch.device("cpu")


class RandomClips(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless clips, every other one degraded: crops (5, H, W, 3) uint8, cells (15, 2), weight (15,)."""

    def __init__(self, people: list[LabelledPerson], crop_size: tuple[int, int], seed: int) -> None:
        self.people, self.crop_size, self.seed = people, crop_size, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        cv2.setNumThreads(0)
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        number = 0
        while True:
            person, other = (self.people[int(rng.integers(len(self.people)))] for _ in range(2))
            yield tensors(synthesise(person, other, self.crop_size, rng, degraded=number % 2 == 1, augmentation=_MILD))
            number += 1


def tensors(clip: Clip) -> tuple[Tensor, Tensor, Tensor]:
    """Crops, joints in heatmap cells, weights."""
    cells = geometry.apply(geometry.scaled(1 / 4), clip.keypoints).astype(np.float32)
    return torch.from_numpy(clip.crops), torch.from_numpy(cells), torch.from_numpy(clip.weight)


def cache_training_clips(network: PoseNetwork, people: list[LabelledPerson], count: int, place: Path) -> CachedClips:
    """`count` random clips, read from `place` where an earlier run left them."""
    if place.is_file():
        return CachedClips.load(place)
    loader = DataLoader(RandomClips(people, network.crop_size, seed=1), batch_size=4, num_workers=1, prefetch_factor=4)
    parts: list[CachedClips] = []
    for crops, cells, weight in loader:
        parts.append(encode(network, crops, cells, weight))
        if 4 * len(parts) >= count:
            break
    cached = CachedClips.joined(parts)
    cached.save(place)
    return cached


def validation_clips(network: PoseNetwork, people: list[LabelledPerson], *, degraded: bool) -> CachedClips:
    """One clip of each person, always the same."""
    rng = np.random.default_rng(2 + degraded)
    parts: list[CachedClips] = []
    for person in people:
        other = people[int(rng.integers(len(people)))]
        clip = synthesise(person, other, network.crop_size, rng, degraded=degraded, augmentation=_AS_LABELLED)
        crops, cells, weight = tensors(clip)
        parts.append(encode(network, crops[None], cells[None], weight[None]))
    return CachedClips.joined(parts)


def train(
    network: PoseNetwork, clips: CachedClips, validation: dict[str, CachedClips], out: Path, minutes: float
) -> None:
    """Train the refiner for a time budget; the log tells the loss and the IO objective's three terms."""
    refiner = network.refiner
    optimiser = torch.optim.AdamW(refiner.parameters(), lr=1e-3, weight_decay=0.01)
    estimate = GaussianInformation()
    schedule = Schedule(peak=1.5e-3, rise=0.03, floor=0.005)
    started, step = time.perf_counter(), 0
    generator = torch.Generator().manual_seed(0)
    with (out / "log.jsonl").open("a") as log:
        while (progress := (time.perf_counter() - started) / (60 * minutes)) < 1:
            refiner.train()
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate(progress)
            index = torch.randint(len(clips), (BATCH,), generator=generator)
            maps, cells, weight = clips.batch(index, flip=step % 2 == 1)
            with torch.autocast("cpu", torch.bfloat16):
                output = refiner(maps)
            fit = spatial_cross_entropy(output.logits, cells, weight, heatmaps.SIGMA_LITE)
            orthogonality = information_orthogonality(
                estimate, output.joint_features, output.motion_features, output.aggregated
            )
            loss = fit + IO_WEIGHT * orthogonality.total
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(refiner.parameters(), 1.0)
            optimiser.step()
            step += 1
            if step % 50 == 0:
                entry: dict[str, float] = {"step": step, "progress": progress, "loss": fit.item()}
                entry |= {
                    "relevancy": orthogonality.relevancy.item(),
                    "complement": orthogonality.complement.item(),
                    "redundancy": orthogonality.redundancy.item(),
                }
                if step % 400 == 0:
                    for name, held_out in validation.items():
                        entry[f"{name} initial"], entry[f"{name} refined"] = accuracy(refiner.eval(), held_out, _CPU)
                log.write(json.dumps(entry) + "\n")
                log.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--flow", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=15)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    network = jmpose_lite().to(memory_format=torch.channels_last).eval()
    backbone_state, backbone_card = read_weights(arguments.backbone)
    load_into(network.backbone, backbone_state, place=str(arguments.backbone))
    assert network.flow is not None
    load_into(network.flow.raft, read_weights(arguments.flow)[0], place=str(arguments.flow))
    folders = (arguments.teacher / "lspet", arguments.data / "coco", arguments.teacher / "videos")
    people = [person for folder in folders for person in read_people(folder)]
    held_out = [person for person in people if is_validation(person)][::VALIDATION_STEP]
    validation = {
        name: validation_clips(network, held_out, degraded=name == "degraded") for name in ("clean", "degraded")
    }
    clips = cache_training_clips(
        network,
        [person for person in people if not is_validation(person)],
        arguments.clips,
        arguments.out / "clips.pt",
    )
    train(network, clips, validation, arguments.out, arguments.minutes)
    with torch.no_grad():  # a short training overshoots on clean frames; the head's last layer is linear
        for parameter in network.refiner.get_submodule("head.last").parameters():
            parameter.mul_(KEPT)
    figures = dict(backbone_card.figures)
    for name, held in validation.items():
        initial, refined = accuracy(network.refiner.eval(), held, _CPU)
        figures |= {f"{name} clips, initial PCK@0.2": initial / 100, f"{name} clips, refined PCK@0.2": refined / 100}
    card = WeightsCard(
        variant="jmpose_lite",
        crop_size=network.crop_size,
        training_data=backbone_card.training_data,
        recipe=f"{backbone_card.recipe}; python -m train.refiner --minutes {arguments.minutes:g}",
        figures=figures,
    )
    save_weights(arguments.out / "jmpose_lite.safetensors", network.state_dict(), card)


if __name__ == "__main__":
    main()

"""Train the compact backbone on single images: the initial heatmaps of jmpose_lite.

    python -m train.backbone --data ../shared/data --teacher runs/teacher --out runs/backbone --minutes 70

The schedule follows the time budget, not a step count, so that the same command
makes the best of a slow machine. Each checkpoint holds everything; `--resume` goes on from it.
"""

import argparse
import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from jmpose_core import geometry, heatmaps
from jmpose_core.clip import cut
from jmpose_core.evaluation.pck import pck
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.weights import WeightsCard, save_weights
from train import augment
from train.imagenet import imagenet_trunk
from train.losses import spatial_cross_entropy
from train.poses import LabelledPerson, is_validation, read_people
from train.schedule import Schedule

CROP_SIZE: Final = (256, 192)
SMALL_CROP_SIZE: Final = (192, 160)
SMALL_UNTIL: Final = 0.55  # of the time budget, at the small size
FROZEN_STAGES: Final = 2  # of the trunk: the stride 2 and 4 filters keep their ImageNet values and cost no gradient
DRAWS: Final = {"lspet": 1.0, "coco": 4.0, "videos": 1.0}  # how often a person of each source is drawn


class RandomCrops(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless random crops: RGB uint8 (H, W, 3), joints in heatmap cells (15, 2), weights (15,)."""

    def __init__(self, people: list[LabelledPerson], crop_size: tuple[int, int], seed: int) -> None:
        self.people, self.crop_size, self.seed = people, crop_size, seed
        draws = np.array([DRAWS[person.source] for person in people])
        self.cumulative = np.cumsum(draws) / draws.sum()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        cv2.setNumThreads(0)
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            yield self.crop(self._draw(rng), self._draw(rng), rng)

    def _draw(self, rng: np.random.Generator) -> LabelledPerson:
        return self.people[int(np.searchsorted(self.cumulative, rng.random()))]

    def crop(
        self, person: LabelledPerson, other: LabelledPerson, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One crop of `person`, now and then with a piece of `other`'s picture over it."""
        how = augment.CropAugmentation()
        bbox = person.bbox_xyxy
        if rng.random() < how.half_body_probability:
            bbox = augment.half_body(person.keypoints, person.weight, rng) or bbox
        crop_from_image, flip = augment.random_crop(bbox, self.crop_size, how, rng)
        image = cut(person.image(), crop_from_image, self.crop_size)
        joints, weight = augment.warp_keypoints(
            person.keypoints, person.weight, crop_from_image, self.crop_size, flip=flip
        )
        image = augment.degrade(image, rng)
        if rng.random() < 0.25:
            image = augment.occlude(image, other.image(), rng)
        cells = geometry.apply(geometry.scaled(1 / 4), joints).astype(np.float32)
        return torch.from_numpy(image), torch.from_numpy(cells), torch.from_numpy(weight)


def normalised(images: Tensor) -> Tensor:
    """RGB uint8 (B, H, W, 3) -> (B, 3, H, W) in [-1, 1], channels last in memory."""
    return images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def validate(network: nn.Module, people: list[LabelledPerson]) -> dict[str, float]:
    """PCK@0.2 of the torso per source, ground-truth boxes, no flip test."""
    network.eval()
    figures = {}
    for source in sorted({person.source for person in people}):
        chosen = [person for person in people if person.source == source]
        predicted = np.concatenate([predict(network, chosen[i : i + 32]) for i in range(0, len(chosen), 32)])
        truth = np.stack([person.keypoints for person in chosen])
        labelled = np.stack([person.weight > 0.999 for person in chosen])
        figures[f"PCK@0.2 {source}"] = float(pck(predicted, truth, labelled, threshold=0.2).total)
    return figures


@torch.inference_mode()
def predict(network: nn.Module, people: list[LabelledPerson]) -> np.ndarray:
    """Joints (N, 15, 2) in image pixels."""
    height, width = CROP_SIZE
    maps = [geometry.crop_from_image(person.bbox_xyxy, CROP_SIZE) for person in people]
    crops = [
        cv2.warpAffine(person.image(), crop_from_image, (width, height))
        for person, crop_from_image in zip(people, maps, strict=True)
    ]
    with torch.autocast("cpu", torch.bfloat16):
        output = network(normalised(torch.from_numpy(np.stack(crops))))
    cells, _ = heatmaps.decode(output.heatmaps, blur_sigma=1.0)
    return np.stack(
        [
            geometry.apply(geometry.compose(geometry.inverse(crop_from_image), geometry.scaled(4)), joints)
            for crop_from_image, joints in zip(maps, cells.numpy(), strict=True)
        ]
    )


class Training:
    """Network, its moving average, optimiser and clock: everything a checkpoint holds."""

    def __init__(self, out: Path, minutes: float) -> None:
        self.out, self.minutes = out, minutes
        self.network = CompactBackbone()
        self.network.trunk = imagenet_trunk()
        self.network.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval()
        frozen = [self.network.trunk.stem, *self.network.trunk.stages[:FROZEN_STAGES]]
        self.frozen = nn.ModuleList(frozen)
        self.frozen.requires_grad_(False)
        self.optimiser = torch.optim.AdamW(_decay_groups(self.network), lr=1e-3, betas=(0.9, 0.99))
        self.schedule = Schedule()
        self.step, self.elapsed_secs = 0, 0.0
        self.seen_small = 0

    @property
    def progress(self) -> float:
        return self.elapsed_secs / (60 * self.minutes)

    def learn(self, images: Tensor, cells: Tensor, weight: Tensor) -> float:
        """One step; the loss."""
        started = time.perf_counter()
        self.network.train()
        self.frozen.eval()
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.progress)
        with torch.autocast("cpu", torch.bfloat16):
            output = self.network(normalised(images))
        loss = spatial_cross_entropy(output.logits, cells, weight, heatmaps.SIGMA_LITE)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self._follow()
        self.step += 1
        self.elapsed_secs += time.perf_counter() - started
        return loss.item()

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(0.998, (1 + self.step) / (10 + self.step))
        for mean, own in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(own, 1 - decay)
            else:
                mean.copy_(own)

    def save(self) -> None:
        """Write the checkpoint whole or not at all."""
        temporary = self.out / "checkpoint.pt.part"
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "elapsed_secs": self.elapsed_secs,
            },
            temporary,
        )
        temporary.replace(self.out / "checkpoint.pt")

    def resume(self) -> None:
        """Go on from the checkpoint in the output folder."""
        state = torch.load(self.out / "checkpoint.pt", weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.elapsed_secs = state["step"], state["elapsed_secs"]


def _decay_groups(network: nn.Module) -> list[dict]:
    """Weight decay on matrices and kernels, none on norms and biases."""
    trained = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": 0.02},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def run(training: Training, people: list[LabelledPerson], validation: list[LabelledPerson], batch: int) -> None:
    """Train until the time budget is spent: small crops first, then the full size."""
    log = (training.out / "log.jsonl").open("a")

    def note(**entry: float | str) -> None:
        log.write(json.dumps(entry) + "\n")
        log.flush()

    for crop_size, until in ((SMALL_CROP_SIZE, SMALL_UNTIL), (CROP_SIZE, 1.0)):
        if training.progress >= until:
            continue
        crops = RandomCrops(people, crop_size, seed=training.step + 1)
        loader = DataLoader(crops, batch_size=batch, num_workers=1, prefetch_factor=6)
        saved = noted = training.elapsed_secs
        recent: list[float] = []
        for images, cells, weight in loader:
            recent.append(training.learn(images, cells, weight))
            if training.step % 50 == 0:
                rate = 50 * batch / (training.elapsed_secs - noted)
                noted = training.elapsed_secs
                note(
                    step=training.step,
                    progress=training.progress,
                    loss=float(np.mean(recent)),
                    lr=training.optimiser.param_groups[0]["lr"],
                    rate=rate,
                )
                recent.clear()
            if training.elapsed_secs - saved > 240 or training.progress >= until:
                training.save()
                note(step=training.step, progress=training.progress, **validate(training.average, validation))
                saved = training.elapsed_secs
            if training.progress >= until:
                break
    log.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with coco/")
    parser.add_argument("--teacher", type=Path, required=True, help="what train.teacher wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=70)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    sources = (arguments.teacher / "lspet", arguments.data / "coco", arguments.teacher / "videos")
    people = [person for folder in sources for person in read_people(folder)]
    validation = [person for person in people if is_validation(person)]
    training = Training(arguments.out, arguments.minutes)
    if arguments.resume:
        training.resume()
    run(training, [person for person in people if not is_validation(person)], validation, arguments.batch)
    save_weights(
        arguments.out / "backbone.safetensors",
        training.average.state_dict(),
        WeightsCard(
            variant="compact_backbone",
            crop_size=CROP_SIZE,
            training_data=("LSP-Extended", "COCO (412 images)", "videos labelled by MoveNet"),
            recipe=f"python -m train.backbone --minutes {arguments.minutes:g}",
            figures=validate(training.average, validation),
        ),
    )


if __name__ == "__main__":
    main()

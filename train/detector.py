"""Train the bundled person detector on a CPU, within a time budget.

    python -m train.detector --out runs/detector --minutes 20
    python -m train.detector --out runs/detector --resume

Leaves detector.safetensors (the moving average of the weights, measured on the
held-out COCO images), log.jsonl and checkpoint.pt in the folder. The learning
rate follows the time spent, so that a slow machine ends as calmly as a fast one.
"""

import argparse
import copy
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler

from jmpose_core.detection import PersonDetector, normalised
from jmpose_core.model.detector import PersonNet, all_cell_centres
from jmpose_core.weights import WeightsCard, save_weights
from train.detector_data import DetectorBatches
from train.detector_evaluation import Recall, evaluate
from train.detector_loss import Targets, detection_loss
from train.detector_sources import CACHE, DATA, gather_to_file, read_sources
from train.imagenet import imagenet_trunk

_PEAK_RATE: Final = 2e-3
_TRUNK_RATE: Final = 0.3  # of the rest's: the trunk knows pictures already
_RISE: Final = 0.05  # of the time budget
_WEIGHT_DECAY: Final = 0.03
_LARGEST_GRADIENT: Final = 10.0
_FROZEN_STAGES: Final = 2  # of the trunk: its first filters keep their ImageNet values and cost no gradient
_AVERAGE: Final = 0.998
_CHECKPOINT_SECS: Final = 120.0
_LOG_STEPS: Final = 20


class Training:
    """Network, its moving average, optimiser and clock: everything a checkpoint holds."""

    def __init__(self, *, minutes: float) -> None:
        self.network = PersonNet()
        self.network.trunk = imagenet_trunk()
        self.network.to(memory_format=torch.channels_last)
        self.network.train()
        self.network.trunk.eval()  # batch statistics of a few mosaics are worse than ImageNet's
        for part in (self.network.trunk.stem, *self.network.trunk.stages[:_FROZEN_STAGES]):
            part.requires_grad_(False)
        self.average = copy.deepcopy(self.network).eval()
        self.optimiser = torch.optim.AdamW(_groups(self.network), betas=(0.9, 0.99))
        self.budget_secs = 60 * minutes
        self.spent_secs = 0.0
        self.step = 0

    @property
    def done(self) -> bool:
        return self.spent_secs >= self.budget_secs

    def learn(self, pictures: Tensor, targets: Targets) -> dict[str, float]:
        """One step; its loss, by parts."""
        rate = learning_rate(self.spent_secs / self.budget_secs)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        inputs = normalised(pictures)
        with torch.autocast("cpu", torch.bfloat16):
            logits, boxes = self.network(inputs)
        loss = detection_loss(logits, boxes, all_cell_centres(*inputs.shape[-2:]), targets)
        self.optimiser.zero_grad()
        loss.total.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        self.optimiser.step()
        self.step += 1
        self._follow()
        return {"person": loss.person.item(), "box": loss.box.item(), "rate": rate}

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(_AVERAGE, (1 + self.step) / (10 + self.step))
        for mean, own in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(own, 1 - decay)

    def save(self, path: Path) -> None:
        """Write the checkpoint whole or not at all."""
        temporary = path.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "spent_secs": self.spent_secs,
                "step": self.step,
            },
            temporary,
        )
        temporary.replace(path)

    def restore(self, path: Path) -> None:
        """Take up where `path` left off."""
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.spent_secs, self.step = state["spent_secs"], state["step"]


class _From(Sampler[int]):
    """Batch numbers from `first` on, without end."""

    def __init__(self, first: int) -> None:
        self._first = first

    def __iter__(self) -> Iterator[int]:
        index = self._first
        while True:
            yield index
            index += 1


def learning_rate(progress: float) -> float:
    """Rate at `progress` 0..1 of the time budget: a short rise, then a cosine down to nearly nothing."""
    if progress < _RISE:
        return _PEAK_RATE * (0.05 + 0.95 * progress / _RISE)
    fall = min(1.0, (progress - _RISE) / (1 - _RISE))
    return _PEAK_RATE * (0.01 + 0.99 * (1 + math.cos(math.pi * fall)) / 2)


def train(training: Training, batches: DetectorBatches, out: Path) -> None:
    """Learn until the budget is spent, leaving a checkpoint every two minutes and at the end."""
    loader = DataLoader(
        batches, batch_size=None, sampler=_From(training.step), num_workers=1, prefetch_factor=4, worker_init_fn=_calm
    )
    started, saved = time.monotonic() - training.spent_secs, training.spent_secs
    pictures_seen, window_began = 0, time.monotonic()
    with (out / "log.jsonl").open("a") as log:
        for pictures, targets in loader:
            parts = training.learn(pictures, targets)
            training.spent_secs = time.monotonic() - started
            pictures_seen += len(pictures)
            if training.step % _LOG_STEPS == 0:
                speed = pictures_seen / (time.monotonic() - window_began)
                _say({"step": training.step, "secs": training.spent_secs, "pictures_per_sec": speed, **parts}, log)
                pictures_seen, window_began = 0, time.monotonic()
            if training.spent_secs - saved >= _CHECKPOINT_SECS or training.done:
                training.save(out / "checkpoint.pt")
                saved = training.spent_secs
            if training.done:
                break


def publish(network: PersonNet, path: Path, data: Path, recipe: str) -> Recall:
    """Write the weights file, measure it, and write the figures and its sure score into it."""
    save_weights(path, network.state_dict(), _card(recipe))
    measured = evaluate(PersonDetector(path, device="cpu").detect, data)
    save_weights(path, network.state_dict(), _card(recipe, measured))
    return measured


def _card(recipe: str, measured: Recall | None = None) -> WeightsCard:
    return WeightsCard(
        variant="detector",
        joints=(),
        training_data=(
            "EfficientNet-Lite0 ImageNet weights (Apache-2.0)",
            "COCO people, ids not divisible by 5",
            "LSP-Extended, ids not divisible by 20",
            "MoveNet MultiPose's boxes on pose2sim, vtest and intel videos and DAVIS",
            "Debian photos without people",
        ),
        recipe=recipe,
        figures={}
        if measured is None
        else {
            "recall@IoU0.5 COCO val, at most 1 false box an image": measured.recall,
            "recall@IoU0.5 COCO val, people from 80 px": measured.recall_tall,
            "AP@IoU0.5 COCO val": measured.average_precision,
        },
        options={} if measured is None else {"sure_score": measured.score},
    )


def _groups(network: PersonNet) -> list[dict[str, object]]:
    """Parameters by learning rate and decay: norms and biases do not decay."""
    groups = []
    for share, in_trunk in ((_TRUNK_RATE, True), (1.0, False)):
        named = [
            (n, p) for n, p in network.named_parameters() if p.requires_grad and n.startswith("trunk.") == in_trunk
        ]
        for decays in (True, False):
            chosen = [parameter for _, parameter in named if (parameter.ndim > 1) == decays]
            groups.append({"params": chosen, "share": share, "weight_decay": _WEIGHT_DECAY if decays else 0.0})
    return groups


def _calm(_worker: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _say(facts: dict[str, float], *files: object) -> None:
    line = json.dumps({key: round(value, 5) for key, value in facts.items()}) + "\n"
    for file in (sys.stdout, *files):
        file.write(line)  # type: ignore[attr-defined]
        file.flush()  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the person detector.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=CACHE, help="gathered pictures; made where missing")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(0)
    torch.manual_seed(arguments.seed)
    if not arguments.cache.is_file():
        gather_to_file(arguments.data, arguments.cache)
    batches = DetectorBatches(read_sources(arguments.cache), batch=arguments.batch, seed=arguments.seed)
    training = Training(minutes=arguments.minutes)
    if arguments.resume:
        training.restore(arguments.out / "checkpoint.pt")
    if not training.done:
        train(training, batches, arguments.out)
    recipe = (
        f"python -m train.detector --minutes {arguments.minutes:g} --batch {arguments.batch} --seed {arguments.seed}"
    )
    measured = publish(training.average, arguments.out / "detector.safetensors", arguments.data, recipe)
    with (arguments.out / "log.jsonl").open("a") as log:
        _say({"recall": measured.recall, "recall_tall": measured.recall_tall, "score": measured.score}, log)


if __name__ == "__main__":
    main()

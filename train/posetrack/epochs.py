"""Training as papers state it: epochs of a data set, steps of a fixed batch, a rate that drops at given epochs.

train.loop.training spends a time budget instead. What a step sees and what torch draws in
it depend on the seed, the epoch and the step's number alone, so that a training that is
resumed ends with the weights of one that was never stopped.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from jmpose_core.errors import Cancelled, JMPoseError, WeightsError
from train.loop.checkpoint import read_checkpoint, save_checkpoint
from train.loop.training import Loss
from train.posetrack.dataset import PoseTrackClips, single_threaded

Batch = tuple[Tensor, Tensor, Tensor]  # what PoseTrackClips gives, B at a time

_DROP: Final = 0.1
_MOST_OVERFLOWS: Final = 20  # steps
_PROGRESS_SECS: Final = 1.0


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """How long, how many at a time, and how fast.

    Args:
        batch: examples of one step of the optimiser.
        at_once: examples of one pass; the gradients of a step's passes add up to the whole
            batch's. What looks at a batch as a whole (batch statistics, the IO estimate) sees one pass.
        drops: epochs, counted from 0, that begin with the rate divided by ten.
        save_secs: between two checkpoints; each epoch ends with one, too.
    """

    epochs: int
    batch: int
    at_once: int
    peak_rate: float
    drops: tuple[int, ...]
    largest_gradient: float
    seed: int = 0
    save_secs: float = 600.0
    log_steps: int = 50

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch."""
        return self.peak_rate * _DROP ** sum(epoch >= drop for drop in self.drops)

    def steps(self, examples: int) -> int:
        """Steps of an epoch; the last one's batch may be smaller."""
        return math.ceil(examples / self.batch)

    def order(self, examples: int, epoch: int) -> list[list[list[int]]]:
        """Every example once in an order of this epoch's own: indices by step and pass."""
        generator = torch.Generator().manual_seed(self.seed + 1000 * epoch)
        shuffled = torch.randperm(examples, generator=generator)
        return [
            [one_pass.tolist() for one_pass in step.split(self.at_once)]
            for step in shuffled.split(self.batch)
            if len(step)
        ]


@dataclass(slots=True)
class EpochTraining:
    """All that a checkpoint holds.

    modules: what learns, by name; "network" is the one whose gradient is clipped.
    optimisers: of the modules of the same names; the plan's rates are the network's, any other keeps its own.
    settings: what must not change on resuming.
    epoch, step: those to do next, the step counted within the epoch.
    best: mAP of the weights that are kept.
    """

    modules: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    settings: dict[str, str | int] = field(default_factory=dict)
    epoch: int = 0
    step: int = 0
    best: float = -math.inf
    overflows: int = field(default=0, init=False)

    def save(self, path: Path) -> None:
        """Write a checkpoint whole or not at all."""
        save_checkpoint(
            path,
            {
                "modules": {name: module.state_dict() for name, module in self.modules.items()},
                "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
                "settings": self.settings,
                "position": {"epoch": self.epoch, "step": self.step, "best": self.best},
            },
        )

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            WeightsError: there is none, it is torn, or it is that of a training with other settings.
        """
        state = read_checkpoint(path)
        try:
            changed = [name for name, value in self.settings.items() if state["settings"].get(name) != value]
            if changed:
                was = ", ".join(f"{name} {state['settings'].get(name)}" for name in changed)
                raise WeightsError(f"{path}: made with {was}; resume with the same, or name another --out")
            for name, module in self.modules.items():
                module.load_state_dict(state["modules"][name])
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
            position = state["position"]
            self.epoch, self.step, self.best = position["epoch"], position["step"], position["best"]
        except (KeyError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{path}: not this recipe's checkpoint ({error}); name another --out") from error

    def descend(self, largest_gradient: float) -> None:
        """A step of every optimiser down the gradients that are there; one that overflowed is left out.

        Raises:
            JMPoseError: too many did.
        """
        if nn.utils.clip_grad_norm_(self.modules["network"].parameters(), largest_gradient).isfinite():
            for optimiser in self.optimisers.values():
                optimiser.step()
        else:
            self.overflows += 1
        if self.overflows > _MOST_OVERFLOWS:
            raise JMPoseError(f"{self.overflows} steps gave no finite gradient; lower the recipe's peak rate")


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What a recipe adds to the loop.

    loss_of: of one pass; all its scalars are means over the pass. judge: figures after an epoch; "mAP" decides
    which weights are kept, the latest where there is none. publish: write the weights with these figures.
    """

    loss_of: Callable[[Batch], Loss]
    judge: Callable[[], Mapping[str, float]]
    publish: Callable[[Mapping[str, float]], None]
    on_progress: Callable[[int, int, float, float], None] = lambda step, steps, loss, per_second: None
    should_stop: Callable[[], bool] = lambda: False


def learn(
    training: EpochTraining, plan: EpochPlan, clips: PoseTrackClips, callbacks: Callbacks, *, out: Path, workers: int
) -> None:
    """Learn the plan's epochs into `out`/log.jsonl and `out`/checkpoint.pt.

    Raises:
        Cancelled: should_stop said so; the checkpoint is written.
    """
    checkpoint = out / "checkpoint.pt"
    while training.epoch < plan.epochs:
        for group in training.optimisers["network"].param_groups:
            group["lr"] = plan.rate(training.epoch)
        _learn_epoch(training, plan, clips, callbacks, out, workers)
        training.save(checkpoint)  # its steps are done, its figures are not: stopped now, it is judged on resuming
        figures = callbacks.judge()
        if figures:
            _log(out, epoch=training.epoch, step=(training.epoch + 1) * plan.steps(len(clips)), **figures)
        if not figures.get("mAP", math.nan) <= training.best:
            training.best = figures.get("mAP", training.best)
            callbacks.publish(figures)
        training.epoch, training.step = training.epoch + 1, 0
        training.save(checkpoint)


def _learn_epoch(
    training: EpochTraining,
    plan: EpochPlan,
    clips: PoseTrackClips,
    callbacks: Callbacks,
    out: Path,
    workers: int,
) -> None:
    network = training.modules["network"]
    todo = plan.order(len(clips), training.epoch)[training.step :]
    steps = plan.steps(len(clips))
    clips.epoch = training.epoch
    batches = _batches(clips, todo, workers)
    noted = told = saved = time.perf_counter()
    recent: list[dict[str, float]] = []
    for passes in todo:
        if callbacks.should_stop():
            training.save(out / "checkpoint.pt")
            raise Cancelled("training stopped; go on with --resume")
        number = training.epoch * steps + training.step
        torch.manual_seed(plan.seed + number)
        network.train()
        recent.append(_gradients(training, passes, batches, callbacks.loss_of))
        training.descend(plan.largest_gradient)
        training.step += 1
        now = time.perf_counter()
        if now - told >= _PROGRESS_SECS or training.step == steps:
            callbacks.on_progress(number + 1, plan.epochs * steps, recent[-1]["loss"], len(recent) / (now - noted))
            told = now
        if len(recent) == plan.log_steps or training.step == steps:
            means = {name: sum(parts[name] for parts in recent) / len(recent) for name in recent[0]}
            per_second = len(recent) / (now - noted)
            rate = plan.rate(training.epoch)
            _log(out, epoch=training.epoch, step=number + 1, **means, learning_rate=rate, steps_per_second=per_second)
            noted, recent = now, []
        if now - saved >= plan.save_secs:
            training.save(out / "checkpoint.pt")
            saved = now


def _gradients(
    training: EpochTraining, passes: list[list[int]], batches: Iterator[Batch], loss_of: Callable[[Batch], Loss]
) -> dict[str, float]:
    """Leave the gradient of the mean over all passes in the parameters; the means of the loss's parts."""
    for optimiser in training.optimisers.values():
        optimiser.zero_grad()
    examples = sum(len(indices) for indices in passes)
    means: dict[str, float] = {}
    for indices in passes:
        share = len(indices) / examples
        loss = loss_of(next(batches))
        (loss.total * share).backward()
        for name, part in loss.parts.items():
            means[name] = means.get(name, 0.0) + share * part.item()
    return means


def _batches(clips: PoseTrackClips, steps: list[list[list[int]]], workers: int) -> Iterator[Batch]:
    loader: DataLoader[Any] = DataLoader(
        clips,
        batch_sampler=[indices for passes in steps for indices in passes],
        num_workers=workers,
        worker_init_fn=single_threaded,
        pin_memory=torch.cuda.is_available(),
    )
    return iter(loader)


def _log(out: Path, **entry: float) -> None:
    line = {name: value if isinstance(value, int) else round(value, 8) for name, value in entry.items()}
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")

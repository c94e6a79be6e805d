"""What every recipe shares: the state of a training, and the loop that spends its time budget.

The learning rate follows the time spent, not a step count, so that the same
command makes the best of a slow machine. Only learning counts, data included;
validation and saving do not.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic

import cv2
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from jmpose_core.errors import JMPoseError, WeightsError
from train.loop.checkpoint import read_checkpoint, save_checkpoint
from train.loop.moving_average import MovingAverage, NetworkT
from train.loop.schedule import Schedule

_MOST_OVERFLOWS: Final = 20  # batches


@dataclass(frozen=True, slots=True)
class Loss:
    """`total` carries the gradient; `parts`, scalars by name, are for the log."""

    total: Tensor
    parts: Mapping[str, Tensor]


@dataclass(slots=True)
class Training(Generic[NetworkT]):
    """A network that learns for some minutes, its moving average, optimiser and clock: what a checkpoint holds.

    A group of the optimiser may have a "share": its learning rate is that part of the schedule's.
    """

    network: NetworkT
    optimiser: torch.optim.Optimizer
    schedule: Schedule
    minutes: float
    largest_gradient: float
    average: MovingAverage[NetworkT] = field(init=False)
    step: int = 0
    elapsed_secs: float = 0.0
    overflows: int = 0

    def __post_init__(self) -> None:
        self.average = MovingAverage(self.network)

    @property
    def progress(self) -> float:
        """Part of the time budget that is spent; past 1 when a step ended after it, and 1 of a budget of nothing."""
        return self.elapsed_secs / (60 * self.minutes) if self.minutes > 0 else 1.0

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    def descend(self, loss: Tensor) -> None:
        """One step down the loss.

        A batch whose gradient overflows is left out.

        Raises:
            JMPoseError: too many batches did.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.progress) * group.get("share", 1.0)
        self.optimiser.zero_grad()
        loss.backward()
        if nn.utils.clip_grad_norm_(self.network.parameters(), self.largest_gradient).isfinite():
            self.optimiser.step()
        else:
            self.overflows += 1
        if self.overflows > _MOST_OVERFLOWS:
            raise JMPoseError(f"{self.overflows} batches gave no finite gradient: lower the recipe's PEAK_RATE")
        self.step += 1
        self.average.follow(self.network, self.step)

    def save(self, path: Path) -> None:
        """Write a checkpoint whole or not at all."""
        save_checkpoint(
            path,
            {
                "network": self.network.state_dict(),
                "average": self.average.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "elapsed_secs": self.elapsed_secs,
            },
        )

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; from one without an average, the average starts at the network.

        Raises:
            WeightsError: there is none, it is torn, or it is another network's.
        """
        state = read_checkpoint(path)
        try:
            self.network.load_state_dict(state["network"])
            self.average.network.load_state_dict(state.get("average", state["network"]))
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.elapsed_secs = state["step"], state["elapsed_secs"]
        except (KeyError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{path}: not this recipe's checkpoint ({error}); name another --out") from error


class Log:
    """JSON lines, to a file that grows over all resumed runs and to standard output."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, **entry: float) -> None:
        line = json.dumps({name: round(value, 6) for name, value in entry.items()}) + "\n"
        with self.path.open("a") as file:
            file.write(line)
        sys.stdout.write(line)
        sys.stdout.flush()


def learn(
    training: Training,
    batches: Iterator[Any],
    loss_of: Callable[[Any], Loss],
    validate: Callable[[], Mapping[str, float]],
    *,
    out: Path,
    until: float = 1.0,
    log_steps: int = 50,
    save_secs: float = 120.0,
) -> dict[str, float]:
    """Learn from batches until `until` of the time budget is spent, into `out`/log.jsonl and `out`/checkpoint.pt.

    What torch draws at a step depends on the number of the step alone, so that
    a resumed training draws what an unbroken one would.

    Args:
        loss_of: the network's loss on a batch.
        validate: figures of the moving average, logged beside each checkpoint.
        log_steps: steps between two lines of mean losses.
        save_secs: seconds of learning between two checkpoints; there is one at the end, too.

    Returns:
        The last figures; empty where the budget was spent before.
    """
    log = Log(out / "log.jsonl")
    noted = saved = training.elapsed_secs
    recent: list[Mapping[str, Tensor]] = []
    figures: dict[str, float] = {}
    while training.progress < until:
        started = time.perf_counter()
        torch.manual_seed(training.step)
        loss = loss_of(next(batches))
        training.descend(loss.total)
        recent.append({name: part.detach() for name, part in loss.parts.items()})
        training.elapsed_secs += time.perf_counter() - started
        if training.step % log_steps == 0:
            means = {name: float(torch.stack([parts[name] for parts in recent]).mean()) for name in recent[0]}
            rate = len(recent) / (training.elapsed_secs - noted)
            log.note(**_where(training), **means, learning_rate=_rate(training), steps_per_second=rate)
            noted = training.elapsed_secs
            recent.clear()
        if training.elapsed_secs - saved >= save_secs or training.progress >= until:
            training.save(out / "checkpoint.pt")
            saved = training.elapsed_secs
            figures = dict(validate())
            log.note(**_where(training), **figures)
    return figures


def items_from(dataset: Dataset[Any], *, first: int, batch: int | None = None) -> Iterator[Any]:
    """Items `first`, `first` + 1 and so on without end, made by a worker process: `batch` at a time, or one by one."""
    yield from DataLoader(
        dataset,
        batch_size=batch,
        sampler=_NumbersFrom(first),
        num_workers=1,
        prefetch_factor=6,
        worker_init_fn=_calm,
    )


def decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """What is trained in groups for the optimiser: decay on matrices and kernels, none on norms and biases."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
    ]


class _NumbersFrom(Sampler[int]):
    def __init__(self, first: int) -> None:
        self._first = first

    def __iter__(self) -> Iterator[int]:
        number = self._first
        while True:
            yield number
            number += 1


def _calm(_worker: int) -> None:
    cv2.setNumThreads(0)  # the other cores learn


def _where(training: Training) -> dict[str, float]:
    return {"step": training.step, "progress": training.progress, "elapsed_secs": training.elapsed_secs}


def _rate(training: Training) -> float:
    return float(training.optimiser.param_groups[-1]["lr"])

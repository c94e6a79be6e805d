"""The training loop: every recipe, fine-tuning and the comparison learn with it."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from jmpose_core.errors import Cancelled
from train.loop.clock import Clock
from train.loop.training import CHECKPOINT, Loss, Training

LOG: Final = "log.jsonl"


@dataclass(frozen=True, slots=True)
class Passes:
    """A step's batch in parts, where it is larger than memory: the gradients of all passes add up to the batch's.

    shares: of the batch, one for each pass; they add up to 1. batches: gives the passes one after another.
    """

    shares: Sequence[float]
    batches: Iterator[Any]


def learn(
    training: Training,
    batches: Iterator[Any],
    clock: Clock,
    *,
    loss_of: Callable[[Any], Loss],
    validate: Callable[[], Mapping[str, float]] = dict,
    out: Path | None = None,
    on_step: Callable[[Training, Mapping[str, Tensor]], None] = lambda training, parts: None,
    on_figures: Callable[[Mapping[str, float]], None] = lambda figures: None,
    should_stop: Callable[[], bool] = lambda: False,
    until: float = 1.0,
    log_steps: int = 50,
    save_secs: float = 600.0,
    echo: bool = True,
) -> dict[str, float]:
    """Learn from batches until the clock's progress is `until`, into `out`/log.jsonl and `out`/checkpoint.pt.

    What torch draws at a step depends on the seed and on the step's number alone. So a resumed training draws what
    an unbroken one would, as long as `batches` begins with the batch of `training.step`.

    Args:
        batches: one batch a step, or `Passes` of one.
        loss_of: the network's loss on a batch, or on one of its passes.
        validate: figures of what was learnt, asked for at the end of every round of the clock, and at the end.
        out: None writes neither log nor checkpoints.
        on_step: called after each step with the losses' parts.
        on_figures: called after each validation; what it changes in the training is in the checkpoint.
        should_stop: asked before each step.
        log_steps: steps between two lines of mean losses.
        save_secs: seconds of learning between two checkpoints within a round.
        echo: write the log to standard output, too.

    Returns:
        The last figures; empty where nothing was validated, as when there was nothing left to learn.

    Raises:
        Cancelled: should_stop returned true; what was learnt is in the checkpoint.
        JMPoseError: too many gradients overflowed, or a checkpoint cannot be written.
    """
    notes = _Notes(training, out, log_steps, echo)
    saved = training.elapsed_secs
    validated_at = training.step
    figures: dict[str, float] = {}
    while True:
        finished = clock.progress(training) >= until
        rounds = clock.rounds(training)
        if rounds > training.rounds or (finished and training.step > validated_at):
            notes.save()  # stopped while it is validated, it is validated on resuming
            figures = dict(validate())
            notes.figures(figures, clock)
            on_figures(figures)
            training.rounds, validated_at = rounds, training.step
            notes.save()
            saved = training.elapsed_secs
        if finished:
            return figures
        if should_stop():
            notes.save()
            raise Cancelled(f"training stopped after {training.step} steps; go on with --resume")
        parts = _step(training, batches, clock, loss_of)
        notes.step(parts, clock, last=clock.progress(training) >= until)
        on_step(training, parts)
        if training.elapsed_secs - saved >= save_secs:
            notes.save()
            saved = training.elapsed_secs


def _step(
    training: Training, batches: Iterator[Any], clock: Clock, loss_of: Callable[[Any], Loss]
) -> Mapping[str, Tensor]:
    started = time.perf_counter()
    torch.manual_seed(training.seed + training.step)
    batch = next(batches)
    passes = zip(batch.shares, batch.batches, strict=False) if isinstance(batch, Passes) else ((1.0, batch),)
    losses = ((share, loss_of(part)) for share, part in passes)
    parts = training.descend(losses, training.schedule.rate(clock.progress(training)))
    training.elapsed_secs += time.perf_counter() - started
    return parts


class _Notes:
    """What a training leaves in its folder while it runs."""

    def __init__(self, training: Training, out: Path | None, log_steps: int, echo: bool) -> None:
        self._training, self._out, self._log_steps, self._echo = training, out, log_steps, echo
        self._recent: list[Mapping[str, Tensor]] = []
        self._noted_secs = training.elapsed_secs

    def save(self) -> None:
        if self._out is not None:
            self._training.save(self._out / CHECKPOINT)

    def step(self, parts: Mapping[str, Tensor], clock: Clock, *, last: bool) -> None:
        training = self._training
        self._recent.append(parts)
        if training.step % self._log_steps and not last:
            return
        means = {name: float(torch.stack([entry[name] for entry in self._recent]).mean()) for name in parts}
        secs = training.elapsed_secs - self._noted_secs
        rate = float(training.optimiser.param_groups[-1]["lr"])
        speed = {"steps_per_second": len(self._recent) / secs} if secs > 0 else {}
        self._note(clock, **means, learning_rate=rate, **speed)
        self._noted_secs = training.elapsed_secs
        self._recent.clear()

    def figures(self, figures: Mapping[str, float], clock: Clock) -> None:
        if figures:
            self._note(clock, **figures)

    def _note(self, clock: Clock, **numbers: float) -> None:
        if self._out is None:
            return
        training = self._training
        where = {"step": training.step, "progress": clock.progress(training), "elapsed_secs": training.elapsed_secs}
        entry = {name: value if isinstance(value, int) else float(f"{value:.7g}") for name, value in where.items()}
        entry |= {name: float(f"{value:.7g}") for name, value in numbers.items()}
        line = json.dumps(entry) + "\n"
        with (self._out / LOG).open("a") as file:
            file.write(line)
        if self._echo:
            sys.stdout.write(line)
            sys.stdout.flush()

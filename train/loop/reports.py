"""Report the progress of a training to the program that started it."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from torch import Tensor

from jmpose_core.training_messages import Message, StepsDone, encode_line
from train.loop.training import Training

_REPORT_SECS: Final = 0.5


def report(message: Message) -> None:
    """One line on standard output."""
    sys.stdout.write(encode_line(message))
    sys.stdout.flush()


class StepReports:
    """Called after each step; reports the steps done at most twice a second, and after the last.

    Args:
        steps: of the whole training.
        on_progress: is called with the message.
    """

    def __init__(self, steps: int, on_progress: Callable[[StepsDone], None]) -> None:
        self._steps, self._on_progress = steps, on_progress
        self._told = self._started = time.monotonic()
        self._first: int | None = None

    def __call__(self, training: Training, parts: Mapping[str, Tensor]) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = training.step - 1
        if now - self._told < _REPORT_SECS and training.step < self._steps:
            return
        self._told = now
        per_second = (training.step - self._first) / max(now - self._started, 1e-9)
        self._on_progress(StepsDone(training.step, self._steps, float(parts["loss"]), per_second))

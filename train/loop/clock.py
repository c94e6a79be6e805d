"""How long a training lasts: a time budget, or epochs of a data set. The learning rate follows its progress."""

import math
from dataclasses import dataclass
from typing import Protocol


class Position(Protocol):
    """Where a training is: steps of the optimiser, and seconds of learning, resumed runs together."""

    step: int
    elapsed_secs: float


class Clock(Protocol):
    """Says how far a training is, and when it is time to validate."""

    def progress(self, at: Position) -> float:
        """0 at the start, 1 or more at the end."""
        ...

    def rounds(self, at: Position) -> int:
        """Rounds that are complete; each ends with a checkpoint and a validation, and so does the training."""
        ...


@dataclass(frozen=True, slots=True)
class TimeBudget:
    """Some minutes of learning, so that the same command makes the best of a slow machine.

    Only learning counts, the making of batches included; validation and saving do not.

    round_secs: seconds of learning between two validations.
    """

    minutes: float
    round_secs: float = 120.0

    def progress(self, at: Position) -> float:
        return at.elapsed_secs / (60 * self.minutes) if self.minutes > 0 else 1.0

    def rounds(self, at: Position) -> int:
        if self.progress(at) >= 1:
            return max(0, math.ceil(60 * self.minutes / self.round_secs))
        return int(at.elapsed_secs // self.round_secs)


@dataclass(frozen=True, slots=True)
class Epochs:
    """A number of epochs, each of a number of steps: the learning rate and the end do not depend on the machine."""

    count: int
    steps: int

    @property
    def total(self) -> int:
        """Steps of all epochs."""
        return self.count * self.steps

    def progress(self, at: Position) -> float:
        return at.step / self.total if self.total > 0 else 1.0

    def rounds(self, at: Position) -> int:
        return at.step // self.steps if self.steps > 0 else 0

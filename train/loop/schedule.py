"""The learning rate over a training's progress."""

import math
from dataclasses import dataclass
from typing import Protocol


class LearningRate(Protocol):
    """peak: the highest rate. rate: the one at `progress`, which is 0 at the start and 1 or more at the end."""

    @property
    def peak(self) -> float: ...

    def rate(self, progress: float) -> float: ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """A short rise to the peak, then half a cosine down to a share of it.

    rise: share of the training. floor: share of the peak.
    """

    peak: float = 2e-3
    rise: float = 0.04
    floor: float = 0.005

    def rate(self, progress: float) -> float:
        """Learning rate at `progress`; past 1 it stays at the floor."""
        if progress < self.rise:
            return self.peak * (0.02 + 0.98 * progress / self.rise)
        done = (progress - self.rise) / (1 - self.rise)
        return self.peak * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


@dataclass(frozen=True, slots=True)
class EpochDrops:
    """The peak rate, divided by ten at the beginning of some of the epochs, which count from 0."""

    peak: float
    drops: tuple[int, ...]
    epochs: int

    def rate(self, progress: float) -> float:
        """Learning rate at `progress`."""
        return self.peak * 0.1 ** sum(progress >= drop / self.epochs for drop in self.drops)

"""Learning rate over a time budget."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """Learning rate over the time budget: a short rise, then half a cosine down."""

    peak: float = 2e-3
    rise: float = 0.04
    floor: float = 0.005

    def rate(self, progress: float) -> float:
        """Learning rate at `progress` in 0..1."""
        if progress < self.rise:
            return self.peak * (0.02 + 0.98 * progress / self.rise)
        done = (progress - self.rise) / (1 - self.rise)
        return self.peak * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))

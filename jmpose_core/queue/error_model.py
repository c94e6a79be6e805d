"""The probability that a joint is wrong: logistic regression on `features`, fitted to held-out films."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from jmpose_core.errors import WeightsError
from jmpose_core.fill.track_frames import FloatArray, TrackFrames
from jmpose_core.queue.features import KINDS, NAMES, features
from jmpose_core.skeleton import JOINT_TITLES

_KIND_NAMES = tuple(JOINT_TITLES[joint].removeprefix("right ") for joint in KINDS)
TERMS = (*NAMES, *_KIND_NAMES)  # a weight each


@dataclass(frozen=True, slots=True, eq=False)
class ErrorModel:
    """Wrong is what lies further from the truth than half a head size."""

    weights: FloatArray  # (len(TERMS),)
    bias: float

    @classmethod
    def read(cls, path: Path) -> Self:
        """From the JSON that `python -m train.recipes.queue` writes.

        Raises:
            WeightsError: it is missing, broken, or of other terms.
        """
        try:
            found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
            return cls(np.array([found["weights"][term] for term in TERMS], np.float64), float(found["bias"]))
        except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{path}: cannot be read ({error!r}); install the program again") from error

    def probability(self, track: TrackFrames, shown: FloatArray) -> FloatArray:
        """(N, 15) 0..1 that each joint at `shown` (N, 15, 2) is wrong; 0 of those that are labelled."""
        odds = features(track, shown) @ self.weights + self.bias
        return np.where(track.labelled | track.absent, 0, 1 / (1 + np.exp(-odds)))

"""How far a request is over all its stages: one bar, one rate, one time left.

Stages take turns (a stretch of video is searched, confirmed and estimated before the
next), and a frame costs each of them a different time. So progress is counted in time:
what was spent, beside what is still expected.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from jmpose_core.engine.protocol import Progress

OnProgress = Callable[[Progress], None]
Tell = Callable[[int, int], None]

_TRUSTED_AFTER_SECS: Final = 2.0  # of a stage's own time: until then its expected cost weighs in


@dataclass(slots=True)
class _Stage:
    expected_secs: float  # of a frame, before anything is measured
    frames_done: float = 0.0
    spent_secs: float = 0.0

    def secs_left(self, total: int) -> float:
        """Time for the frames that are left, at the cost measured so far."""
        weight = min(1.0, self.spent_secs / _TRUSTED_AFTER_SECS)
        measured = self.spent_secs / self.frames_done if self.frames_done else self.expected_secs
        return max(0.0, total - self.frames_done) * (weight * measured + (1 - weight) * self.expected_secs)


class RunProgress:
    """Counts the frames of each stage, and reports the whole.

    Args:
        expected_secs: stages by name, with the seconds that a frame is expected to cost.
        total: frames of the request; every stage goes over all of them.
        on_progress: called with Progress, whose `done` counts frames of the whole request and never falls.
    """

    def __init__(self, expected_secs: Mapping[str, float], total: int, on_progress: OnProgress) -> None:
        self._stages = {name: _Stage(secs) for name, secs in expected_secs.items()}
        self._total, self._on_progress = total, on_progress
        self._started = self._last = time.perf_counter()
        self._fraction = 0.0

    def part(self, name: str, frames: int) -> Tell:
        """Begin a part of `frames` frames of a stage; the result takes (done, total) of the part, in any unit."""
        stage = self._stages[name]
        before = stage.frames_done
        self._last = time.perf_counter()

        def tell(done: int, total: int) -> None:
            now = time.perf_counter()
            stage.spent_secs += now - self._last
            self._last = now
            stage.frames_done = before + frames * done / max(total, 1)
            self._report(name)

        return tell

    def _report(self, name: str) -> None:
        spent = sum(stage.spent_secs for stage in self._stages.values())
        left = sum(stage.secs_left(self._total) for stage in self._stages.values())
        finished = all(stage.frames_done >= self._total for stage in self._stages.values())
        self._fraction = 1.0 if finished else max(self._fraction, min(spent / max(spent + left, 1e-9), 0.999))
        done = self._total if finished else int(self._fraction * self._total)
        rate = self._fraction * self._total / max(time.perf_counter() - self._started, 1e-6)
        self._on_progress(Progress(done=done, total=self._total, per_second=rate, stage=name, seconds_left=left))

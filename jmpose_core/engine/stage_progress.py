"""How far one stage of a request is, in frames of the whole range, also where stages take turns."""

import time
from collections.abc import Callable

from jmpose_core.engine.protocol import Progress

OnProgress = Callable[[Progress], None]
Tell = Callable[[int, int], None]


class StageProgress:
    """Counts a stage's frames, part by part, and measures its rate.

    The rate counts the time from the stage's first part on, other stages' turns
    included: at this rate the whole range will be done.
    """

    def __init__(self, stage: str, total: int, on_progress: OnProgress) -> None:
        self._stage, self._total, self._on_progress = stage, total, on_progress
        self._started: float | None = None
        self._before = 0  # frames of earlier parts

    def part(self, frames: int) -> Tell:
        """Begin a part of so many frames; it is told as (done, total) in whatever it counts."""
        before, self._before = self._before, self._before + frames
        started = self._started = self._started or time.perf_counter()

        def tell(done: int, total: int) -> None:
            frames_done = before + frames * done // total
            rate = frames_done / max(1e-6, time.perf_counter() - started)
            self._on_progress(Progress(done=frames_done, total=self._total, per_second=rate, stage=self._stage))

        return tell

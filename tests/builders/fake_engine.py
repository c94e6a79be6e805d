"""The real server on work without a network, for tests of the transport.

Run as `python -m tests.builders.fake_engine FOLDER`.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import Predict, Preview, Probe, Progress, Ready
from jmpose_core.engine.server import serve
from jmpose_core.errors import VideoError
from tests.builders.served_work import Running, ServedWork, evidence_of


class FakeWork(ServedWork):
    """Takes its orders from the video's path."""

    weights = ("none",)
    saw_damage = False

    def ready(self) -> Ready:
        print("a library greets on standard output")  # noqa: T201
        os.write(1, b"and so does its C code")
        return super().ready()

    def people(self, request: Predict, running: Running) -> Iterator[Annotation]:
        if request.video_path == "missing":
            raise VideoError("missing: no such file")
        if request.video_path == "defect":
            raise ZeroDivisionError("a defect")
        self.saw_damage = request.video_path == "damaged"
        if request.video_path == "die":
            os.kill(os.getpid(), 9)
        for frame in range(request.first, request.last):
            if running.should_stop():
                return
            running.on_progress(Progress(done=frame, total=request.last, per_second=1.0, stage="counting"))
            person = Annotation(frame, 7, (0.0, 0.0, 1.0, frame + 1.0))
            if running.on_evidence is not None:
                running.on_evidence(person, evidence_of(person))
            yield person
            if request.video_path == "slow":
                time.sleep(0.01)
            if request.video_path == "look" and running.visible_frame() != request.visible_frame:
                running.on_preview(Preview(frame_index=running.visible_frame(), annotations=[]))
                return
            if request.video_path == "look":
                time.sleep(0.01)

    def damage_report(self) -> str:
        return "clip.mp4: one frame is damaged and left out: 3." if self.saw_damage else ""

    def heatmaps(self, request: Probe) -> np.ndarray:
        return np.full((15, 64, 48), request.frame_index + 1, np.float32)


if __name__ == "__main__":
    serve(FakeWork, Path(sys.argv[1]))

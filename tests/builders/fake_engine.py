"""The real server on work without a network, for tests of the transport.

Run as `python -m tests.builders.fake_engine FOLDER`.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import Predict, Preview, Probe, ProbeResult, Progress, Ready
from jmpose_core.engine.server import serve
from jmpose_core.errors import VideoError


class FakeWork:
    """Takes its orders from the video's path."""

    saw_damage = False

    def ready(self) -> Ready:
        print("a library greets on standard output")  # noqa: T201
        os.write(1, b"and so does its C code")
        return Ready(device="cpu", weights=["none"])

    def predict(
        self,
        request: Predict,
        *,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
        visible_frame: Callable[[], int],
        on_preview: Callable[[Preview], None],
    ) -> Iterator[Annotation]:
        if request.video_path == "missing":
            raise VideoError("missing: no such file")
        if request.video_path == "defect":
            raise ZeroDivisionError("a defect")
        self.saw_damage = request.video_path == "damaged"
        if request.video_path == "die":
            os.kill(os.getpid(), 9)
        for frame in range(request.first, request.last):
            if should_stop():
                return
            on_progress(Progress(done=frame, total=request.last, per_second=1.0, stage="counting"))
            yield Annotation(frame, 7, (0.0, 0.0, 1.0, frame + 1.0))
            if request.video_path == "slow":
                time.sleep(0.01)
            if request.video_path == "look" and visible_frame() != request.visible_frame:
                on_preview(Preview(frame_index=visible_frame(), annotations=[]))
                return
            if request.video_path == "look":
                time.sleep(0.01)

    def damage_report(self) -> str:
        return "clip.mp4: one frame is damaged and left out: 3." if self.saw_damage else ""

    def probe(self, request: Probe) -> ProbeResult:
        maps = np.full((15, 64, 48), request.frame_index, np.float32)
        crop = np.zeros((256, 192, 3), np.uint8)
        return ProbeResult(crop_rgb=crop, initial=maps, flow=maps[:2], refined=maps + 1, crop_from_image=np.eye(3)[:2])


if __name__ == "__main__":
    serve(FakeWork, Path(sys.argv[1]))

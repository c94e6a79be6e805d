"""An engine without a model: the real process, protocol and server, and people that stand and wait.

Run as `python -m tests.builders.stand_in_engine FOLDER`. One figure stands in each third of the picture.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.session.edits import UPRIGHT
from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import Predict, Probe, Progress
from jmpose_core.engine.server import serve
from jmpose_core.errors import Cancelled
from jmpose_core.skeleton import NUM_JOINTS
from tests.builders.people import annotated
from tests.builders.served_work import Running, ServedWork, evidence_of

FRAME_SECS = float(os.environ.get("STAND_IN_FRAME_SECS", "0"))
PID_FILE = os.environ.get("STAND_IN_PID_FILE", "")  # so that a test can kill this process
BOX = (300.0, 200.0, 440.0, 560.0)
SPACING = 320.0


def figure(frame_index: int, track_id: int) -> Annotation:
    """A person that walks one pixel a frame; its right wrist is unsure."""
    shift = (track_id - 1) * SPACING + frame_index
    left, top, right, bottom = BOX[0] + shift, BOX[1], BOX[2] + shift, BOX[3]
    return annotated(
        frame_index,
        track_id,
        (left, top, right, bottom),
        keypoints=np.array([left, top]) + UPRIGHT * np.array([right - left, bottom - top]),
        confidence=[0.2 if joint == 6 else 0.9 for joint in range(NUM_JOINTS)],
        score=0.8,
    )


class Work(ServedWork):
    """Two people, or those of the drawn or given boxes, in every frame."""

    weights = ("flowless", "stand-in")

    def people(self, request: Predict, running: Running) -> Iterator[Annotation]:
        total = request.last - request.first
        tracks = [seed.track_id for seed in request.seeds] or list(request.boxes or (1, 2))
        for done, frame_index in enumerate(range(request.first, request.last), 1):
            if running.should_stop():
                raise Cancelled("asked to")
            time.sleep(FRAME_SECS)
            for person in (figure(frame_index, track_id) for track_id in tracks):
                if running.on_evidence is not None:
                    running.on_evidence(person, evidence_of(person))
                yield person
            running.on_progress(Progress(done=done, total=total, per_second=10.0, stage="estimating"))

    def heatmaps(self, request: Probe) -> np.ndarray:
        maps = np.zeros((NUM_JOINTS, 64, 48), np.float32)
        maps[:, 20, 10] = 1.0
        return maps

    def flow(self, request: Probe) -> np.ndarray | None:
        return None if request.weights == "flowless" else super().flow(request)


if __name__ == "__main__":
    if PID_FILE:
        Path(PID_FILE).write_text(str(os.getpid()))
    serve(Work, Path(sys.argv[1]))

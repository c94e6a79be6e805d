"""A session without networks: a standing figure in every box it is given, or in one fixed box a frame."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import Predict, Probe, ProbeResult, Progress
from jmpose_core.errors import Cancelled, DamagedFrameError
from jmpose_core.fill.evidence import OnEvidence
from jmpose_core.video import Video, open_video
from tests.builders.people import annotated
from tests.builders.served_work import evidence_of

BOX = (4.0, 2.0, 28.0, 46.0)


class StandInSession:
    """Takes the place of `engine.session.Session`; `stop_after` people it behaves as after Ctrl-C."""

    stop_after: int | None = None

    def __init__(self, device: str = "auto") -> None:
        self.device = device

    def predict(
        self,
        request: Predict,
        *,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
        video: Video | None = None,
        on_evidence: OnEvidence | None = None,
    ) -> Iterator[Annotation]:
        video = video or open_video(Path(request.video_path))
        assert request.last == video.frame_count
        boxes = request.boxes if request.boxes is not None else {0: dict.fromkeys(range(request.last), BOX)}
        people = sorted((frame, track) for track, frames in boxes.items() for frame in frames)
        for done, (frame, track) in enumerate(people):
            if done == self.stop_after or should_stop():
                raise Cancelled("stopped")
            try:
                video.frame(frame)
            except DamagedFrameError:  # as the real one
                continue
            on_progress(Progress(done=done + 1, total=len(people), per_second=1.0, stage="estimating poses"))
            person = annotated(frame, track, boxes[track][frame])
            if on_evidence is not None:
                on_evidence(person, evidence_of(person))
            yield person

    def probe(self, request: Probe) -> ProbeResult:
        maps = np.zeros((15, 16, 12), np.float32)
        return ProbeResult(
            crop_rgb=np.zeros((64, 48, 3), np.uint8),
            initial=maps,
            flow=np.zeros((2, 64, 48), np.float32),
            refined=maps,
            crop_from_image=np.eye(3)[:2],
        )

    def close(self) -> None:
        pass

"""The engine as the window sees it: requests in, signals out, and a new engine where one has died."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from jmpose_core.annotations import Annotation
from jmpose_core.engine.client import EngineClient
from jmpose_core.engine.protocol import (
    Done,
    Failed,
    People,
    Predict,
    Probe,
    ProbeResult,
    Progress,
    Ready,
    Reply,
    Seed,
    Stopped,
)
from jmpose_core.errors import EngineError

APPLY_MS = 300  # finished people reach the project at most this often
DEATHS_PER_RUN = 2  # an engine that dies more often than this on one run would die of it again
CURE = "`jmpose doctor` says what is missing; annotating by hand works meanwhile."


class EngineState(Enum):
    """What the engine does, for the status bar."""

    OFF = "engine off"
    STARTING = "engine starting"
    READY = "engine ready"
    BUSY = "engine busy"


@dataclass(slots=True)
class Run:
    """One prediction that the user asked for."""

    video_id: int
    request: Predict
    request_id: int
    deaths: int = 0


class InferenceJob(QObject):
    """At most one prediction and one probe at a time. Nothing here waits for the engine."""

    state_changed = Signal()
    progressed = Signal(object)  # Progress
    people_found = Signal(int, object)  # video_id, list[Annotation]
    run_ended = Signal(str)  # what came of it
    probed = Signal(object)  # ProbeResult
    engine_lost = Signal(str, str)  # what to tell the user, details
    failed = Signal(str)
    _replied = Signal(object)  # from the reading thread into this one

    def __init__(self, client: EngineClient | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client or EngineClient(self._replied.emit)
        self._client.on_reply = self._replied.emit
        self._state = EngineState.OFF
        self._device = ""
        self.systems: tuple[str, ...] = ()  # pose networks that are installed, once the engine has started
        self._run: Run | None = None
        self._probe_id: int | None = None
        self._finished: list[Annotation] = []
        self._applying = QTimer(self)
        self._applying.setSingleShot(True)
        self._applying.setInterval(APPLY_MS)
        self._applying.timeout.connect(self._hand_over)
        self._replied.connect(self._on_reply)

    @property
    def state(self) -> EngineState:
        return self._state

    @property
    def device(self) -> str:
        """Where the engine computes: "cpu" or a GPU's name; empty until it is ready."""
        return self._device

    @property
    def running(self) -> bool:
        return self._run is not None

    def start(self) -> None:
        """Start the engine, so that it is warm when it is needed."""
        if self._client.alive:
            return
        try:
            self._client.start()
        except EngineError as error:
            self.failed.emit(str(error))
            return
        self._set_state(EngineState.STARTING)

    def stop(self) -> None:
        """End the engine; what it has finished is handed over first."""
        self._hand_over()
        self._run = self._probe_id = None
        self._client.stop()
        self._set_state(EngineState.OFF)

    def predict(
        self,
        video_id: int,
        path: Path,
        frames: tuple[int, int],
        *,
        visible_frame: int,
        weights: str,
        seeds: Sequence[Seed] = (),
    ) -> None:
        """Predict everybody in frames first..last, `last` excluded; what is seen now comes first."""
        first, last = frames
        request = Predict(
            video_path=str(path),
            first=first,
            last=last,
            visible_frame=visible_frame,
            weights=weights,
            seeds=list(seeds),
        )
        self.start()
        if (request_id := self._send(request)) is not None:
            self._run = Run(video_id, request, request_id)
            self._set_state(EngineState.BUSY)

    def cancel(self) -> None:
        """End the prediction early; what is finished stays."""
        if self._run is not None:
            self._client.cancel(self._run.request_id)

    def abandon(self) -> None:
        """Cancel, keep what has come, and take no notice of what still comes."""
        self.cancel()
        self._hand_over()
        self._run = self._probe_id = None
        self._set_state(EngineState.READY if self._client.alive else EngineState.OFF)

    def probe(self, path: Path, person: Annotation, weights: str) -> None:
        """Ask for the heatmaps and the flow of one person; a newer question replaces an older one."""
        if self._state in (EngineState.OFF, EngineState.STARTING):
            return
        request = Probe(
            video_path=str(path), frame_index=person.frame_index, bbox_xyxy=person.bbox_xyxy, weights=weights
        )
        self._probe_id = self._send(request)

    def _send(self, request: Predict | Probe) -> int | None:
        try:
            return self._client.send(request)
        except EngineError as error:
            self.failed.emit(str(error))
            return None

    # Replies, in the window's thread

    def _on_reply(self, reply: Reply) -> None:
        if isinstance(reply, Ready):
            self._device = reply.device
            self.systems = tuple(reply.weights)
            self._set_state(EngineState.BUSY if self._run else EngineState.READY)
        elif isinstance(reply, Stopped):
            self._on_stopped(reply)
        elif isinstance(reply, ProbeResult):
            if reply.request_id == self._probe_id:
                self.probed.emit(reply)
        elif self._run is not None and reply.request_id == self._run.request_id:
            self._on_run_reply(reply)
        elif isinstance(reply, Failed) and self._state is not EngineState.STARTING:  # else Stopped follows, and tells
            self.failed.emit(reply.message)

    def _on_run_reply(self, reply: Progress | People | Done | Failed) -> None:
        if isinstance(reply, Progress):
            self.progressed.emit(reply)
        elif isinstance(reply, People):
            self._finished += reply.annotations
            if not self._applying.isActive():
                self._applying.start()
        elif isinstance(reply, Done):
            self._end_run("Prediction cancelled; what was finished is kept." if reply.cancelled else "Prediction done.")
        else:
            self._end_run("")
            self.failed.emit(reply.message)

    def _on_stopped(self, reply: Stopped) -> None:
        if reply.asked:
            return
        self._hand_over()
        self._probe_id = None
        started = self._state is not EngineState.STARTING
        self._set_state(EngineState.OFF)
        run = self._run
        if not started:
            self._end_run("")
            self.engine_lost.emit("The engine cannot start, so nothing can be predicted. " + CURE, reply.message)
            return
        if run is not None and run.deaths >= DEATHS_PER_RUN:
            self._end_run("")
            text = (
                f"The engine ended {run.deaths + 1} times during this prediction, which was given up. Nothing is lost."
            )
            self.engine_lost.emit(text, reply.message)
            return
        self.start()
        goes_on = " and the prediction goes on" if run is not None else ""
        self.engine_lost.emit(f"The engine ended; it was restarted{goes_on}. Nothing is lost.", reply.message)
        if run is not None and (request_id := self._send(run.request)) is not None:
            run.request_id, run.deaths = request_id, run.deaths + 1
            self._set_state(EngineState.BUSY)

    def _hand_over(self) -> None:
        """Give finished people to the project, as many at once as have gathered."""
        self._applying.stop()
        if self._run is not None and self._finished:
            people, self._finished = self._finished, []
            self.people_found.emit(self._run.video_id, people)

    def _end_run(self, text: str) -> None:
        self._hand_over()
        self._run = None
        self._set_state(EngineState.READY if self._client.alive else EngineState.OFF)
        self.run_ended.emit(text)

    def _set_state(self, state: EngineState) -> None:
        if state is not self._state:
            self._state = state
            self.state_changed.emit()

"""The engine as the window sees it: requests in, signals out, and a new engine where one has died."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from jmpose_core.annotations import Annotation
from jmpose_core.engine.client import EngineClient
from jmpose_core.engine.protocol import (
    Done,
    Failed,
    Kept,
    People,
    Predict,
    Preview,
    Probe,
    ProbeResult,
    Progress,
    Ready,
    Reply,
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
class _Sent:
    """The prediction that the engine works on."""

    request: Predict
    request_id: int
    deaths: int = 0  # of the engine, since it was asked for
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a prediction ended: with all it asked for, where neither is set."""

    cancelled: bool = False
    failed: bool = False


class InferenceJob(QObject):
    """At most one prediction and one probe at a time. Nothing here waits for the engine."""

    state_changed = Signal()
    progressed = Signal(object)  # Progress
    previewed = Signal(object)  # Preview
    evidence_found = Signal(object)  # list[KeptEvidence], of people who are found next
    people_found = Signal(object)  # list[Annotation]
    run_ended = Signal(object)  # RunEnd
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
        self._run: _Sent | None = None
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
        self._probe_id = None
        self._end_run(RunEnd(cancelled=True))
        self._client.stop()
        self._set_state(EngineState.OFF)

    def predict(self, request: Predict) -> bool:
        """Ask for a prediction; whether it could be asked for."""
        self.start()
        if (request_id := self._send(request)) is None:
            return False
        self._run = _Sent(request, request_id)
        self._set_state(EngineState.BUSY)
        return True

    def cancel(self) -> None:
        """End the prediction early; what is finished stays."""
        if self._run is not None:
            self._run.cancelled = True
            self._client.cancel(self._run.request_id)

    def look(self, visible_frame: int) -> None:
        """The user looks at another frame: its people come next."""
        if self._run is not None:
            self._run.request = msgspec.structs.replace(self._run.request, visible_frame=visible_frame)
            self._client.look(self._run.request_id, visible_frame)

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

    def _on_run_reply(self, reply: Progress | Preview | Kept | People | Done | Failed) -> None:
        if isinstance(reply, Progress):
            self.progressed.emit(reply)
        elif isinstance(reply, Preview):
            self.previewed.emit(reply)
        elif isinstance(reply, Kept):
            self.evidence_found.emit(reply.evidence)
        elif isinstance(reply, People):
            self._finished += reply.annotations
            if not self._applying.isActive():
                self._applying.start()
        elif isinstance(reply, Done):
            self._end_run(RunEnd(cancelled=reply.cancelled))
            if reply.damage:
                self.failed.emit(reply.damage)
        else:
            self._end_run(RunEnd(failed=True))
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
            self._end_run(RunEnd(failed=True))
            self.engine_lost.emit("The engine cannot start, so nothing can be predicted. " + CURE, reply.message)
        elif run is not None and run.deaths >= DEATHS_PER_RUN:
            self._end_run(RunEnd(failed=True))
            text = (
                f"The engine ended {run.deaths + 1} times during this prediction, which was given up. Nothing is lost."
            )
            self.engine_lost.emit(text, reply.message)
        else:
            self.start()
            goes_on = run is not None and self._ask_again(run)
            end = " and the prediction goes on" if goes_on else ""
            self.engine_lost.emit(f"The engine ended; it was restarted{end}. Nothing is lost.", reply.message)

    def _ask_again(self, run: _Sent) -> bool:
        """Give the prediction to the new engine, unless the user had cancelled it."""
        request_id = None if run.cancelled else self._send(run.request)
        if request_id is None:
            self._end_run(RunEnd(cancelled=run.cancelled, failed=not run.cancelled))
            return False
        run.request_id, run.deaths = request_id, run.deaths + 1
        self._set_state(EngineState.BUSY)
        return True

    def _hand_over(self) -> None:
        """Give finished people to the project, as many at once as have gathered."""
        self._applying.stop()
        if self._run is not None and self._finished:
            people, self._finished = self._finished, []
            self.people_found.emit(people)

    def _end_run(self, end: RunEnd) -> None:
        self._hand_over()
        if self._run is not None:
            self._run = None
            self._set_state(EngineState.READY if self._client.alive else EngineState.OFF)
            self.run_ended.emit(end)

    def _set_state(self, state: EngineState) -> None:
        if state is not self._state:
            self._state = state
            self.state_changed.emit()

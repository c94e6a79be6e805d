"""The engine's process: reads requests, computes in a second thread, writes replies.

The reading thread never computes, so that Cancel works at once and so that the
process ends with the window: when the requests' stream closes, nothing is left
to work for.
"""

import os
import shutil
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import msgspec

from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import (
    Cancel,
    Done,
    Failed,
    Kept,
    Look,
    People,
    Predict,
    Preview,
    Probe,
    ProbeResult,
    Progress,
    Ready,
    Reply,
    Shutdown,
    decode_request,
    encode,
    read_message,
    write_message,
)
from jmpose_core.errors import Cancelled, JMPoseError
from jmpose_core.fill.evidence import Evidence, OnEvidence
from jmpose_core.project.evidence_store import KeptEvidence

FLUSH_SECS: Final = 0.1  # people and progress are sent at most this often
GRACE_SECS: Final = 0.5  # for the computing thread, when the window is gone
NICENESS: Final = 5  # the window goes first


class Work(Protocol):
    """What the server computes with: `engine.session.Session`, or a test's stand-in."""

    def ready(self) -> Ready: ...

    def predict(
        self,
        request: Predict,
        *,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
        visible_frame: Callable[[], int],
        on_preview: Callable[[Preview], None],
        on_evidence: OnEvidence | None,
    ) -> Iterator[Annotation]: ...

    def damage_report(self) -> str: ...

    def probe(self, request: Probe) -> ProbeResult: ...


def serve(open_work: Callable[[], Work], folder: Path) -> None:
    """Serve the process that started this one until it closes the stream, then end this process.

    Args:
        open_work: called in the computing thread: imports torch, which takes seconds.
        folder: for large arrays; removed at the end.
    """
    requests, replies = _claim_streams()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    _Server(open_work, replies, folder).run(requests)
    shutil.rmtree(folder, ignore_errors=True)
    sys.stderr.flush()
    os._exit(0)  # the computing thread may be deep inside torch: do not wait for it


def _claim_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for messages alone: what libraries print goes to standard error."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, replies


class _Server:
    def __init__(self, open_work: Callable[[], Work], replies: BinaryIO, folder: Path) -> None:
        self._open_work = open_work
        self._replies = replies
        self._folder = folder
        self._sending = threading.Lock()
        self._changed = threading.Condition()  # guards the five below
        self._waiting: deque[Predict] = deque()
        self._probe: Probe | None = None
        self._cancelled: set[int] = set()
        self._looked_at: dict[int, int] = {}  # visible frame by the number of the prediction
        self._closing = False

    def run(self, requests: BinaryIO) -> None:
        worker = threading.Thread(target=self._work, name="engine-work", daemon=True)
        worker.start()
        try:
            while (payload := read_message(requests)) is not None:
                request = decode_request(payload)
                if isinstance(request, Shutdown):
                    break
                self._accept(request)
        finally:
            with self._changed:
                self._closing = True
                self._changed.notify()
            worker.join(GRACE_SECS)

    # the reading thread

    def _accept(self, request: Predict | Probe | Look | Cancel) -> None:
        outdated = None
        with self._changed:
            if isinstance(request, Cancel):
                self._cancelled.add(request.request_id)
            elif isinstance(request, Look):
                self._looked_at[request.request_id] = request.visible_frame
            elif isinstance(request, Predict):
                self._waiting.append(request)
            else:
                outdated, self._probe = self._probe, request
            self._changed.notify()
        if outdated is not None:
            self._send(Done(cancelled=True), outdated.request_id)

    # the computing thread

    def _work(self) -> None:
        try:
            work = self._open_work()
            self._send(work.ready())
        except Exception as error:
            traceback.print_exc()
            self._send(Failed(message=f"The engine cannot start: {error}"))
            os._exit(1)
        while (request := self._next()) is not None:
            self._serve(work, request)

    def _next(self) -> Predict | Probe | None:
        """The next request, probes first; None when the window is gone."""
        with self._changed:
            self._changed.wait_for(lambda: self._probe or self._waiting or self._closing)
            if self._closing:
                return None
            return self._take_probe() or self._waiting.popleft()

    def _take_probe(self) -> Probe | None:
        probe, self._probe = self._probe, None
        return probe

    def _serve(self, work: Work, request: Predict | Probe) -> None:
        """Carry out one request; any error is logged and sent back, and the engine goes on."""
        request_id = request.request_id
        try:
            if self._is_cancelled(request_id):
                raise Cancelled("cancelled before it began")
            if isinstance(request, Probe):
                self._send(work.probe(request), request_id)
                reply: Reply = Done(cancelled=self._is_cancelled(request_id))
            else:
                self._predict(work, request)
                reply = Done(cancelled=self._is_cancelled(request_id), damage=work.damage_report())
        except Cancelled:
            reply = Done(cancelled=True)
        except JMPoseError as error:
            reply = Failed(message=str(error))
        except Exception as error:
            traceback.print_exc()
            reply = Failed(message=f"The engine failed on this: {type(error).__name__}: {error}")
        self._send(reply, request_id)
        with self._changed:
            self._cancelled.discard(request_id)
            self._looked_at.pop(request_id, None)

    def _predict(self, work: Work, request: Predict) -> None:
        outbox = _Outbox(lambda reply: self._send(reply, request.request_id))

        def on_progress(progress: Progress) -> None:
            outbox.tell(progress)
            self._answer_probe(work)

        def should_stop() -> bool:
            return self._is_cancelled(request.request_id)

        def visible_frame() -> int:
            return self._looked_at.get(request.request_id, request.visible_frame)

        try:
            for annotation in work.predict(
                request,
                on_progress=on_progress,
                should_stop=should_stop,
                visible_frame=visible_frame,
                on_preview=outbox.preview,
                on_evidence=outbox.keep if request.evidence else None,
            ):
                outbox.add(annotation)
        finally:  # what is done is kept, also where the request is cancelled or fails
            outbox.flush()

    def _answer_probe(self, work: Work) -> None:
        """Let the annotator look at a person while a prediction runs."""
        with self._changed:
            probe = self._take_probe()
        if probe is not None:
            self._serve(work, probe)

    def _is_cancelled(self, request_id: int) -> bool:
        return self._closing or request_id in self._cancelled

    # either thread

    def _send(self, reply: Reply, request_id: int | None = None) -> None:
        if request_id is not None:
            reply = msgspec.structs.replace(reply, request_id=request_id)
        with self._sending:
            write_message(self._replies, encode(reply, self._folder))


class _Outbox:
    """Gathers one prediction's people, so that a reply goes out at most every FLUSH_SECS."""

    def __init__(self, send: Callable[[Reply], None]) -> None:
        self._send = send
        self._people: list[Annotation] = []
        self._evidence: list[KeptEvidence] = []
        self._people_sent = self._progress_sent = 0.0

    def add(self, annotation: Annotation) -> None:
        self._people.append(annotation)
        self._flush_in_time()

    def keep(self, person: Annotation, evidence: Evidence) -> None:
        """Sent before the person itself."""
        self._evidence.append(KeptEvidence.of(person, evidence))

    def preview(self, preview: Preview) -> None:
        """Sent at once; the people before it first, so that they are not taken back."""
        self.flush()
        self._send(preview)

    def tell(self, progress: Progress) -> None:
        self._flush_in_time()
        now = time.monotonic()
        if now - self._progress_sent >= FLUSH_SECS or progress.done == progress.total:
            self._send(progress)
            self._progress_sent = now

    def flush(self) -> None:
        if self._evidence:
            self._send(Kept(evidence=self._evidence))
            self._evidence = []
        if self._people:
            self._send(People(annotations=self._people))
            self._people = []
        self._people_sent = time.monotonic()

    def _flush_in_time(self) -> None:
        if time.monotonic() - self._people_sent >= FLUSH_SECS:
            self.flush()

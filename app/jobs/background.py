"""One thread for work that would hold up the window: each task's result comes back into the window's thread."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias, TypeVar

from PySide6.QtCore import QObject, Signal

from jmpose_core.errors import JMPoseError

T = TypeVar("T")
Task: TypeAlias = Callable[[], Callable[[], None] | None]  # gives what to call in the window's thread, if anything


class Background(QObject):
    """Runs tasks one after another. Errors of this program go to `on_error`; any other is raised in the window."""

    _finished = Signal(object)  # what to call in the window's thread

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._undelivered = 0
        self._closed = False
        self._finished.connect(self._deliver)

    def run(self, task: Callable[[], T], on_done: Callable[[T], None], on_error: Callable[[str], None]) -> None:
        """Queue `task`; it must not touch any widget. `on_done` gets what it returns."""

        def attempt() -> Callable[[], None]:
            try:
                result = task()
            except JMPoseError as error:
                text = str(error)
                return lambda: on_error(text)
            except Exception as error:  # a defect: raised again where the exception hook shows it
                return _raising(error)
            return lambda: on_done(result)

        self._undelivered += 1
        self._put(attempt)

    def call(self, task: Callable[[], T]) -> T:
        """Run `task` after all that waits, and wait for it; what it raises is raised here."""
        future: Future[T] = Future()

        def fulfil() -> None:
            try:
                future.set_result(task())
            except BaseException as error:  # of any kind: the caller waits for it
                future.set_exception(error)

        self._put(fulfil)
        return future.result()

    @property
    def busy(self) -> bool:
        """Whether the result of a `run` is still to come."""
        return self._undelivered > 0

    def close(self) -> None:
        """Finish what was asked for; what comes of it is no longer told."""
        self._closed = True
        if self._thread is None:
            return
        self._tasks.put(None)
        self._thread.join()
        self._thread = None

    def _put(self, task: Task) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="background", daemon=True)
            self._thread.start()
        self._tasks.put(task)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            if (deliver := task()) is not None:
                self._finished.emit(deliver)

    def _deliver(self, call: Callable[[], None]) -> None:
        self._undelivered -= 1
        if not self._closed:
            call()


def _raising(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call

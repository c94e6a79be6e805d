"""One thread for work that would hold up the window: each task's result comes back into the window's thread."""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from jmpose_core.errors import JMPoseError

T = TypeVar("T")


class Background(QObject):
    """Runs tasks one after another. Errors of this program go to `on_error`; any other is raised in the window."""

    _finished = Signal(object)  # what to call in the window's thread

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks: queue.SimpleQueue[Callable[[], Callable[[], None]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
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

        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="background", daemon=True)
            self._thread.start()
        self._tasks.put(attempt)

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        if self._thread is None:
            return
        while not self._tasks.empty():
            self._tasks.get()
        self._tasks.put(None)
        self._thread.join()
        self._thread = None

    def _serve(self) -> None:
        while (attempt := self._tasks.get()) is not None:
            self._finished.emit(attempt())

    def _deliver(self, call: Callable[[], None]) -> None:
        call()


def _raising(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call

"""Ctrl-C and SIGTERM ask a training to stop, so that it keeps its checkpoint."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Final

INTERRUPTED: Final = 130  # exit code of a training that was stopped


def stop_on_signals() -> Callable[[], bool]:
    """From now on the first signal answers the returned question with yes; the second ends the process at once."""
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    return stop.is_set

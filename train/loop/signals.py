"""Ctrl-C, SIGTERM and a closed terminal ask a training to stop, so that it keeps its checkpoint."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from jmpose_core.child_process import INTERRUPTED

_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is not there on Windows


def end_on_signals() -> None:
    """From now on a signal ends the process at once and without a traceback: there is nothing to keep yet."""
    _handle(lambda _number, _frame: os._exit(INTERRUPTED))


def stop_on_signals() -> Callable[[], bool]:
    """From now on a signal answers the returned question with yes; a second Ctrl-C ends the process at once."""
    stop = threading.Event()

    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            os._exit(INTERRUPTED)
        stop.set()

    _handle(ask_to_stop)
    return stop.is_set


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    """For all signals but those that the process was started to ignore, as nohup does with SIGHUP."""
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)

"""A timer that answers several changes in a row once."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


def settling(parent: QObject, interval_ms: int, answer: Callable[[], None]) -> QTimer:
    """Each `start` puts `answer` off anew: it is called once, `interval_ms` after the last of them."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    timer.timeout.connect(answer)
    return timer

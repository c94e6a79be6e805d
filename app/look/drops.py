"""Files dropped anywhere in a window, floating docks included."""

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QDockWidget, QWidget


class FileDrops(QObject):
    """Takes drops for a window and its docks; what lies in them must not, or it would refuse them.

    Made when all that is in the window is there.
    """

    dropped = Signal(object)  # list[Path], not empty

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        for child in window.findChildren(QWidget):
            child.setAcceptDrops(False)
        for place in (window, *window.findChildren(QDockWidget)):
            place.setAcceptDrops(True)
            place.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() not in (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop):
            return False
        assert isinstance(event, QDropEvent)
        paths = files_in(event.mimeData())
        if not paths:
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            self.dropped.emit(paths)
        return True


def files_in(data: QMimeData) -> list[Path]:
    """Files and folders of this machine among what is dragged."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]

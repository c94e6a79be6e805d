"""The frame under the pointer, small, above the timeline."""

from typing import Final

from PySide6.QtCore import QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QLabel, QWidget

from app.session.thumbnails import Thumbnails

REST_MS: Final = 120  # that the pointer rests before a first picture is shown
_GAP: Final = 6  # pixels above the timeline


class HoverPicture(QObject):
    """A label over the window that follows the pointer along `below`."""

    def __init__(self, thumbnails: Thumbnails, below: QWidget) -> None:
        super().__init__(below)
        self._thumbnails, self._below = thumbnails, below
        self._frame_index: int | None = None  # that the pointer is on
        self._x = 0
        self.label: QLabel | None = None  # made at the first picture: before, there is no window to lie over
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._ask)
        thumbnails.ready.connect(self._show)

    def follow(self, frame_index: int, x: float) -> None:
        """The pointer is on this frame, at `x` of the widget below."""
        self._x = round(x)
        if frame_index == self._frame_index:
            return
        self._frame_index = frame_index
        if self.label is not None and self.label.isVisible():
            self._ask()
        else:
            self._rest.start()

    def hide(self) -> None:
        """The pointer has left, or does something else, or the frames have moved under it."""
        self._frame_index = None
        self._rest.stop()
        if self.label is not None:
            self.label.hide()

    def _ask(self) -> None:
        if self._frame_index is not None:
            self._thumbnails.request(self._frame_index)

    def _show(self, frame_index: int, image: QImage) -> None:
        if self._frame_index is None or not self._below.isVisible():
            return
        window = self._below.window()
        if self.label is None or self.label.parent() is not window:  # the dock may float by now
            self.label = QLabel(window)
            self.label.setObjectName("hoverPicture")
            self.label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.label.setPixmap(QPixmap.fromImage(image))
        self.label.adjustSize()
        corner = self._below.mapTo(window, QPoint(self._x - self.label.width() // 2, 0))
        left = min(max(corner.x(), _GAP), window.width() - self.label.width() - _GAP)
        self.label.move(left, max(corner.y() - self.label.height() - _GAP, 0))
        self.label.show()
        self.label.raise_()

"""Small pictures of single frames, for where the pointer rests on the timeline."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from app.jobs.frame_reader import FrameReader

WIDTH: Final = 240  # pixels


class Thumbnails(QObject):
    """Decodes over a reader of its own, begun at the first request: the large picture never waits for a small one."""

    ready = Signal(int, QImage)  # frame_index; WIDTH pixels wide

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._reader: FrameReader | None = None

    def set_video(self, path: Path | None) -> None:
        """Of another video from now on, or of none."""
        self.close()
        self._path = path

    def request(self, frame_index: int) -> None:
        """`ready` follows, unless another frame is asked for first. A frame that cannot be decoded has no picture."""
        if self._path is None:
            return
        if self._reader is None:
            self._reader = FrameReader(self._path, width=WIDTH)
            self._reader.frame_ready.connect(self._on_frame)
        self._reader.request(frame_index)

    def close(self) -> None:
        """End the reader's thread."""
        if self._reader is not None:
            self._reader.frame_ready.disconnect(self._on_frame)
            self._reader.close()
            self._reader = None

    def _on_frame(self, frame_index: int, image: QImage) -> None:
        if self.sender() is self._reader:
            self.ready.emit(frame_index, image)

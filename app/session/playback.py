"""Step, scrub and play: which frame is to be seen now, and the picture when it is there."""

import time

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from app.jobs.frame_reader import FrameReader
from app.session.view_state import ViewState


class Playback(QObject):
    """Follows the view state's frame; while playing, the clock moves it and late frames are dropped."""

    frame_shown = Signal(int, QImage)
    frame_failed = Signal(int)  # the frame that is looked at has no picture
    playing_changed = Signal(bool)

    def __init__(self, view_state: ViewState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view_state = view_state
        self._reader: FrameReader | None = None
        self._previous_frame = 0
        self._started_at = 0.0
        self._started_from = 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        view_state.frame_changed.connect(self._show)

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def attach(self, reader: FrameReader | None) -> None:
        """Show another video's frames from now on; the former reader is closed."""
        self.pause()
        if self._reader is not None:
            self._reader.frame_ready.disconnect(self._on_frame)
            self._reader.failed.disconnect(self._on_failed)
            self._reader.close()
        self._reader = reader
        if reader is not None:
            reader.frame_ready.connect(self._on_frame)
            reader.failed.connect(self._on_failed)
            self._show(self._view_state.frame_index)

    def toggle(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play()

    def play(self) -> None:
        """Play at the video's own rate; from its end, begin again."""
        video = self._view_state.video
        if video is None or self._reader is None:
            return
        if self._view_state.frame_index >= video.frame_count - 1:
            self._view_state.set_frame(0)
        self._started_at, self._started_from = time.monotonic(), self._view_state.frame_index
        self._timer.start(max(int(1000 / video.fps) // 2, 4))
        self.playing_changed.emit(True)

    def pause(self) -> None:
        if self.playing:
            self._timer.stop()
            self.playing_changed.emit(False)

    def _tick(self) -> None:
        video = self._view_state.video
        if video is None:
            self.pause()
            return
        due = self._started_from + int((time.monotonic() - self._started_at) * video.fps)
        self._view_state.set_frame(min(due, video.frame_count - 1))
        if due >= video.frame_count - 1:
            self.pause()

    def _show(self, frame_index: int) -> None:
        if self._reader is None:
            return
        image = self._reader.cached(frame_index)
        backwards = frame_index < self._previous_frame
        self._previous_frame = frame_index
        if image is not None:
            self.frame_shown.emit(frame_index, image)
        self._reader.request(frame_index, backwards=backwards)

    def _on_frame(self, frame_index: int, image: QImage) -> None:
        """A decoded frame: the wanted one, or while playing or scrubbing the nearest there is."""
        if self.sender() is self._reader:
            self.frame_shown.emit(frame_index, image)

    def _on_failed(self, frame_index: int, _text: str) -> None:
        if self.sender() is self._reader and frame_index == self._view_state.frame_index:
            self.frame_failed.emit(frame_index)

"""Frames of one video, decoded in a thread: the latest request wins, and the next frames are fetched ahead."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage

from jmpose_core.errors import VideoError
from jmpose_core.frame_numbers import frame_number
from jmpose_core.video import Video, open_video

CACHE_BYTES: Final = 384 << 20
AHEAD: Final = 12  # frames fetched beyond the one asked for
BEHIND: Final = 8  # frames fetched at once when going backwards, as a seek decodes them anyway


class FrameReader(QObject):
    """Owns the open video. Signals are emitted from the decoding thread and arrive in the window's."""

    frame_ready = Signal(int, QImage)
    failed = Signal(int, str)  # frame_index, what is wrong with it

    def __init__(self, path: Path, *, width: int | None = None) -> None:
        """With `width`, pictures are this many pixels wide, and no frame is fetched ahead."""
        super().__init__()
        self._path, self._width = path, width
        self._changed = threading.Condition()  # guards the four below
        self._wanted: int | None = None
        self._backwards = False
        self._closing = False
        self._cache: OrderedDict[int, QImage] = OrderedDict()
        self._thread = threading.Thread(target=self._run, name=f"frames of {path.name}", daemon=True)
        self._thread.start()

    def request(self, frame_index: int, *, backwards: bool = False) -> None:
        """Decode this frame next; a request that has not been served yet is forgotten."""
        with self._changed:
            self._wanted, self._backwards = frame_index, backwards
            self._changed.notify()

    def cached(self, frame_index: int) -> QImage | None:
        """The frame, if it is at hand."""
        with self._changed:
            image = self._cache.get(frame_index)
            if image is not None:
                self._cache.move_to_end(frame_index)
            return image

    def close(self) -> None:
        """End the thread; at most one frame is still decoded."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    # the decoding thread

    def _run(self) -> None:
        try:
            with open_video(self._path) as video:
                self._serve(video)
        except VideoError as error:  # it cannot even be opened: no frame can be shown
            while (request := self._next()) is not None:
                self.failed.emit(request[0], str(error))

    def _serve(self, video: Video) -> None:
        while (request := self._next()) is not None:
            frame_index, backwards = request
            if self._image(video, frame_index) is not None and self._width is None:
                self._prefetch(video, frame_index, backwards=backwards)

    def _next(self) -> tuple[int, bool] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted is not None or self._closing)
            if self._closing or self._wanted is None:
                return None
            wanted, self._wanted = self._wanted, None
            return wanted, self._backwards

    def _image(self, video: Video, frame_index: int) -> QImage | None:
        """Decode and announce one frame; a frame that cannot be decoded spoils only itself."""
        image = self.cached(frame_index)
        if image is None:
            try:
                image = qimage(video.frame(frame_index))
                if self._width is not None:
                    image = image.scaledToWidth(self._width, Qt.TransformationMode.SmoothTransformation)
            except VideoError as error:
                self.failed.emit(frame_index, str(error))
                return None
            except IndexError:
                self.failed.emit(frame_index, _too_short(video, frame_index))
                return None
            self._keep(frame_index, image)
        self.frame_ready.emit(frame_index, image)
        return image

    def _prefetch(self, video: Video, frame_index: int, *, backwards: bool) -> None:
        if backwards:
            first, last = max(frame_index - BEHIND, 0), frame_index
        else:
            first, last = frame_index + 1, min(frame_index + 1 + AHEAD, video.frame_count)
        missing = [index for index in range(first, last) if self.cached(index) is None]
        if not missing:
            return
        try:
            for index, rgb in video.frames(missing[0], missing[-1] + 1):
                self._keep(index, qimage(rgb))
                if self._interrupted():
                    return
        except (VideoError, IndexError):
            return  # said when that frame itself is asked for

    def _interrupted(self) -> bool:
        """Whether something else is wanted now that prefetching does not bring."""
        with self._changed:
            if self._wanted is not None and self._wanted in self._cache:
                return False
            return self._closing or self._wanted is not None

    def _keep(self, frame_index: int, image: QImage) -> None:
        with self._changed:
            self._cache[frame_index] = image
            self._cache.move_to_end(frame_index)
            while len(self._cache) > max(CACHE_BYTES // max(image.sizeInBytes(), 1), AHEAD + BEHIND):
                self._cache.popitem(last=False)


def _too_short(video: Video, frame_index: int) -> str:
    return (
        f"{video.path}: has {video.frame_count} frames now, so there is no frame {frame_number(frame_index)}. "
        "The file is another one than when it was annotated: put the original back"
    )


def qimage(rgb: npt.NDArray[np.uint8]) -> QImage:
    """H x W x 3 RGB as an image of Qt's own memory, in the format that is painted fastest."""
    rgb = np.ascontiguousarray(rgb)
    height, width, _ = rgb.shape
    view = QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return view.convertToFormat(QImage.Format.Format_RGB32)

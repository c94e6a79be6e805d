"""Where the annotator was in a project, so that opening it again goes on there."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QRectF, QTimer

from app.picture.frame_view import FrameView
from app.session.settings import Place, Settings
from app.session.view_state import Layer
from app.session.workbench import Workbench

KEEP_MS: Final = 10_000  # so little is forgotten when the program is killed


class PlaceKeeper(QObject):
    """Remembers video, frame, person, layer and zoom of the open project, in the settings of this user."""

    def __init__(self, bench: Workbench, view: FrameView, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._bench, self._view, self._settings = bench, view, settings
        self._kept: tuple[Path, Place] | None = None  # as the settings have it
        bench.opened.connect(self._restore)
        bench.project.closing.connect(self._keep)
        timer = QTimer(self)
        timer.timeout.connect(self._keep)
        timer.start(KEEP_MS)

    def _keep(self) -> None:
        path, state = self._bench.project.path, self._bench.view_state
        if path is None or state.video is None:
            return
        rect = self._view.zoomed_rect
        zoomed = None if rect is None else (rect.x(), rect.y(), rect.width(), rect.height())
        track_id = self._bench.shown.track_id
        place = Place(state.video.name, state.frame_index, track_id, state.layer.value, zoomed)
        if (path, place) != self._kept:  # a file is written each time
            self._settings.set_place(path, place)
            self._kept = path, place

    def _restore(self) -> None:
        path, state = self._bench.project.path, self._bench.view_state
        place = self._settings.place(path) if path is not None else None
        if place is None or state.video is None or place.video != state.video.name:
            return
        if place.rect is not None:
            self._view.fit_when_shown(QRectF(*place.rect))
        if place.layer in [layer.value for layer in Layer]:
            state.set_layer(Layer(place.layer))
        state.set_frame(place.frame_index)
        self._bench.shown.select(place.track_id)

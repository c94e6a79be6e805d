"""The timeline's data, read in the background whenever people have changed."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.jobs.background import Background
from app.session.open_project import OpenProject
from app.session.settling import settling
from app.session.view_state import ViewState
from jmpose_core.project import Lane, Project

SETTLE_MS = 120  # several edits in a row are read once


class Lanes(QObject):
    """Keeps the lanes of the current video; a reading that has been overtaken by another change is dropped."""

    changed = Signal()
    failed = Signal(str)  # they could not be read

    def __init__(
        self, project: OpenProject, view_state: ViewState, background: Background, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._view_state, self._background = project, view_state, background
        self._lanes: list[Lane] = []
        self._names: dict[int, str] = {}
        self._reading = 0
        self._settle = settling(self, SETTLE_MS, self._read)
        project.people_changed.connect(lambda *_: self._settle.start())
        project.turned.connect(lambda _: self._settle.start())  # a name, too, can be undone
        project.closed.connect(lambda: self._show([], {}))
        view_state.video_changed.connect(self._read)

    @property
    def lanes(self) -> list[Lane]:
        return self._lanes

    def name_of(self, track_id: int) -> str:
        """What the annotator calls a track; empty where it has no name."""
        return self._names.get(track_id, "")

    def _read(self) -> None:
        path, video = self._project.path, self._view_state.video
        if path is None or video is None:
            self._show([], {})
            return
        self._reading += 1
        reading = self._reading
        self._background.run(
            lambda: read_lanes(path, video.id),
            lambda found: self._show(*found) if reading == self._reading else None,
            self.failed.emit,
        )

    def _show(self, lanes: list[Lane], names: dict[int, str]) -> None:
        self._lanes, self._names = lanes, names
        self.changed.emit()


def read_lanes(path: Path, video_id: int) -> tuple[list[Lane], dict[int, str]]:
    """The lanes of one video and the names of its tracks, over a connection of their own."""
    with Project.open(path, read_only=True) as project:
        names = {track.track_id: track.name for track in project.tracks(video_id) if track.name}
        return project.timeline(video_id), names

"""Effort and progress of the current video, counted in the background while somebody looks at them."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.jobs.background import Background
from app.session.effort_recorder import EffortRecorder
from app.session.open_project import OpenProject
from app.session.settling import settling
from app.session.view_state import ViewState
from jmpose_core.project import Project, VideoRecord
from jmpose_core.project.statistics import Statistics, statistics_of

SETTLE_MS = 500  # changes in a row are counted once


class LiveStatistics(QObject):
    """Counts again after changes, in a thread of its own; a counting that has been overtaken is dropped."""

    counted = Signal(object)  # Statistics, or None: no video is looked at
    failed = Signal(str)

    def __init__(
        self, project: OpenProject, recorder: EffortRecorder, view_state: ViewState, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._view_state = project, view_state
        self._background = Background(self)
        self._wanted = False
        self._asked = 0
        self._settle = settling(self, SETTLE_MS, self._count)
        project.people_changed.connect(lambda *_: self._count_soon())
        recorder.written.connect(self._count_soon)
        view_state.video_changed.connect(self._count)

    def set_wanted(self, wanted: bool) -> None:
        """Whether somebody looks at them: else nothing is counted."""
        self._wanted = wanted
        if wanted:
            self._count()

    def close(self) -> None:
        """End the thread."""
        self._settle.stop()
        self._background.close()

    def _count_soon(self) -> None:
        if self._wanted:
            self._settle.start()

    def _count(self) -> None:
        path, video = self._project.path, self._view_state.video
        self._asked += 1
        if path is None or video is None:
            self.counted.emit(None)
            return
        if not self._wanted:
            return
        asked = self._asked
        self._background.run(
            lambda: _read(path, video),
            lambda counted: self.counted.emit(counted) if asked == self._asked else None,
            lambda text: self.failed.emit(text) if asked == self._asked else None,
        )


def _read(path: Path, video: VideoRecord) -> Statistics:
    """Over a connection of its own."""
    with Project.open(path, read_only=True) as project:
        return statistics_of(project, video)

"""The videos of the project: which is looked at, how much of each is labelled, and which files are gone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QTableView

from app.look.table_dress import RIGHT, ModelIndex, RowModel, dress_list
from app.session.settling import settling
from app.session.workbench import Workbench
from jmpose_core.project import Project, VideoRecord

COLUMNS: Final = ("Video", "Frames", "Labelled")
ROW_HEIGHT: Final = 26
MOST_ROWS: Final = 6  # the tracks below need room, too
SETTLE_MS: Final = 300


@dataclass(frozen=True, slots=True)
class VideoLine:
    """A video as the list shows it."""

    video: VideoRecord
    labelled: int  # frames in which somebody labelled a joint
    gone: bool  # its file is not where it was


class VideoModel(RowModel[VideoLine]):
    """One row a video, in the order added."""

    def __init__(self, palette: Callable[[], QPalette]) -> None:
        super().__init__(COLUMNS)
        self._palette = palette

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        line = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            labelled = str(line.labelled) if line.labelled else "–"
            return (line.video.name, str(line.video.frame_count), labelled)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{line.video.path}{': the file is gone' if line.gone else ''}"
        if role == Qt.ItemDataRole.ForegroundRole and line.gone:
            return self._palette().color(QPalette.ColorRole.BrightText)
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return RIGHT
        return None


class VideoTable(QTableView):
    """A click looks at a video. Not there while the project has only one."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self.videos = VideoModel(self.palette)
        dress_list(self, self.videos, row_height=ROW_HEIGHT, dot_size=7)
        self.setAccessibleName("Videos")
        self.clicked.connect(lambda index: self._choose(self.videos.rows[index.row()].video))
        self._settle = settling(self, SETTLE_MS, self._read)
        bench.project.people_changed.connect(lambda *_: self._settle.start())
        bench.project.videos_changed.connect(self._read)
        bench.view_state.video_changed.connect(self._read)
        self.hide()

    def _choose(self, video: VideoRecord) -> None:
        if video != self._bench.view_state.video:
            self._bench.show_video(video)

    def _read(self) -> None:
        path = self._bench.project.path
        if path is None:
            self._show([])
        else:
            self._bench.background.run(lambda: _lines(path), self._show, self._bench.lanes.failed.emit)

    def _show(self, lines: list[VideoLine]) -> None:
        if self._bench.project.path is None:
            lines = []
        self.videos.renew_rows(lines, lambda line: line.video.id)
        rows = min(len(lines), MOST_ROWS)
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows * ROW_HEIGHT + 4)
        self.setVisible(len(lines) > 1)
        current = self._bench.view_state.video
        row = next((row for row, line in enumerate(lines) if line.video == current), None)
        if row is not None:
            self.selectRow(row)


def _lines(path: Path) -> list[VideoLine]:
    """Over a connection of its own."""
    with Project.open(path, read_only=True) as project:
        labelled, gone = project.labelled_frames(), {video.id for video in project.gone_videos()}
        return [VideoLine(video, labelled.get(video.id, 0), video.id in gone) for video in project.videos()]

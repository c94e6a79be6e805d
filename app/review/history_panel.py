"""What was done, step by step: a click goes back to any step, or forward again."""

import time
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QShowEvent
from PySide6.QtWidgets import QLabel, QTableView, QVBoxLayout, QWidget

from app.look.table_dress import RIGHT, ModelIndex, RowModel, dress_list
from app.session.settling import settling
from app.session.workbench import Workbench
from jmpose_core.frame_numbers import frame_number
from jmpose_core.project import Project
from jmpose_core.project.undo import StepLine

COLUMNS: Final = ("Step", "Frame", "Time")
MOST: Final = 1000  # steps that are listed; undo itself goes on without limit
SETTLE_MS: Final = 120
_BEGINNING: Final = StepLine(0, "The beginning", 0.0, None, undone=False)


class HistoryModel(RowModel[StepLine]):
    """The newest step first; those that are undone are in italics."""

    def __init__(self) -> None:
        super().__init__(COLUMNS)

    @property
    def current_row(self) -> int | None:
        """The newest step that is done."""
        return next((row for row, step in enumerate(self.rows) if not step.undone), None)

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        step = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            frame = "" if step.frame_index is None else frame_number(step.frame_index)
            return (step.text, frame, _clock(step.time))[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{step.text}. Click to {'redo up to here' if step.undone else 'undo all that came after'}."
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return RIGHT
        if role == Qt.ItemDataRole.FontRole and step.undone:
            font = QFont()
            font.setItalic(True)
            return font
        return None


class HistoryPanel(QWidget):
    """Is read while it is seen."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self.model = HistoryModel()
        self.table = QTableView()
        dress_list(self.table, self.model, row_height=26, dot_size=7)
        self.table.clicked.connect(lambda index: bench.project.turn_to(self.model.rows[index.row()].id))
        self._hint = QLabel("A click goes back to a step, or forward again. Undo survives a restart.")
        self._hint.setObjectName("muted")
        self._hint.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 0, 4, 10)
        for widget in (self.table, self._hint):
            layout.addWidget(widget)
        self._settle = settling(self, SETTLE_MS, self._read)
        bench.project.history_changed.connect(self._settle.start)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._read()

    def _read(self) -> None:
        path = self._bench.project.path
        if path is None:
            self.model.set_rows([])
        elif self.isVisible():
            self._bench.background.run(lambda: _steps(path), self._show, self._hint.setText)

    def _show(self, steps: list[StepLine]) -> None:
        if self._bench.project.path is None:
            return
        rows = [*steps, _BEGINNING] if len(steps) < MOST else steps
        if rows != self.model.rows:
            self.model.set_rows(rows)
        if (row := self.model.current_row) is not None:
            self.table.selectRow(row)


def _steps(path: Path) -> list[StepLine]:
    with Project.open(path, read_only=True) as project:
        return project.steps(MOST)


def _clock(secs: float) -> str:
    """Hours and minutes here; the day, too, where it is another one."""
    if not secs:
        return ""
    then, now = time.localtime(secs), time.localtime()
    same_day = (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M", then)

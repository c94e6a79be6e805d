"""Effort and progress as tables: a row a person, or a row a frame."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QTableView

from app.look.table_dress import LEFT, RIGHT, ModelIndex, RowModel, dress_rows
from jmpose_core.project.statistics import Tally

COLUMNS: Final = ("Pointer", "Keys", "Pixels", "Time", "Touched", "Verified")
_TIPS: Final = (
    "Clicks and drags",
    "Keys pressed; modifiers and repeated ones left out",
    "Way of the pointer with a button held, in pixels of the screen",
    "Minutes and seconds of work; breaks left out",
    "People of whom somebody corrected or verified a joint, of all people in all frames",
    "People of whom every joint was corrected or verified, of all people in all frames",
)


class TallyModel(RowModel[tuple[int, Tally]]):
    """One row a key (a track, or a frame), named by `name_of`."""

    def __init__(self, first_column: str, name_of: Callable[[int], str]) -> None:
        super().__init__((first_column, *COLUMNS))
        self._name_of = name_of

    def set_tallies(self, tallies: Mapping[int, Tally]) -> None:
        """Others in place of all, by key."""
        self.renew_rows(list(tallies.items()), lambda row: row[0])

    def key(self, row: int) -> int:
        """The track or frame of a row."""
        return self.rows[row][0]

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole and section > 0:
            return _TIPS[section - 1]
        return super().headerData(section, orientation, role)

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            key, tally = self.rows[index.row()]
            return self._name_of(key) if index.column() == 0 else cells(tally)[index.column() - 1]
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return RIGHT
        return None


class TallyTable(QTableView):
    """A click, or the arrow keys, chooses the track or frame of a row."""

    chosen = Signal(int)

    def __init__(self, model: TallyModel) -> None:
        super().__init__()
        dress_rows(self, model, row_height=25)
        self._tallies = model
        header = self.horizontalHeader()
        header.setDefaultAlignment(LEFT)
        header.setMinimumSectionSize(40)
        self.selectionModel().currentRowChanged.connect(self._on_current)

    def _on_current(self, current: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(self._tallies.key(current.row()))


def cells(tally: Tally) -> tuple[str, ...]:
    """The texts of COLUMNS."""
    spent = tally.spent
    return (
        f"{spent.pointer_actions:,}",
        f"{spent.keys:,}",
        f"{spent.pixels:,.0f}",
        duration(spent.seconds),
        share(tally.touched, tally.people),
        share(tally.verified, tally.people),
    )


def duration(seconds: float) -> str:
    """1:05 is a minute and five seconds, 2:00:00 two hours."""
    minutes, secs = divmod(round(seconds), 60)
    hours, mins = divmod(minutes, 60)
    return f"{hours}:{mins:02d}:{secs:02d}" if hours else f"{mins}:{secs:02d}"


def share(part: float, whole: float) -> str:
    """A percentage that says 100 only of all and 0 only of none; a dash of nothing."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "<1 %"
    return f"{min(round(percent), 99) if part < whole else 100} %"

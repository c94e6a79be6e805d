"""The tracks of the video: one row a person."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QTableView

from app.look.colours import dot, track_colour
from app.look.table_dress import RIGHT, ModelIndex, RowModel, dress_list
from app.session.lanes import Lanes
from app.session.navigator import Navigator
from app.session.people_shown import PeopleShown
from jmpose_core.annotations import Origin
from jmpose_core.project import Lane

COLUMNS: Final = ("Person", "Frames", "Done")
LEAST_WIDTH: Final = 196  # pixels: nothing is cut


class TrackModel(RowModel[Lane]):
    """Tracks with how many frames they are in, and in how many of these every joint is corrected or verified."""

    renamed = Signal(int, str)  # track, its new name

    def __init__(self) -> None:
        super().__init__(COLUMNS)
        self._name_of: Callable[[int], str] = lambda _: ""

    def set_lanes(self, lanes: Sequence[Lane], name_of: Callable[[int], str]) -> None:
        self._name_of = name_of
        self.renew_rows(lanes, lambda lane: lane.track_id)

    def track_id(self, row: int) -> int:
        return self.rows[row].track_id

    def first_frame(self, row: int) -> int:
        return int(self.rows[row].frame_index[0])

    def row_of(self, track_id: int | None) -> int | None:
        return next((row for row, lane in enumerate(self.rows) if lane.track_id == track_id), None)

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        lane = self.rows[index.row()]
        done, touched = int(lane.done.sum()), int(np.count_nonzero(lane.state >= Origin.CORRECTED))
        if role == Qt.ItemDataRole.EditRole and index.column() == 0:
            return self._name_of(lane.track_id)
        if role == Qt.ItemDataRole.DisplayRole:
            return (self._title(lane.track_id), str(len(lane.frame_index)), str(done) if done else "–")[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return dot(track_colour(lane.track_id))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return RIGHT
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                f"In {len(lane.frame_index)} frames. Done in {done}: every joint corrected or verified. "
                f"Touched in {touched}. Double click to go there."
            )
        return None

    def flags(self, index: ModelIndex) -> Qt.ItemFlag:
        editable = Qt.ItemFlag.ItemIsEditable if index.isValid() and index.column() == 0 else Qt.ItemFlag.NoItemFlags
        return super().flags(index) | editable

    def setData(self, index: ModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """A name that was typed; the row follows once it is in the project."""
        if role != Qt.ItemDataRole.EditRole or not index.isValid() or index.column() != 0:
            return False
        self.renamed.emit(self.track_id(index.row()), str(value))
        return True

    def _title(self, track_id: int) -> str:
        name = self._name_of(track_id)
        return f"{track_id} {name}" if name else f"Person {track_id}"


class TrackTable(QTableView):
    """A click selects the person, a double click goes to its first frame. Follows the selection."""

    def __init__(self, lanes: Lanes, shown: PeopleShown, navigator: Navigator) -> None:
        super().__init__()
        self.tracks = TrackModel()
        self._lanes, self._shown, self._navigator = lanes, shown, navigator
        dress_list(self, self.tracks, row_height=28, dot_size=9)
        self.setMinimumWidth(LEAST_WIDTH)
        self.clicked.connect(lambda index: shown.seek(self.tracks.track_id(index.row())))
        self.doubleClicked.connect(self._go_to_first_frame)
        lanes.changed.connect(self._show_lanes)
        shown.selection_changed.connect(self._show_selection)

    def _show_lanes(self) -> None:
        self.tracks.set_lanes(self._lanes.lanes, self._lanes.name_of)
        self._show_selection()

    def _show_selection(self) -> None:
        row = self.tracks.row_of(self._shown.track_id)
        if row is None:
            self.clearSelection()
        else:
            self.selectRow(row)

    def rename_selected(self) -> None:
        """Type the name of the selected person into its row."""
        row = self.tracks.row_of(self._shown.track_id)
        if row is not None and self.state() is not QTableView.State.EditingState:
            self.edit(self.tracks.index(row, 0))

    def _go_to_first_frame(self, index: QModelIndex) -> None:
        self._navigator.go_to(self.tracks.first_frame(index.row()), self.tracks.track_id(index.row()))

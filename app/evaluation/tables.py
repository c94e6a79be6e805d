"""Figures as papers print them, and the joints that lower one of them."""

import math
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableView

from app.look.table_dress import LEFT, RIGHT, ModelIndex, RowModel, dress, dress_rows
from jmpose_core.evaluation.average_precision import PARTS
from jmpose_core.evaluation.worst import JointError
from jmpose_core.frame_numbers import frame_number
from jmpose_core.skeleton import JOINT_INDEX, JOINT_TITLES, JOINTS

if TYPE_CHECKING:  # imports motmetrics, and so pandas
    from jmpose_core.evaluation.report import FigureRow  # noqa: F401  # FigureModel's rows

COLUMNS: Final = ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Mean")
WORST_COLUMNS: Final = ("Frame", "Person", "Joint", "What", "Head sizes", "Pixels")
ROW_HEIGHT: Final = 21  # pixels
_MEANINGS: Final = {
    "ap": "poseval's average precision: a hit is within half a head size",
    "precision": "share of predicted joints that are hits",
    "recall": "share of labelled joints that are hit",
    "mota": "1 − (misses + false positives + changed tracks) / labelled joints",
    "motp": "how near the hits are: 100 is exact, 50 is half a head size off",
    "mot_precision": "as AP's, joints followed over frames",
    "mot_recall": "as AP's, joints followed over frames",
    "idf1": "share of joints on the right track all the time",
    "hota": "PoseTrack21's HOTA: of detection and association in equal parts",
    "deta": "HOTA's detection part",
    "assa": "HOTA's association part",
    "kit_ap": "AP as the PoseTrack21 kit has it",
    "pck": "share of labelled joints within a fifth of the torso",
    "pckh": "share of labelled joints within half a head size",
    "pck_person": "share of labelled joints within a fifth of the person's box's longer side",
    "pck_person_strict": "share of labelled joints within a tenth of the person's box's longer side",
}


class FigureModel(RowModel["FigureRow"]):
    """One row a figure, one column a part of the body; in percent."""

    def __init__(self) -> None:
        super().__init__(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Vertical and section < len(self.rows):
            if role == Qt.ItemDataRole.DisplayRole:
                return self.rows[section].title
            if role == Qt.ItemDataRole.ToolTipRole:
                return _MEANINGS.get(self.rows[section].name)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if orientation is Qt.Orientation.Horizontal else LEFT
        return super().headerData(section, orientation, role)

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            value = [*row.parts.values(), row.total][index.column()]
            return "–" if math.isnan(value) else f"{value:.1f}"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT
        if role == Qt.ItemDataRole.FontRole and index.column() == len(COLUMNS) - 1:
            font = QFont()
            font.setWeight(QFont.Weight.DemiBold)
            return font
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{_MEANINGS.get(row.name, row.title)}. Click for the worst frames."
        return None

    def joints(self, index: ModelIndex) -> list[int]:
        """The joints that a cell is about."""
        if index.column() == len(COLUMNS) - 1:
            return list(range(len(JOINTS)))
        return [JOINT_INDEX[name] for name in list(PARTS.values())[index.column()]]


class WorstModel(RowModel[JointError]):
    """One row a joint that is off, worst first."""

    def __init__(self) -> None:
        super().__init__(WORST_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(section)
        return super().headerData(section, orientation, role)

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        error = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            known = not math.isinf(error.error)
            cells = (
                frame_number(error.frame_index),
                str(error.track_id),
                JOINT_TITLES[error.joint],
                error.outcome.value,
                f"{error.error:.2f}" if known else "–",
                f"{error.pixels:.0f}" if known else "–",
            )
            return cells[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(index.column())
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 3:
            return QApplication.palette().color(QPalette.ColorRole.PlaceholderText)
        return None


def _side(column: int) -> Qt.AlignmentFlag:
    """Where a column of WORST_COLUMNS is aligned: words to the left, figures to the right."""
    return LEFT if column in (2, 3) else RIGHT


class FigureTable(QTableView):
    """A click on a cell asks for its worst frames."""

    cell_chosen = Signal(object)  # QModelIndex

    def __init__(self, model: FigureModel) -> None:
        super().__init__()
        dress(self, model, row_height=ROW_HEIGHT)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setObjectName("figures")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.verticalHeader().setSectionsClickable(False)
        self.horizontalHeader().setMinimumSectionSize(46)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        self.selectionModel().currentChanged.connect(self._on_current)

    def fit_rows(self) -> None:
        """As high as all rows: what holds the table scrolls."""
        rows = self.model().rowCount() * ROW_HEIGHT
        self.setFixedHeight(rows + self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth() + 4)

    def _on_current(self, current: QModelIndex) -> None:
        if current.isValid():
            self.cell_chosen.emit(current)


class WorstTable(QTableView):
    """A click, or the arrow keys, goes to the joint."""

    error_chosen = Signal(object)  # JointError

    def __init__(self, model: WorstModel) -> None:
        super().__init__()
        dress_rows(self, model, row_height=25, wide=(2, 3))
        self._errors = model
        self.selectionModel().currentRowChanged.connect(self._on_current)

    def _on_current(self, current: QModelIndex) -> None:
        if current.isValid():
            self.error_chosen.emit(self._errors.rows[current.row()])

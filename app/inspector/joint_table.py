"""The joints of the selected person: where, whether seen, how sure, by whom."""

from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from PySide6.QtWidgets import QTableView

from app.look.colours import JOINT_COLOURS, dot
from app.look.table_dress import LEFT, RIGHT, ModelIndex, dress_list
from app.look.words import confidence_text, origin_text
from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.skeleton import JOINT_TITLES, JOINTS

ROW_HEIGHT: Final = 19  # pixels: all joints are seen without scrolling
COLUMNS: Final = ("Joint", "x", "y", "Seen", "Conf.", "Origin")
_SIGNS: Final = {
    Visibility.ABSENT: "–",
    Visibility.OCCLUDED: "○",
    Visibility.VISIBLE: "●",
}
_CENTRED: Final = Qt.AlignmentFlag.AlignCenter


class JointModel(QAbstractTableModel):
    """One row a joint, of one annotation or of none."""

    def __init__(self) -> None:
        super().__init__()
        self._person: Annotation | None = None

    def set_person(self, person: Annotation | None) -> None:
        if (person is None) != (self._person is None):
            self.beginResetModel()
            self._person = person
            self.endResetModel()
        elif person is not None:
            self._person = person
            self.dataChanged.emit(self.index(0, 0), self.index(len(JOINTS) - 1, len(COLUMNS) - 1))

    def rowCount(self, parent: ModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or self._person is None else len(JOINTS)

    def columnCount(self, parent: ModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return COLUMNS[section]
            if role == Qt.ItemDataRole.TextAlignmentRole and section in (1, 2, 4):
                return RIGHT
        return None

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        person, joint = self._person, index.row()
        if person is None or not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(person, joint, index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return _CENTRED if index.column() == 3 else LEFT if index.column() == 5 else RIGHT
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return dot(JOINT_COLOURS[joint], 7)
        if role == Qt.ItemDataRole.ToolTipRole:
            return Visibility(person.visibility[joint]).name.lower()
        return None


def _text(person: Annotation, joint: int, column: int) -> str:
    visibility = Visibility(person.visibility[joint])
    x, y = person.keypoints[joint]
    absent = visibility is Visibility.ABSENT
    cells = (
        JOINT_TITLES[joint],
        "" if absent else f"{x:.1f}",
        "" if absent else f"{y:.1f}",
        _SIGNS[visibility],
        confidence_text(person, joint),
        origin_text(person, joint),
    )
    return cells[column]


class JointTable(QTableView):
    """A click selects the joint."""

    joint_clicked = Signal(object)

    def __init__(self, model: JointModel) -> None:
        super().__init__()
        dress_list(self, model, row_height=ROW_HEIGHT, dot_size=7)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        self.setMinimumHeight(len(JOINTS) * ROW_HEIGHT + header.sizeHint().height() + 2 * self.frameWidth())
        header.setMinimumSectionSize(34)
        self.clicked.connect(lambda index: self.joint_clicked.emit(index.row()))

    def select_joint(self, joint: int | None) -> None:
        if joint is None:
            self.clearSelection()
        else:
            self.selectRow(joint)

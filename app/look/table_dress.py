"""What all tables of the window have in common."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

T = TypeVar("T")
ModelIndex = QModelIndex | QPersistentModelIndex
LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class RowModel(QAbstractTableModel, Generic[T]):
    """A row for each of `rows`; the first column is words, to the left, and the others are figures, to the right."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__()
        self._columns = columns
        self.rows: list[T] = []

    def set_rows(self, rows: Sequence[T]) -> None:
        """Others in place of all."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def renew_rows(self, rows: Sequence[T], key: Callable[[T], object]) -> None:
        """As `set_rows`; where the keys are those of before, what is selected and scrolled to stays."""
        if not rows or list(map(key, rows)) != list(map(key, self.rows)):
            self.set_rows(rows)
            return
        self.rows = list(rows)
        self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self._columns) - 1))

    def rowCount(self, parent: ModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: ModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section > 0:
            return RIGHT
        return None


def dress(table: QTableView, model: QAbstractTableModel, *, row_height: int) -> None:
    """Show the model in rows of `row_height` pixels, to be looked at and chosen from, not typed into."""
    table.setModel(model)
    table.setShowGrid(False)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setCornerButtonEnabled(False)
    table.verticalHeader().setDefaultSectionSize(row_height)
    table.horizontalHeader().setHighlightSections(False)
    table.verticalHeader().setHighlightSections(False)


def dress_rows(table: QTableView, model: QAbstractTableModel, *, row_height: int, wide: Sequence[int] = (0,)) -> None:
    """As `dress`, of whole rows that are chosen; the columns `wide` take what room the others' contents leave."""
    dress(table, model, row_height=row_height)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    for column in wide:
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)


def dress_list(table: QTableView, model: QAbstractTableModel, *, row_height: int, dot_size: int) -> None:
    """As `dress_rows`, of rows that a click chooses; the keyboard stays where it is.

    Args:
        dot_size: side of the coloured dot in front of a row, pixels.
    """
    dress_rows(table, model, row_height=row_height)
    table.setIconSize(QSize(dot_size, dot_size))
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    header = table.horizontalHeader()
    header.setDefaultAlignment(LEFT)
    header.setResizeContentsPrecision(0)  # by the rows that are seen: a long list is measured at every change

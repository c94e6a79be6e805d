"""The queue as a table, and the keys that go through it."""

from collections.abc import Callable
from typing import Any, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QTableView, QVBoxLayout, QWidget

from app.look.colours import dot, track_colour
from app.look.table_dress import RIGHT, ModelIndex, RowModel, dress_list
from app.session.review_queue import ReviewQueue
from jmpose_core.frame_numbers import frame_number, frame_range
from jmpose_core.queue.items import QueueItem
from jmpose_core.queue.proposals import Proposal
from jmpose_core.skeleton import JOINT_TITLES

COLUMNS: Final = ("Joint", "Frames", "%")
LEAST_WIDTH: Final = 244  # pixels: nothing is cut

_MEANINGS: Final = {
    "review_next": "next",
    "review_previous": "back",
    "confirm": "it is right",
    "verify": "the whole person is",
}  # of the commands that go through the queue


class QueueModel(RowModel[QueueItem]):
    """One row an item, in the order of the queue."""

    def __init__(self) -> None:
        super().__init__(COLUMNS)

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        item = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (JOINT_TITLES[item.joint], _span(item), f"{100 * item.probability:.0f}")[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return dot(track_colour(item.track_id))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return RIGHT
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                f"Person {item.track_id}, {frame_range(item.first, item.last)}: wrong with a probability of "
                f"{item.probability:.2f} in frame {frame_number(item.frame_index)}. One correction is expected to mend "
                f"{item.gain:.1f} joints."
            )
        return None


class QueuePanel(QWidget):
    """A click goes to the item. Follows the item that is looked at; a fault of tracks has the list's room meanwhile."""

    def __init__(self, queue: ReviewQueue) -> None:
        super().__init__()
        self.model = QueueModel()
        self._queue = queue
        self.table = QTableView()
        dress_list(self.table, self.model, row_height=26, dot_size=7)
        self.table.clicked.connect(lambda index: queue.go(self.model.rows[index.row()]))
        self.summary = _line()
        self.hint = _line()
        self.setMinimumWidth(LEAST_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 0, 2, 10)
        layout.setSpacing(6)
        for widget in (self.summary, self.table, self.hint):
            layout.addWidget(widget)
        queue.changed.connect(self._show)
        self._show()

    def show_keys(self, key_of: Callable[[str], str]) -> None:
        """Say which keys go through the queue.

        Args:
            key_of: a command's name -> its key as it stands on the keyboard; empty where it has none.
        """
        said = (f"{key} {meaning}" for name, meaning in _MEANINGS.items() if (key := key_of(name)))
        self.hint.setText(", ".join(said) + ".")

    def _show(self) -> None:
        items, current = self._queue.items, self._queue.current
        if items != self.model.rows:
            self.model.set_rows(items)
        self.summary.setText(
            f"{len(items)} runs of joints that are likely wrong" if items else "Nothing here is likely wrong."
        )
        for widget in (self.table, self.hint):
            widget.setVisible(not isinstance(current, Proposal))
        if isinstance(current, QueueItem):
            self.table.selectRow(items.index(current))
        else:
            self.table.clearSelection()


def _span(item: QueueItem) -> str:
    first, last = frame_number(item.first), frame_number(item.last - 1)
    return first if first == last else f"{first}–{last}"


def _line() -> QLabel:
    label = QLabel()
    label.setObjectName("muted")
    label.setWordWrap(True)
    return label

"""The faults of tracks as a table, and the one that is looked at in pictures: now, and mended."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QTableView, QVBoxLayout, QWidget

from app.look.colours import dot, track_colour
from app.look.table_dress import RIGHT, ModelIndex, RowModel, dress_list
from app.review.fault_pictures import fault_pictures
from app.session.track_faults import what_is_wrong, what_mends
from app.session.workbench import Workbench
from jmpose_core.drawing import Picture
from jmpose_core.frame_numbers import frame_number, frame_range
from jmpose_core.queue.proposals import Proposal

COLUMNS: Final = ("Tracks", "Frame", "%")
ROW_HEIGHT: Final = 26
MOST_ROWS: Final = 5  # the joints below need room, too
PICTURE_SIZE: Final = (224, 84)  # of a row of pictures, in the window's pixels


class FaultModel(RowModel[Proposal]):
    """One row a fault, the most certain first."""

    def __init__(self) -> None:
        super().__init__(COLUMNS)

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        fault = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (what_is_wrong(fault), frame_number(fault.first), f"{100 * fault.certainty:.0f}")[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return dot(track_colour(fault.seen))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return RIGHT
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{what_mends(fault)}. Seen in {frame_range(fault.first, fault.last)}."
        return None


class FaultPanel(QWidget):
    """Not there while tracks are right. A click goes to the fault; two buttons, as two keys, decide it."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.model = FaultModel()
        self._bench, self._pictured = bench, None
        self.table = QTableView()
        dress_list(self.table, self.model, row_height=ROW_HEIGHT, dot_size=7)
        self.table.clicked.connect(lambda index: bench.queue.go(self.model.rows[index.row()]))
        self.card = _Card(bench)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 0, 2, 4)
        layout.setSpacing(6)
        for widget in (self.table, self.card):
            layout.addWidget(widget)
        bench.queue.changed.connect(self._show)
        self._show()

    def show_keys(self, key_of: Callable[[str], str]) -> None:
        """Say which keys decide.

        Args:
            key_of: a command's name -> its key as it stands on the keyboard; empty where it has none.
        """
        self.card.show_keys(key_of("mend"), key_of("confirm"))

    def _show(self) -> None:
        faults, current = self._bench.queue.faults, self._bench.queue.current
        self.setVisible(bool(faults))
        if faults != self.model.rows:
            self.model.set_rows(faults)
            rows = min(len(faults), MOST_ROWS)
            self.table.setFixedHeight(self.table.horizontalHeader().sizeHint().height() + rows * ROW_HEIGHT + 4)
        if isinstance(current, Proposal):
            self.table.selectRow(faults.index(current))
            self.card.show_fault(current)
        else:
            self.table.clearSelection()
            self.card.hide()


class _Card(QWidget):
    """One fault: what is there, what would be, and the two answers."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._fault: Proposal | None = None
        self._now, self._mended = QLabel(), QLabel()
        self._mend, self._leave = QPushButton(), QPushButton()
        self._mend.clicked.connect(bench.queue.mend)
        self._leave.clicked.connect(bench.queue.confirm)
        self._what = _small("")
        self._what.setWordWrap(True)
        answers = QHBoxLayout()
        answers.setSpacing(6)
        for button in (self._mend, self._leave):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keyboard stays with the picture
            answers.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(4)
        for widget in (_small("Now"), self._now, _small("Mended"), self._mended, self._what):
            layout.addWidget(widget)
        for picture in (self._now, self._mended):
            picture.setFixedSize(*PICTURE_SIZE)
        layout.addLayout(answers)
        layout.addStretch()

    def show_keys(self, mend: str, leave: str) -> None:
        for button, word, key in ((self._mend, "Mend", mend), (self._leave, "Leave", leave)):
            button.setText(f"{word}  {key}" if key else word)

    def show_fault(self, fault: Proposal) -> None:
        """The pictures follow once they are read."""
        self.show()
        if fault == self._fault:
            return
        self._fault = fault
        self._what.setText(f"{what_mends(fault)}.")
        self._now.clear()
        self._mended.clear()
        project, path, video = self._bench.project.path, self._bench.video_path, self._bench.view_state.video
        if project is None or path is None or video is None:
            return
        ratio = self.devicePixelRatio()
        size = round(PICTURE_SIZE[0] * ratio), round(PICTURE_SIZE[1] * ratio)
        self._bench.background.run(
            lambda: fault_pictures(project, path, video.id, fault, size),
            lambda pictures: self._show_pictures(fault, pictures),
            partial(self._show_failure, fault),
        )

    def _show_pictures(self, fault: Proposal, pictures: tuple[Picture, Picture]) -> None:
        if fault == self._fault:
            for label, picture in zip((self._now, self._mended), pictures, strict=True):
                label.setPixmap(_pixmap(picture, self.devicePixelRatio()))

    def _show_failure(self, fault: Proposal, text: str) -> None:
        if fault == self._fault:
            self._what.setText(text)


def _pixmap(rgba: Picture, ratio: float) -> QPixmap:
    rgba = np.ascontiguousarray(rgba)
    height, width, _ = rgba.shape
    pixmap = QPixmap.fromImage(QImage(rgba.data, width, height, 4 * width, QImage.Format.Format_RGBA8888))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def _small(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("muted")
    return label

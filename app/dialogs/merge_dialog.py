"""With which other track is this person one?"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.look.colours import dot, track_colour
from jmpose_core.frame_numbers import frame_range
from jmpose_core.project import Lane

WIDTH: Final = 380  # pixels


class MergeDialog(QDialog):
    """Lists the other tracks, the likeliest first; `chosen` tells one of them."""

    chosen = Signal(int)

    def __init__(self, lane: Lane, others: Sequence[Lane], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Merge person {lane.track_id} with")
        self.setMinimumWidth(WIDTH)
        self.tracks = QListWidget()
        self.tracks.setIconSize(QSize(9, 9))
        for other in sorted(others, key=lambda other: (shared_frames(lane, other), _gap(lane, other))):
            item = QListWidgetItem(dot(track_colour(other.track_id)), _told(lane, other))
            item.setData(Qt.ItemDataRole.UserRole, other.track_id)
            self.tracks.addItem(item)
        self.tracks.setCurrentRow(0)
        self.tracks.itemDoubleClicked.connect(self.accept)
        note = QLabel(
            f"Everybody on it becomes person {lane.track_id}. Where both are in a frame, labels of both stay; "
            f"otherwise the joints of person {lane.track_id} do."
        )
        note.setObjectName("muted")
        note.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        merge = buttons.addButton("Merge", QDialogButtonBox.ButtonRole.AcceptRole)
        merge.setDefault(True)
        merge.setEnabled(bool(others))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        for widget in (self.tracks, note, buttons):
            layout.addWidget(widget)
        self.accepted.connect(self._choose)

    def _choose(self) -> None:
        if (item := self.tracks.currentItem()) is not None:
            self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))


def shared_frames(lane: Lane, other: Lane) -> int:
    """In how many frames both are."""
    return len(np.intersect1d(lane.frame_index, other.frame_index, assume_unique=True))


def _gap(lane: Lane, other: Lane) -> int:
    """Frames between the two, where one follows the other."""
    after = int(other.frame_index[0] - lane.frame_index[-1])
    before = int(lane.frame_index[0] - other.frame_index[-1])
    return max(after, before, 0)


def _told(lane: Lane, other: Lane) -> str:
    frames = frame_range(int(other.frame_index[0]), int(other.frame_index[-1]) + 1)
    shared = shared_frames(lane, other)
    return f"Person {other.track_id}, {frames}" + (f", {shared} of them together" if shared else "")

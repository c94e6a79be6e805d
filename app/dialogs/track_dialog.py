"""Which track, and in which frames?"""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QSpinBox, QWidget

from app.session.view_state import ViewState
from jmpose_core.frame_numbers import frame_range

FrameRange = tuple[int, int]  # first, last; `last` excluded


class TrackDialog(QDialog):
    """Asks for a track and an explicit range; `chosen` tells (track, first, last), `last` excluded."""

    chosen = Signal(int, int, int)

    def __init__(self, title: str, track_id: int, ranges: Sequence[tuple[str, FrameRange]], parent: QWidget) -> None:
        """`track_id` and the first of `ranges`, each with its name, are what is offered."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self._number = QSpinBox()
        self._number.setButtonSymbols(QSpinBox.ButtonSymbols.UpDownArrows)
        self._number.setRange(0, 1_000_000)
        self._number.setValue(track_id)
        self._number.selectAll()
        self._range = QComboBox()
        for name, frames in ranges:
            self._range.addItem(name, frames)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.setContentsMargins(20, 18, 20, 16)
        form.setSpacing(12)
        form.addRow("Track", self._number)
        form.addRow("Frames", self._range)
        form.addRow(buttons)
        self.accepted.connect(lambda: self.chosen.emit(self._number.value(), *self._range.currentData()))


def ranges_of(view_state: ViewState) -> list[tuple[str, FrameRange]]:
    """The ranges of frames that an edit of a track may have, with their names; the marked one first."""
    here, end = view_state.frame_index, view_state.video.frame_count if view_state.video is not None else 0
    marked = view_state.marked
    return [
        *([(f"Marked: {frame_range(*marked)}", marked)] if marked is not None else []),
        ("From here to the end", (here, end)),
        ("In this frame only", (here, here + 1)),
        ("From the start to here", (0, here + 1)),
        ("In the whole video", (0, end)),
    ]

"""Which track is this person, and in which frames?"""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QSpinBox, QWidget


class TrackDialog(QDialog):
    """Asks for a track and an explicit range; `chosen` tells (track, first, last), `last` excluded."""

    chosen = Signal(int, int, int)

    def __init__(self, track_id: int, frame_index: int, frame_count: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Set track of person {track_id}")
        self._number = QSpinBox()
        self._number.setButtonSymbols(QSpinBox.ButtonSymbols.UpDownArrows)
        self._number.setRange(0, 1_000_000)
        self._number.setValue(track_id)
        self._number.selectAll()
        self._range = QComboBox()
        self._range.addItem("From here to the end", (frame_index, frame_count))
        self._range.addItem("In this frame only", (frame_index, frame_index + 1))
        self._range.addItem("From the start to here", (0, frame_index + 1))
        self._range.addItem("In the whole video", (0, frame_count))
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

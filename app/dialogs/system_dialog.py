"""Which pose network the next prediction and the panels use: one that is installed, or a weights file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

_WHAT: Final = {
    "jmpose_lite": "JM-Pose: five frames, flow and heatmaps learn from each other",
    "tdmi_lite": "TDMI: five frames, feature differences",
    "tdmi_st_lite": "TDMI-ST: TDMI with the supporting frames aligned",
    "famipose_lite": "FAMI-Pose: five frames, features aligned to the key frame",
    "dcpose_lite": "DCPose: three frames, heatmaps warped and merged",
    "compact_lite": "The backbone alone, frame by frame",
}
_PATH: Final = Qt.ItemDataRole.UserRole


class SystemDialog(QDialog):
    """A list to choose from; a file that was used last stands in it, too."""

    chosen = Signal(str)  # a bundled name, or a weights file's path

    def __init__(self, names: Sequence[str], current: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Pose network")
        self.resize(520, 320)
        note = QLabel("Predictions that are there stay as they are. The next one, and the panels, use:")
        note.setWordWrap(True)
        self.list = QListWidget()
        for name in [*names, *([current] if current not in names else [])]:
            self._add(name)
        self._select(current)
        self.list.itemDoubleClicked.connect(lambda _: self.accept())
        browse = QPushButton("Weights file…")
        browse.clicked.connect(self._browse)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(browse, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Use")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(12)
        column.addWidget(note)
        column.addWidget(self.list, 1)
        column.addWidget(buttons)
        self.accepted.connect(self._announce)

    def _add(self, name: str) -> None:
        path = Path(name)
        item = QListWidgetItem(f"{path.stem}\n{_WHAT.get(name, str(path.parent) if path.suffix else '')}".strip())
        item.setData(_PATH, name)
        self.list.addItem(item)

    def _select(self, name: str) -> None:
        for row in range(self.list.count()):
            if self.list.item(row).data(_PATH) == name:
                self.list.setCurrentRow(row)

    def _browse(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Weights file", "", "Weights (*.safetensors)")
        if name:
            self._add(name)
            self._select(name)

    def _announce(self) -> None:
        if (item := self.list.currentItem()) is not None:
            self.chosen.emit(item.data(_PATH))

"""Which format, with what, to which file."""

from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from app.background import Background
from app.export import FORMATS, ExportFormat, export_video
from app.messages import Messages
from jmpose_core.formats.document import ExportSummary
from jmpose_core.project import VideoRecord


class ExportDialog(QDialog):
    """Writes in the background; what came of it is told as a message."""

    def __init__(
        self, project: Path, video: VideoRecord, background: Background, messages: Messages, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._project, self._video, self._background, self._messages = project, video, background, messages
        self.setWindowTitle(f"Export {video.name}")
        self.setMinimumWidth(520)
        self._format = QComboBox()
        for export_format in FORMATS:
            self._format.addItem(export_format.title, export_format)
        self._file = QLineEdit()
        self._propose_file()
        self._format.activated.connect(self._propose_file)
        self._scores = QCheckBox("With the model's confidences, as a prediction file has them")
        self._lay_out()

    def _lay_out(self) -> None:
        browse = QPushButton("Choose…")
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self._file, 1)
        row.addWidget(browse)
        note = QLabel("Absent joints are written as 0, 0, 0; occluded ones keep their place.")
        note.setObjectName("muted")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.setContentsMargins(20, 18, 20, 16)
        form.setSpacing(12)
        form.addRow("Format", self._format)
        form.addRow("File", row)
        form.addRow("", self._scores)
        form.addRow("", note)
        form.addRow(buttons)

    def _propose_file(self) -> None:
        """A file of the format's kind beside the project."""
        chosen: ExportFormat = self._format.currentData()
        stem = Path(self._video.name).stem
        self._file.setText(str(self._project.with_name(f"{stem}-{chosen.name}{chosen.suffix}")))

    def accept(self) -> None:
        path, scores = Path(self._file.text()), self._scores.isChecked()
        chosen: ExportFormat = self._format.currentData()
        self._background.run(
            lambda: export_video(self._project, self._video, path, chosen, scores=scores),
            lambda summary: self._messages.info(_told(path, summary)),
            self._messages.error,
        )
        super().accept()

    def _browse(self) -> None:
        chosen: ExportFormat = self._format.currentData()
        name, _ = QFileDialog.getSaveFileName(
            self, "Export to", self._file.text(), f"{chosen.title} (*{chosen.suffix})"
        )
        if name:
            self._file.setText(name)


def _told(path: Path, summary: ExportSummary) -> str:
    notes = "; ".join(summary.lines())
    return f"Exported {summary.people} people in {summary.images} frames to {path}" + (f" ({notes})" if notes else "")

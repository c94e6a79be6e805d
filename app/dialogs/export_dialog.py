"""Which format, with what, to which file; and what will be in it, before it is written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QFormLayout, QLineEdit, QPushButton, QWidget

from app.dialogs.forms import add_row
from app.dialogs.previewed_dialog import PreviewedDialog
from app.jobs.background import Background
from app.look.drops import FileDrops
from app.look.messages import Cause, Messages
from app.look.summary_view import Fact, counted, listed
from app.session.export import ExportCounts, ExportReader
from jmpose_core.formats.table import FORMATS, Format
from jmpose_core.project import VideoRecord
from jmpose_core.project.as_document import Which

# Of PoseTrack's files, and made anew for each of them: no project holds it, so none can lose it.
BOOKKEEPING: Final = frozenset((
    "images.id", "images.frame_id", "images.nframes", "images.vid_id", "images.has_no_densepose", "images.is_labeled",
    "images.width", "images.height", "annotations.id", "annotations.category_id",
))  # fmt: skip


WHICH: Final = {
    Which.ALL: "Everybody",
    Which.LABELLED: "Those of whom a joint was corrected or verified",
    Which.DONE: "Those of whom every joint was",
}


class ExportDialog(PreviewedDialog):
    """Writes in the background and reports the result as a message."""

    def __init__(
        self, project: Path, video: VideoRecord, background: Background, messages: Messages, parent: QWidget
    ) -> None:
        super().__init__(f"Export {video.name}", "Export", "Looking at what there is to write…", background, parent)
        self._project, self._video, self._messages = project, video, messages
        self._reader = ExportReader(project, video)
        self._facts: list[Fact] = []
        self.setMinimumWidth(620)
        self.summary.setMinimumHeight(160)
        self._format = QComboBox()
        for export_format in FORMATS:
            self._format.addItem(export_format.title, export_format)
        self._file = QLineEdit()
        self._scores = QCheckBox("With the model's confidences, as a prediction file has them")
        self._which = QComboBox()
        for which, text in WHICH.items():
            self._which.addItem(text, which)
        self._propose_file()
        self._which.currentIndexChanged.connect(self._preview)
        self._format.currentIndexChanged.connect(self._propose_file)
        self._format.currentIndexChanged.connect(self._preview)
        self._scores.toggled.connect(self._preview)
        self._file.textChanged.connect(self._show_facts)
        self._lay_out()
        self._preview()

    def _lay_out(self) -> None:
        browse = QPushButton("Choose…")
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        fields = QFormLayout()
        add_row(fields, "Format", self._format)
        add_row(fields, "File", self._file, browse)
        add_row(fields, "People", self._which)
        fields.addRow("", self._scores)
        self._compose(fields)
        FileDrops(self).dropped.connect(lambda paths: self._take_place(paths[0]))

    def choose(self, format_name: str) -> None:
        """Take another format."""
        self._format.setCurrentIndex([known.name for known in FORMATS].index(format_name))

    def refresh(self) -> None:
        """People have changed while the dialog is open, by a prediction that goes on."""
        self._reader.forget()
        self._preview()

    def _chosen(self) -> Format:
        return self._format.currentData()

    def _propose_file(self) -> None:
        """A file of the format's kind beside the project."""
        chosen, stem = self._chosen(), Path(self._video.name).stem
        self._file.setText(str(self._project.with_name(f"{stem}-{chosen.name}{chosen.suffix}")))

    def _take_place(self, path: Path) -> None:
        """A folder that was dropped holds the file; a file that was dropped is to be replaced."""
        self._file.setText(str(path / Path(self._file.text()).name if path.is_dir() else path))

    def _preview(self) -> None:
        """Say what the export would write as things are chosen now."""
        chosen, scores, which = self._chosen(), self._scores.isChecked(), self._which.currentData()
        self._scores.setEnabled("confidences" in chosen.holds)
        self._action.setEnabled(False)
        self._facts = []
        self._ask(lambda: self._reader.preview(chosen, scores=scores, which=which), self._show, self.summary.show_error)

    def _show(self, counts: ExportCounts) -> None:
        self._action.setEnabled(True)
        self._facts = list(export_facts(counts, self._chosen()))
        self._show_facts()

    def _show_facts(self) -> None:
        """Also that of a file which is there already."""
        path = Path(self._file.text())
        there = [Fact("Replaces", f"{path.name}, which exists", grave=True)] if path.is_file() else []
        if self._facts:
            self.summary.show_facts([*self._facts, *there])

    def accept(self) -> None:
        path, scores, which = Path(self._file.text()), self._scores.isChecked(), self._which.currentData()
        chosen = self._chosen()
        messages, reader = self._messages, self._reader

        def done(counts: ExportCounts) -> None:
            messages.settle(Cause.EXPORT)
            messages.info(f"Exported to {path}: {counts_text(counts)}.")

        self._background.run(
            lambda: reader.write(path, chosen, scores=scores, which=which),
            done,
            lambda text: messages.error(text, cause=Cause.EXPORT),
        )
        super().accept()

    def _browse(self) -> None:
        chosen = self._chosen()
        name, _ = QFileDialog.getSaveFileName(
            self, "Export to", self._file.text(), f"{chosen.title} (*{chosen.suffix})"
        )
        if name:
            self._file.setText(name)


def export_facts(counts: ExportCounts, export_format: Format) -> Iterator[Fact]:
    """What a person wants to know before the file is written."""
    summary = counts.summary
    yield Fact("Will be written", counts_text(counts))
    if not summary.people:
        yield Fact("", "There is nobody to write: the file will hold the images alone.", grave=True)
    yield Fact("Joints", "Absent joints are empty or 0, 0, 0; occluded ones keep their place.")
    lost = {what: count for what, count in summary.dropped.items() if what not in BOOKKEEPING}
    yield Fact("Left out", f"{export_format.title} has no place for {listed(lost)}" if lost else "nothing")
    yield Fact("Made up", f"derived, not labelled: {listed(summary.synthesised)}" if summary.synthesised else "nothing")


def counts_text(counts: ExportCounts) -> str:
    """The same words before and after writing."""
    summary = counts.summary
    return (
        f"{counted(summary.people, 'person', 'people')} in {counted(counts.frames, 'frame')}, "
        f"on {counted(counts.tracks, 'track')}; {counted(summary.images, 'image')} listed"
    )

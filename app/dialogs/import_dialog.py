"""Which annotation file, and what it would do to the open video, before anything is written."""

from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QFormLayout, QLineEdit, QPushButton, QWidget

from app.dialogs.forms import add_row
from app.dialogs.previewed_dialog import PreviewedDialog
from app.jobs.background import Background
from app.look.drops import FileDrops
from app.look.summary_view import Fact, counted, listed
from jmpose_core.formats.table import READ_SUFFIXES, title_of
from jmpose_core.project import Project, VideoRecord
from jmpose_core.project.importing import ImportAs, ImportPlan, Reading, plan_import
from jmpose_core.skeleton import JOINT_TITLES, JOINTS

HINT = "Choose a file. What it would change is shown here first; Undo takes an import back."
FILE_FILTER = f"Annotations ({' '.join(f'*{suffix}' for suffix in READ_SUFFIXES)});;All files (*)"
_CHOICES = (
    ("As the file says: with scores they are predictions", None),
    ("Labels, which predictions never override", ImportAs.LABELS),
    ("Predictions, which can be measured and corrected", ImportAs.PREDICTIONS),
)


class ImportDialog(PreviewedDialog):
    """`planned` says that the user wants it. Changes nothing itself."""

    planned = Signal(object)  # ImportPlan

    def __init__(self, project: Path, video: VideoRecord, background: Background, parent: QWidget) -> None:
        super().__init__(f"Import into {video.name}", "Import", HINT, background, parent)
        self._project, self._video = project, video
        self._plan: ImportPlan | None = None
        self._read_file = ""
        self.setMinimumWidth(660)
        self.summary.setMinimumHeight(250)
        self._file = QLineEdit()
        self._file.setPlaceholderText("JSON, XML, CSV, .slp, .mat; a YOLO-pose or HiEve folder")
        self._file.editingFinished.connect(self._read_if_other)
        self._as = QComboBox()
        for text, import_as in _CHOICES:
            self._as.addItem(text, import_as)
        self._as.currentIndexChanged.connect(self._read)
        self._by_position = QCheckBox("The first image is the first frame, and so on, whatever their names")
        self._by_position.toggled.connect(self._read)
        self._lay_out()

    def _lay_out(self) -> None:
        file, folder = QPushButton("File…"), QPushButton("Folder…")
        for button, slot in ((file, self._browse_file), (folder, self._browse_folder)):
            button.setAutoDefault(False)
            button.clicked.connect(slot)
        fields = QFormLayout()
        add_row(fields, "File", self._file, file, folder)
        add_row(fields, "People are", self._as)
        fields.addRow("", self._by_position)
        self._compose(fields)
        FileDrops(self).dropped.connect(lambda paths: self.choose(paths[0]))

    def choose(self, file: Path) -> None:
        """Look at a file or folder."""
        self._file.setText(str(file))
        self._read()

    def accept(self) -> None:
        if self._plan is not None:
            self.planned.emit(self._plan)
            super().accept()

    def _set_plan(self, plan: ImportPlan | None) -> None:
        self._plan = plan
        self._action.setEnabled(plan is not None and plan.people > 0)

    def _read_if_other(self) -> None:
        """The field also says that it was edited when it merely loses the keyboard."""
        if self._file.text() != self._read_file:
            self._read()

    def _read(self) -> None:
        """Read the file and say what importing it would do."""
        self._read_file = self._file.text()
        if not self._read_file.strip():
            return
        file = Path(self._read_file.strip())
        how = Reading(self._as.currentData(), by_position=self._by_position.isChecked())
        self._set_plan(None)
        self.summary.show_sentence(f"Reading {file.name}…")
        self._ask(lambda: read_plan(self._project, self._video, file, how), self._show, self._refuse)

    def _show(self, plan: ImportPlan) -> None:
        self._set_plan(plan)
        self.summary.show_facts(import_facts(plan))

    def _refuse(self, text: str) -> None:
        self.summary.show_error(f"{text}\n\nNothing was changed.")

    def _browse_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Import annotations", str(self._project.parent), FILE_FILTER)
        if name:
            self.choose(Path(name))

    def _browse_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Import a YOLO-pose or HiEve folder", str(self._project.parent))
        if name:
            self.choose(Path(name))


def read_plan(project: Path, video: VideoRecord, file: Path, how: Reading) -> ImportPlan:
    """What importing a file would do, over a connection of its own.

    Raises:
        ProjectError, VideoError, FormatError: as `plan_import`.
    """
    with Project.open(project, read_only=True) as opened:
        return plan_import(opened, video, file, how)


def import_facts(plan: ImportPlan) -> Iterator[Fact]:
    """What a person wants to know before a file changes the project."""
    yield Fact("Recognised", f"{title_of(plan.format_name)}, {counted(plan.images, 'image')}")
    yield Fact("Will be added", _added(plan))
    if not plan.people:
        yield Fact("", "Nobody in this file is on a frame of the video, so there is nothing to import.", grave=True)
    yield Fact("Will be replaced", _replaced(plan), grave=plan.replaced > 0)
    yield Fact("Frames", _matched(plan))
    if plan.match.left_out:
        yield Fact("Do not fit", _misfits(plan), grave=True)
    for note in plan.notes:
        yield Fact("In the file", note)
    if plan.other_size and plan.image_size is not None:
        (width, height), video = plan.image_size, plan.video
        text = f"The file's images are {width} × {height}, the video is {video.width} × {video.height}: "
        yield Fact("Other size", text + "its joints may lie elsewhere", grave=True)
    if plan.missing_joints:
        names = ", ".join(JOINT_TITLES[JOINTS.index(name)] for name in plan.missing_joints)
        yield Fact("Joints missing", f"{names}: not named in the file, so absent until predicted or placed")
    if plan.dropped:
        yield Fact("Not kept", f"a project has no place for {listed(plan.dropped)}")
    if plan.synthesised:
        yield Fact("Made up", f"not in the file: {listed(plan.synthesised)}")


def _added(plan: ImportPlan) -> str:
    people = f"{counted(plan.people, 'person', 'people')} on {counted(plan.tracks, 'track')} in "
    frames = counted(plan.frames, "frame")
    if plan.labels and plan.predictions:
        return f"{people}{frames}: {len(plan.labels):,} labels, {len(plan.predictions):,} predictions"
    kind = " as predictions" if plan.predictions else " as labels"
    return f"{people}{frames}{kind if plan.people else ''}"


def _replaced(plan: ImportPlan) -> str:
    kept = f"; {counted(plan.kept, 'person', 'people')} with corrected joints stay" if plan.kept else ""
    if not plan.replaced:
        return f"nobody{kept}"
    return f"{counted(plan.replaced, 'person', 'people')} already on these frames{kept}"


def _matched(plan: ImportPlan) -> str:
    return f"matched by {plan.match.by}"


def _misfits(plan: ImportPlan) -> str:
    images = counted(len(plan.match.left_out), "image")
    verb = "is" if len(plan.match.left_out) == 1 else "are"
    people = counted(plan.left_out_people, "person", "people")
    return f"{images} {verb} no frame of this video (the first is {plan.match.left_out[0]}): {people} left out"

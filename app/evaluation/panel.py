"""How good the predictions of this video are, by what people made of them; and where they are worst."""

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.evaluation.joint_bars import JointBars
from app.evaluation.tables import FigureModel, FigureTable, WorstModel, WorstTable
from app.look.summary_view import counted
from app.session.measuring import FRAMES_TO_TRACK, Evaluation, Measured
from app.session.navigator import Navigator
from jmpose_core.evaluation.worst import worst
from jmpose_core.skeleton import JOINT_TITLES, JOINTS

LEAST_WIDTH = 576  # pixels: no column of the figures is cut
BARS_HEIGHT, WORST_HEIGHT = 232, 150  # pixels: fifteen legible bars, and some rows
FIRST_STEPS = (
    "Nothing to measure yet: no person of this video has a joint that was corrected or verified.\n\n"
    "Drag a joint to where it belongs, or press Enter to verify a person as it is, in a few frames. "
    "Or import labels (File ▸ Import…). The predictions are then measured against them."
)
NO_PREDICTIONS = (
    "There are labels, but no predictions to measure: predict this video (Model ▸ Predict), or import predictions "
    "(File ▸ Import…)."
)


class EvaluationPanel(QWidget):
    """A table of figures, one of them by joint, and its worst frames; a click goes there."""

    def __init__(self, evaluation: Evaluation, navigator: Navigator) -> None:
        super().__init__()
        self.setMinimumWidth(LEAST_WIDTH)
        self._evaluation, self._navigator = evaluation, navigator
        self._measured: Measured | None = None
        self.figures, self.worst = FigureModel(), WorstModel()
        self.figure_table, self.worst_table = FigureTable(self.figures), WorstTable(self.worst)
        self.bars = JointBars()
        self._note, self._small_print = _wrapped(""), _wrapped("muted")
        self._again = QPushButton("Measure again")
        self._again.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._bars_title, self._worst_title = QLabel(), _wrapped("")
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._results = QScrollArea()
        self._lay_out()
        self._again.clicked.connect(evaluation.start)
        self.figure_table.cell_chosen.connect(self._on_cell)
        self.worst_table.error_chosen.connect(
            lambda error: navigator.go_to(error.frame_index, error.track_id, error.joint)
        )
        self.bars.joint_clicked.connect(self._on_bar)
        evaluation.started.connect(self._on_started)
        evaluation.measured.connect(self._on_measured)
        evaluation.failed.connect(self._on_failed)
        evaluation.outdated.connect(self._on_outdated)
        self.clear()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._note, 1)
        head.addWidget(self._again, 0, Qt.AlignmentFlag.AlignTop)
        self.bars.setFixedHeight(BARS_HEIGHT)
        self.worst_table.setMinimumHeight(WORST_HEIGHT)
        results = QWidget()
        below = QVBoxLayout(results)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(6)
        below.addWidget(self.figure_table)
        for title, widget in ((self._bars_title, self.bars), (self._worst_title, self.worst_table)):
            below.addSpacing(6)
            below.addWidget(title)
            below.addWidget(widget)
        below.setStretch(below.count() - 1, 1)
        self._results.setWidget(results)
        self._results.setWidgetResizable(True)
        self._results.setFrameShape(QFrame.Shape.NoFrame)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 2, 10, 10)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._small_print)
        column.addWidget(self._busy)
        column.addWidget(self._results, 1)
        column.addStretch(0)

    @property
    def note(self) -> str:
        """What was measured, or why nothing was."""
        return self._note.text()

    def clear(self) -> None:
        """Forget what was measured: another video is looked at."""
        self._measured = None
        self._say("", again=False)
        self._show_results(False)

    def _on_started(self) -> None:
        self._say("Measuring…", again=False)
        self._busy.show()

    def _on_failed(self, text: str) -> None:
        self._say(text)
        self._show_results(False)

    def _on_outdated(self) -> None:
        """The figures stay to be read; what they are of is said."""
        if self._measured is not None and self._busy.isHidden() and not self._note.text().startswith("Changed"):
            self._note.setText(f"Changed since it was measured. {self._note.text()}")

    def _on_measured(self, measured: Measured) -> None:
        self._measured = measured
        self._say(_note(measured), _small_print(measured))
        self.figures.set_rows(measured.rows)
        self.figure_table.fit_rows()
        self._show_results(bool(measured.rows))
        if measured.rows:
            self.figure_table.setCurrentIndex(self.figures.index(0, self.figures.columnCount() - 1))

    def _on_cell(self, index: QModelIndex) -> None:
        self._show_figure(index.row(), self.figures.joints(index))

    def _on_bar(self, joint: int) -> None:
        self._show_figure(max(self.figure_table.currentIndex().row(), 0), [joint])

    def _show_figure(self, row_index: int, joints: list[int]) -> None:
        row = self.figures.rows[row_index]
        found = worst(self._measured.errors if self._measured is not None else [], joints, row.name)
        self.bars.show_figure(row.joints, joints)
        self.worst.set_rows(found)
        self.worst_table.scrollToTop()
        self._bars_title.setText(f"{row.title} by joint, %")
        what = "all joints" if len(joints) == len(JOINTS) else ", ".join(JOINT_TITLES[j] for j in joints)
        if found:
            self._worst_title.setText(f"Worst frames for {row.title}: {what}. Click to go there.")
        else:
            self._worst_title.setText(f"No worst frames for {row.title}: {what}.")

    def _say(self, note: str, small_print: str = "", *, again: bool = True) -> None:
        self._note.setText(note)
        self._small_print.setText(small_print)
        self._small_print.setVisible(bool(small_print))
        self._again.setVisible(again)
        self._busy.hide()

    def _show_results(self, shown: bool) -> None:
        self._results.setVisible(shown)


def _note(measured: Measured) -> str:
    corrected = measured.corrected
    if not corrected.people:
        return FIRST_STEPS
    if not measured.predicted_people:
        return NO_PREDICTIONS
    people, frames = counted(corrected.people, "person", "people"), counted(len(corrected.frames), "frame")
    return (
        f"{people} in {frames} of {measured.video.frame_count:,}: those of whom somebody corrected or verified a joint."
    )


def _small_print(measured: Measured) -> str:
    """What a reader must know to trust the figures."""
    corrected = measured.corrected
    if not measured.rows:
        return ""
    accepted = corrected.joints - corrected.by_hand
    lines = [f"{counted(corrected.joints, 'joint')}, {corrected.by_hand:,} by hand"]
    if accepted:
        lines[0] += f"; the other {accepted:,} were left as predicted, and count as right"
    if len(corrected.frames) < FRAMES_TO_TRACK:
        lines.append("poseval's AP and tracking figures need two frames")
    if corrected.estimated_heads:
        heads = counted(corrected.estimated_heads, "person", "people")
        lines.append(f"the head size of {heads} is estimated from the box")
    if corrected.without_size:
        lines.append(f"{counted(corrected.without_size, 'person', 'people')} without head and box left out")
    lines.append("a prediction moves with its track, so changed tracks that were mended by hand are not seen")
    return ". ".join(line[0].upper() + line[1:] for line in lines) + "."


def _wrapped(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label

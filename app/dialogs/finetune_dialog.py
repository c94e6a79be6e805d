"""What a fine-tuning would learn from, its progress and loss, and the new weights at its end."""

from collections.abc import Iterator
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.jobs.finetune_job import FinetuneJob
from app.look.summary_view import Fact, SummaryView, counted
from app.session.finetuning import FinetunePlan
from jmpose_core.training_messages import Preparing, StepsDone


class FinetuneDialog(QDialog):
    """Asks, then shows the training. Not modal: work goes on while it trains.

    Closing it leaves a training to go on: the status bar shows it, and brings the dialog back.
    """

    weights_chosen = Signal(str)

    def __init__(self, job: FinetuneJob, parent: QWidget) -> None:
        super().__init__(parent)
        self._job = job
        self._plan: FinetunePlan | None = None
        self._weights = ""
        self._losses: list[float] = []
        self._steps: list[int] = []
        self._left_out: list[str] = []
        self.setWindowTitle("Fine-tune")
        self.resize(520, 360)
        self.summary = SummaryView("")
        self._note = QLabel("Starting…")
        self._note.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._plot = pg.PlotWidget()
        self._curve = self._plot.plot(pen=pg.mkPen(self.palette().color(QPalette.ColorRole.Highlight), width=2))
        self._plot.setBackground(self.palette().color(QPalette.ColorRole.Base))
        self._plot.setLabel("bottom", "step")
        self._plot.setLabel("left", "loss")
        self._plot.setMenuEnabled(False)
        self._pages = QStackedWidget()
        self._close = QPushButton("Close")
        self._cancel = QPushButton("Cancel training")
        self.start_button = QPushButton("Start training")
        self._use = QPushButton("Use new weights")
        self._lay_out()
        self._close.clicked.connect(self.reject)
        self._cancel.clicked.connect(self._on_cancel)
        self.start_button.clicked.connect(self._start)
        self._use.clicked.connect(self._choose)
        job.prepared.connect(self._on_prepared)
        job.progressed.connect(self._on_progress)
        job.left_out.connect(self._on_left_out)
        job.finished.connect(self._on_finished)
        job.ended.connect(self._on_ended)

    def _lay_out(self) -> None:
        training = QWidget()
        below = QVBoxLayout(training)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(12)
        below.addWidget(self._note)
        below.addWidget(self._bar)
        below.addWidget(self._plot, 1)
        self._pages.addWidget(self.summary)
        self._pages.addWidget(training)
        buttons = QHBoxLayout()
        buttons.addStretch()
        for button in (self._close, self._cancel, self.start_button, self._use):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(12)
        column.addWidget(self._pages, 1)
        column.addLayout(buttons)

    @property
    def note(self) -> str:
        """What the training does now, or what came of it."""
        return self._note.text()

    # Asking

    def ask(self, project: Path) -> None:
        """Nothing starts before the user has seen what would be trained on."""
        self._plan = None
        self.summary.show_sentence(f"Counting the corrected joints of {project.name}…")
        self._show_page(0)
        self._offer(self.start_button, enabled=False)
        self.show()
        self.raise_()

    def show_plan(self, plan: FinetunePlan) -> None:
        """What would be trained on; or why there is nothing to start."""
        self._plan = plan if plan.people else None
        self.summary.show_facts(plan_facts(plan))
        self._offer(self.start_button, enabled=self._plan is not None)

    def refuse(self, text: str) -> None:
        """It cannot be found out."""
        self.summary.show_error(text)

    def _start(self) -> None:
        if self._plan is None or self._job.running:
            return
        self._losses.clear()
        self._left_out.clear()
        self._steps.clear()
        self._curve.setData([], [])
        self._bar.setRange(0, 0)
        self._note.setText("Preparing the corrected joints…")
        self._job.start(self._plan.project, self._plan.out, self._plan.weights)
        self.show_running()

    # The training

    def show_running(self) -> None:
        """The training that runs."""
        self._show_page(1)
        self._offer(self._cancel)
        self.show()
        self.raise_()

    def _on_cancel(self) -> None:
        self._note.setText("Cancelling…")
        self._cancel.setEnabled(False)
        self._bar.setRange(0, 0)
        self._job.cancel()

    def _on_prepared(self, preparing: Preparing) -> None:
        if not self._cancel.isEnabled():
            return
        self._bar.setRange(0, max(preparing.total, 1))
        self._bar.setValue(preparing.done)
        self._note.setText(f"{preparing.what.capitalize()}: {preparing.done} of {preparing.total}")

    def _on_left_out(self, what: str) -> None:
        self._left_out.append(what)

    def _on_progress(self, progress: StepsDone) -> None:
        if not self._cancel.isEnabled():
            return
        self._bar.setRange(0, max(progress.steps, 1))
        self._bar.setValue(progress.step)
        self._steps.append(progress.step)
        self._losses.append(progress.loss)
        self._curve.setData(self._steps, self._losses)
        left = (progress.steps - progress.step) / progress.per_second if progress.per_second > 0 else 0.0
        rate = f" · {progress.per_second:.1f} steps/s · {left:.0f} s left" if left else ""
        self._note.setText(f"Step {progress.step} of {progress.steps} · loss {progress.loss:.4g}{rate}")

    def _on_finished(self, weights: str, measured: str) -> None:
        self._weights = weights
        self._bar.setRange(0, 1)
        self._bar.setValue(1)
        left_out = f"\nLeft out:\n{_first(self._left_out)}" if self._left_out else ""
        self._note.setText(f"Done. {measured}".strip() + left_out)
        self._offer(self._use)
        self._show_page(1)
        self.show()

    def _on_ended(self, text: str, _details: str) -> None:
        self._bar.setRange(0, 1)
        self._bar.setValue(0)
        self._note.setText(text or "Training cancelled; nothing was changed.")
        self._offer(None)

    def _choose(self) -> None:
        self.weights_chosen.emit(self._weights)
        self.hide()

    def _show_page(self, page: int) -> None:
        self._pages.setCurrentIndex(page)

    def _offer(self, wanted: QPushButton | None, *, enabled: bool = True) -> None:
        """One button beside Close: what can be done now."""
        for button in (self._cancel, self.start_button, self._use):
            button.setVisible(button is wanted)
            button.setEnabled(enabled)
            button.setDefault(button is wanted and button is not self._cancel)


def plan_facts(plan: FinetunePlan) -> Iterator[Fact]:
    """What a person wants to know before a training starts."""
    if not plan.people:
        yield Fact(
            "Learns from",
            "nothing yet: nobody in this project has a corrected or verified joint. "
            "Drag some joints to where they belong first.",
            grave=True,
        )
        return
    people, frames = counted(plan.people, "person", "people"), counted(plan.frames, "frame")
    yield Fact("Learns from", f"{people} in {frames}: {counted(plan.joints, 'corrected or verified joint')}")
    if plan.held_out:
        yield Fact(
            "Is measured on", f"{counted(plan.held_out, 'frame')} of these, held out; kept only where it is better"
        )
    else:
        yield Fact("Is measured on", "nothing: that takes five corrected frames", grave=True)
    yield Fact("Starts from", Path(plan.weights).stem)
    yield Fact("Writes to", str(plan.out))
    yield Fact("Meanwhile", "work can go on. Predictions are slower while it trains.")


def _first(lines: list[str]) -> str:
    """Up to three lines, and how many more there are."""
    more = [f"and {len(lines) - 3} more"] if len(lines) > 3 else []
    return "\n".join([*lines[:3], *more])

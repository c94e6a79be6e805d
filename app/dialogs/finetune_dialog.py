"""Progress and loss of a fine-tuning, and the new weights at its end."""

import pyqtgraph as pg
from PySide6.QtCore import Signal
from PySide6.QtGui import QCloseEvent, QPalette
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.jobs.finetune_job import FinetuneJob, FinetuneProgress


class FinetuneDialog(QDialog):
    """Not modal: work goes on while it trains. Closing it hides it; only the button cancels."""

    weights_chosen = Signal(str)

    def __init__(self, job: FinetuneJob, parent: QWidget) -> None:
        super().__init__(parent)
        self._job = job
        self._weights = ""
        self._losses: list[float] = []
        self._steps: list[int] = []
        self.setWindowTitle("Fine-tune")
        self.resize(480, 340)
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
        self._cancel = QPushButton("Cancel training")
        self._use = QPushButton("Use new weights")
        self._use.setDefault(True)
        self._use.setEnabled(False)
        self._lay_out()
        self._cancel.clicked.connect(self._job.cancel)
        self._use.clicked.connect(self._choose)
        job.progressed.connect(self._on_progress)
        job.finished.connect(self._on_finished)
        job.ended.connect(self._on_ended)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self._cancel)
        buttons.addWidget(self._use)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(12)
        column.addWidget(self._note)
        column.addWidget(self._bar)
        column.addWidget(self._plot, 1)
        column.addLayout(buttons)

    def begin(self) -> None:
        """Show a training from its start."""
        self._losses.clear()
        self._steps.clear()
        self._curve.setData([], [])
        self._bar.setRange(0, 0)
        self._note.setText("Preparing the corrected joints…")
        self._use.setEnabled(False)
        self._cancel.setEnabled(True)
        self.show()
        self.raise_()

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.hide()

    def _on_progress(self, progress: FinetuneProgress) -> None:
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
        self._bar.setValue(self._bar.maximum())
        self._note.setText(f"Done. {measured}".strip())
        self._cancel.setEnabled(False)
        self._use.setEnabled(True)
        self.show()

    def _on_ended(self, text: str, _details: str) -> None:
        self._bar.setRange(0, 1)
        self._bar.setValue(0)
        self._note.setText(text or "Training cancelled; nothing was changed.")
        self._cancel.setEnabled(False)

    def _choose(self) -> None:
        self.weights_chosen.emit(self._weights)
        self.hide()

"""The status bar: where we are, what is selected, what the engine and the training do."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QSizePolicy, QStatusBar, QToolButton

from app.look.icons import icon
from app.look.words import joint_note
from app.session.workbench import Workbench
from app.timeline.paint import clock
from jmpose_core.engine.protocol import Progress
from jmpose_core.frame_numbers import frame_number
from jmpose_core.skeleton import JOINT_TITLES
from jmpose_core.training_messages import StepsDone


class StatusBar(QStatusBar):
    """`frame 118/230 · 0:03.93 · person 2 · left wrist 0.83 predicted | estimating poses · 1:20 left`."""

    training_clicked = Signal()

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self.setSizeGripEnabled(False)
        self._place, self._engine = QLabel(), QLabel()
        self._place.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )  # gives way where it is narrow
        self._training = QToolButton()
        self._training.setToolTip("Show the training that runs")
        self._training.clicked.connect(self.training_clicked)
        self._bar = QProgressBar()
        self._bar.setFixedWidth(150)
        self._bar.setTextVisible(False)
        self._cancel = QToolButton()
        self._cancel.setIcon(icon("stop"))
        self._cancel.setToolTip("Cancel prediction (Ctrl+.)")
        self._cancel.clicked.connect(bench.predictions.cancel)
        for button in (self._training, self._cancel):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._share = 0.0
        self.addWidget(self._place, 1)
        for widget in (self._training, self._engine, self._bar, self._cancel):
            self.addPermanentWidget(widget)
        bench.view_state.video_changed.connect(self._refresh)
        bench.shown.person_changed.connect(self._refresh)
        bench.inference.state_changed.connect(self._on_engine)
        bench.predictions.state_changed.connect(self._on_engine)
        bench.inference.progressed.connect(self._on_progress)
        bench.finetune.state_changed.connect(self._on_training)
        bench.finetune.progressed.connect(self._on_training_progress)
        self._on_engine()
        self._on_training()

    @property
    def place(self) -> str:
        """Where we are, in words."""
        return self._place.text()

    @property
    def engine(self) -> str:
        """What the engine does, in words."""
        return self._engine.text()

    @property
    def training(self) -> str:
        """How far the training is; empty where none runs."""
        return self._training.text() if self._bench.finetune.running else ""

    def _refresh(self) -> None:
        state, shown = self._bench.view_state, self._bench.shown
        if state.video is None:
            self._place.setText("")
            return
        moment = clock(state.frame_index / state.video.fps)
        parts = [f"frame {frame_number(state.frame_index)}/{state.video.frame_count}", moment]
        if (person := shown.person) is not None:
            parts.append(f"person {person.track_id}")
            if shown.joint is not None:
                parts.append(f"{JOINT_TITLES[shown.joint]} {joint_note(person, shown.joint)}")
        self._place.setText("  ·  ".join(parts))

    def _on_engine(self) -> None:
        inference, predictions = self._bench.inference, self._bench.predictions
        self._bar.setVisible(predictions.running)
        self._cancel.setVisible(predictions.running)
        self._cancel.setEnabled(not predictions.cancelling)
        if predictions.cancelling:
            self._engine.setText("cancelling…")
            self._bar.setRange(0, 0)
        elif predictions.running:
            self._share = 0.0
            self._engine.setText("starting…")
            self._bar.setRange(0, 0)
        else:
            device = f" · {inference.device}" if inference.device else ""
            self._engine.setText(f"{inference.state.value}{device} · {Path(self._bench.settings.weights).stem}")

    def _on_progress(self, progress: Progress) -> None:
        """One bar and one time left over all stages; the bar never goes back."""
        if self._bench.predictions.cancelling or not self._bench.predictions.running:
            return
        self._share = max(progress.done / max(progress.total, 1), self._share)
        self._bar.setRange(0, 1000)
        self._bar.setValue(round(self._share * 1000))
        parts = [progress.stage, f"{self._share:.0%}"]
        if progress.seconds_left is not None:
            minutes, seconds = divmod(round(progress.seconds_left), 60)
            parts.append(f"{minutes}:{seconds:02d} left")
        self._engine.setText("  ·  ".join(parts))

    def _on_training(self) -> None:
        self._training.setVisible(self._bench.finetune.running)
        self._training.setText("training…")

    def _on_training_progress(self, progress: StepsDone) -> None:
        self._training.setText(f"training {progress.step}/{progress.steps}")

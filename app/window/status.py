"""The status bar: where we are, what is selected, what the engine does."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QToolButton

from app.look.icons import icon
from app.session.workbench import Workbench
from app.timeline.paint import clock
from jmpose_core.annotations import Origin, Visibility
from jmpose_core.engine.protocol import Progress
from jmpose_core.skeleton import JOINTS


class StatusBar(QStatusBar):
    """`frame 118/230 · 0:03.93 · person 2 · left wrist 0.83 predicted | engine: 14/s`."""

    cancelled = Signal()

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self.setSizeGripEnabled(False)
        self._place, self._engine = QLabel(), QLabel()
        self._bar = QProgressBar()
        self._bar.setFixedWidth(160)
        self._bar.setTextVisible(False)
        self._cancel = QToolButton()
        self._cancel.setIcon(icon("stop"))
        self._cancel.setToolTip("Cancel prediction (Ctrl+.)")
        self._cancel.clicked.connect(self.cancelled)
        self.addWidget(self._place, 1)
        for widget in (self._engine, self._bar, self._cancel):
            self.addPermanentWidget(widget)
        bench.view_state.frame_changed.connect(lambda _: self.refresh())
        bench.view_state.selection_changed.connect(self.refresh)
        bench.view_state.video_changed.connect(self.refresh)
        bench.document.people_changed.connect(lambda *_: self.refresh())
        bench.inference.state_changed.connect(self._on_engine)
        bench.inference.progressed.connect(self._on_progress)
        self._on_engine()

    @property
    def place(self) -> str:
        return self._place.text()

    def refresh(self) -> None:
        """Write down where we are."""
        state = self._bench.view_state
        if state.video is None:
            self._place.setText("")
            return
        moment = clock(state.frame_index / state.video.fps)
        parts = [f"frame {state.frame_index + 1}/{state.video.frame_count}", moment]
        if (person := self._bench.editor.person_shown) is not None:
            parts.append(f"person {person.track_id}")
            if state.joint is not None:
                visibility = Visibility(person.visibility[state.joint])
                seen = "" if visibility is Visibility.VISIBLE else f" {visibility.name.lower()}"
                origin = Origin(person.origin[state.joint])
                word = "" if origin is Origin.NONE else f" {origin.name.lower()}"
                name = JOINTS[state.joint].replace("_", " ")
                parts.append(f"{name} {person.confidence[state.joint]:.2f}{seen}{word}")
        self._place.setText("  ·  ".join(parts))

    def _on_engine(self) -> None:
        inference = self._bench.inference
        device = f" · {inference.device}" if inference.device else ""
        system = Path(self._bench.settings.weights).stem
        self._engine.setText(f"{inference.state.value}{device} · {system}")
        self._bar.setVisible(inference.running)
        self._cancel.setVisible(inference.running)
        if inference.running:
            self._bar.setRange(0, 0)

    def _on_progress(self, progress: Progress) -> None:
        self._bar.setRange(0, max(progress.total, 1))
        self._bar.setValue(progress.done)
        left = (progress.total - progress.done) / progress.per_second if progress.per_second > 0 else None
        parts = [progress.stage, f"{progress.done}/{progress.total}", f"{progress.per_second:.1f}/s"]
        if left is not None:
            parts.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
        self._engine.setText("  ·  ".join(parts))

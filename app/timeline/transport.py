"""The row above the timeline: play, step, and where we are."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QIntValidator
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from app.look.icons import icon
from app.session.view_state import ViewState
from app.timeline.paint import clock


class Transport(QWidget):
    """Buttons of existing actions, and the frame number to read or type."""

    def __init__(self, view_state: ViewState, actions: dict[str, QAction]) -> None:
        super().__init__()
        self._view_state = view_state
        self._play_action = actions["play"]
        self._number = QLineEdit()
        self._validator = QIntValidator(self._number)
        self._number.setValidator(self._validator)
        self._number.setFixedWidth(64)
        self._number.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._number.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._number.setAccessibleName("Frame number")
        self._number.returnPressed.connect(self._go)
        self._total, self._clock = QLabel(), QLabel()
        for label in (self._total, self._clock):
            label.setObjectName("muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 2)
        row.setSpacing(2)
        for name in ("first", "previous", "play", "next", "last"):
            button = QToolButton()
            button.setDefaultAction(actions[name])
            button.setIconSize(QSize(18, 18))
            row.addWidget(button)
        row.addSpacing(10)
        row.addWidget(self._number)
        row.addSpacing(4)
        row.addWidget(self._total)
        row.addSpacing(14)
        row.addWidget(self._clock)
        row.addStretch()
        view_state.video_changed.connect(self._on_video)
        view_state.frame_changed.connect(self._on_frame)
        self._on_video()

    def set_playing(self, playing: bool) -> None:
        self._play_action.setIcon(icon("pause" if playing else "play"))
        self._play_action.setText("Pause" if playing else "Play")

    def _go(self) -> None:
        self._number.clearFocus()
        self._view_state.set_frame(int(self._number.text()) - 1)

    def _on_video(self) -> None:
        video = self._view_state.video
        count = video.frame_count if video is not None else 0
        self._validator.setRange(1, max(count, 1))
        self._total.setText(f"/ {count}" if count else "")
        self._number.setEnabled(bool(count))
        self._on_frame(self._view_state.frame_index)

    def _on_frame(self, frame_index: int) -> None:
        video = self._view_state.video
        self._number.setText(str(frame_index + 1) if video is not None else "")
        self._clock.setText(clock(frame_index / video.fps) if video is not None else "")

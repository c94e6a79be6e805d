"""The row above the timeline: play, step, and where we are."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QFocusEvent, QIntValidator, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from app.look.icons import icon
from app.session.playback import Playback
from app.session.view_state import ViewState
from app.timeline.paint import clock
from jmpose_core.frame_numbers import frame_index_of, frame_number

LARGEST_NUMBER = 999_999_999


class Transport(QWidget):
    """Buttons of existing actions, and the frame number to read or type."""

    left = Signal()  # the number was typed or given up: the keyboard goes back to the picture

    def __init__(self, view_state: ViewState, playback: Playback, actions: dict[str, QAction]) -> None:
        super().__init__()
        self._view_state = view_state
        self._play_action = actions["play"]
        self.number = FrameNumberField()
        self.number.chosen.connect(self._go)
        self.number.given_up.connect(self._give_up)
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
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            row.addWidget(button)
        row.addSpacing(10)
        row.addWidget(self.number)
        row.addSpacing(4)
        row.addWidget(self._total)
        row.addSpacing(14)
        row.addWidget(self._clock)
        row.addStretch()
        view_state.video_changed.connect(self._on_video)
        view_state.frame_changed.connect(self._show_place)
        playback.playing_changed.connect(self._on_playing)
        self._on_video()

    def _on_playing(self, playing: bool) -> None:
        self._play_action.setIcon(icon("pause" if playing else "play"))

    def _go(self, number: int) -> None:
        self._view_state.set_frame(frame_index_of(number))
        self._give_up()

    def _give_up(self) -> None:
        self.number.show_number(frame_number(self._view_state.frame_index))
        self.left.emit()

    def _on_video(self) -> None:
        video = self._view_state.video
        self._total.setText(f"/ {video.frame_count}" if video is not None else "")
        self.number.setEnabled(video is not None)
        self.number.show_number("")
        self._show_place(self._view_state.frame_index)

    def _show_place(self, frame_index: int) -> None:
        video = self._view_state.video
        if not self.number.being_typed:
            self.number.show_number(frame_number(frame_index) if video is not None else "")
        self._clock.setText(clock(frame_index / video.fps) if video is not None else "")


class FrameNumberField(QLineEdit):
    """The number of a frame, as people count: Enter goes there, Escape or a click elsewhere forgets what was typed."""

    chosen = Signal(int)
    given_up = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setValidator(QIntValidator(0, LARGEST_NUMBER, self))
        self.setFixedWidth(72)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName("Frame number")
        self.setToolTip("Type a frame's number, and Enter to go there")

    @property
    def being_typed(self) -> bool:
        """Whether the user is at it: the number must not change under the hand."""
        return self.hasFocus() and self.isModified()

    def show_number(self, text: str) -> None:
        self.setText(text)
        self.setModified(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.text().isdigit():
                self.chosen.emit(int(self.text()))
            else:
                self.given_up.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.selectAll()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if self.isModified() and event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.given_up.emit()

"""The one path to the user: what happened, what to do, and details to copy for those who want them."""

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMessageBox, QPushButton, QSizePolicy, QToolButton, QWidget

from app.look.icons import icon

INFO_MS = 6000


class Level(StrEnum):
    INFO = "info"
    ERROR = "error"


class Cause(StrEnum):
    """What an error is about. When that is put right, or tried again, the error goes."""

    OPENING = "opening"  # a file that was to be opened
    VIDEO = "video"  # the open video: gone, another one, or damaged
    SAVING = "saving"
    READING = "reading"  # of the open project
    EXPORT = "export"
    PREDICTION = "prediction"
    ENGINE = "engine"
    TRAINING = "training"
    DEFECT = "defect"  # of this program


OF_THE_PROJECT = frozenset((Cause.VIDEO, Cause.SAVING, Cause.READING, Cause.EXPORT, Cause.PREDICTION))


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to say. An error stays until it is dismissed or its cause is gone."""

    level: Level
    text: str
    details: str = ""
    cause: Cause | None = None


class Messages(QObject):
    """Widgets post here and never open boxes of their own; tests listen in place of the user."""

    posted = Signal(object)  # Message
    settled = Signal(object)  # a frozenset of Cause: errors about these are over

    def info(self, text: str) -> None:
        self.posted.emit(Message(Level.INFO, text))

    def error(self, text: str, details: str = "", *, cause: Cause = Cause.DEFECT) -> None:
        self.posted.emit(Message(Level.ERROR, text, details, cause))

    def settle(self, *causes: Cause) -> None:
        """These were put right: what was said of them goes."""
        self.settled.emit(frozenset(causes))

    def leave_project(self) -> None:
        """Another project, or none: what was said of the last one goes."""
        self.settled.emit(OF_THE_PROJECT | {Cause.OPENING})

    def confirm(self, parent: QWidget, text: str, action: str) -> bool:
        """Ask before something that cannot be taken back by undo; `action` names the button."""
        box = QMessageBox(parent)
        box.setText(text)
        accept = box.addButton(action, QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        return box.clickedButton() is accept


class Banner(QFrame):
    """The latest message, over the picture's lower edge; it takes no keyboard and blocks nothing.

    Errors that stand are kept beneath a passing note, and come back when it has passed.
    """

    def __init__(self, messages: Messages, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._errors: list[Message] = []  # that stand, the latest at the end; one of each cause
        self._shown: Message | None = None
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._copy = QPushButton("Copy details")
        self._copy.setObjectName("quiet")
        self._copy.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._copy.clicked.connect(self.copy_details)
        close = QToolButton()
        close.setIcon(icon("close"))
        close.setToolTip("Dismiss")
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.clicked.connect(self.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 8, 8)
        for widget in (self._label, self._copy, close):
            layout.addWidget(widget)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._show_standing)
        messages.posted.connect(self._on_posted)
        messages.settled.connect(self._on_settled)
        self.hide()

    @property
    def text(self) -> str:
        """What is shown now; empty where nothing is."""
        return self._shown.text if self._shown is not None else ""

    def copy_details(self) -> None:
        """Message and details to the clipboard."""
        if self._shown is not None:
            QGuiApplication.clipboard().setText(f"{self._shown.text}\n\n{self._shown.details}".strip())

    def dismiss(self) -> None:
        """The user has read it."""
        self._errors = [error for error in self._errors if error is not self._shown]
        self._show_standing()

    def _on_posted(self, message: Message) -> None:
        if message.level is Level.ERROR:
            self._errors = [error for error in self._errors if error.cause is not message.cause] + [message]
        self._show(message)

    def _on_settled(self, causes: frozenset[Cause]) -> None:
        self._errors = [error for error in self._errors if error.cause not in causes]
        if self._shown is not None and self._shown.cause in causes:
            self._show_standing()

    def _show_standing(self) -> None:
        """The latest error that is neither dismissed nor over."""
        if self._errors:
            self._show(self._errors[-1])
        else:
            self._timer.stop()
            self._shown = None
            self.hide()

    def _show(self, message: Message) -> None:
        self._shown = message
        self._label.setText(message.text)
        self._copy.setVisible(message.level is Level.ERROR)
        self.setProperty("level", str(message.level))
        self.style().unpolish(self)
        self.style().polish(self)
        self._timer.stop()
        if message.level is Level.INFO:
            self._timer.start(INFO_MS)
        self.show()
        self.raise_()

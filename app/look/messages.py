"""The one path to the user: what happened, what to do, and details to copy for those who want them."""

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMessageBox, QPushButton, QSizePolicy, QToolButton, QWidget

from app.look.icons import icon

INFO_MS = 6000


class Level(StrEnum):
    INFO = "info"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell. An error stays until it is dismissed."""

    level: Level
    text: str
    details: str = ""


class Messages(QObject):
    """Widgets post here and never open boxes of their own; tests listen in place of the user."""

    posted = Signal(object)  # Message

    def info(self, text: str) -> None:
        self.posted.emit(Message(Level.INFO, text))

    def error(self, text: str, details: str = "") -> None:
        self.posted.emit(Message(Level.ERROR, text, details))

    def confirm(self, parent: QWidget, text: str, action: str) -> bool:
        """Ask before something that cannot be taken back by undo; `action` names the button."""
        box = QMessageBox(parent)
        box.setText(text)
        accept = box.addButton(action, QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        return box.clickedButton() is accept


class Banner(QFrame):
    """The latest message, over the picture's lower edge; it takes no keyboard and blocks nothing."""

    def __init__(self, messages: Messages, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._details = ""
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._copy = QPushButton("Copy details")
        self._copy.setObjectName("quiet")
        self._copy.clicked.connect(self.copy_details)
        close = QToolButton()
        close.setIcon(icon("close"))
        close.setToolTip("Dismiss")
        close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 8, 8)
        for widget in (self._label, self._copy, close):
            layout.addWidget(widget)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        messages.posted.connect(self._show)
        self.hide()

    @property
    def text(self) -> str:
        return self._label.text()

    def copy_details(self) -> None:
        """Message and details to the clipboard."""
        QGuiApplication.clipboard().setText(self._details)

    def _show(self, message: Message) -> None:
        self._label.setText(message.text)
        self._details = f"{message.text}\n\n{message.details}".strip()
        self._copy.setVisible(message.level is Level.ERROR)
        self.setProperty("level", str(message.level))
        self.style().unpolish(self)
        self.style().polish(self)
        self._timer.stop()
        if message.level is Level.INFO:
            self._timer.start(INFO_MS)
        self.show()
        self.raise_()

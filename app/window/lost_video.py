"""What is seen in place of the picture where the video's file is gone, or is another one."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.look.icons import icon

WIDTH = 560


class LostVideo(QWidget):
    """Says what is wrong, and offers the two ways on."""

    locate = Signal()
    close_project = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._title, self._why = QLabel(), QLabel()
        self._title.setObjectName("subtitle")
        self._why.setObjectName("muted")
        for label in (self._title, self._why):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._why.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        note = QLabel("Nothing is lost: its people are in the project, and can be exported.")
        note.setObjectName("muted")
        self.locate_button = QPushButton(icon("search"), " Locate moved video…")
        leave = QPushButton("Close project")
        self.locate_button.clicked.connect(self.locate)
        leave.clicked.connect(self.close_project)
        buttons = QHBoxLayout()
        for button in (self.locate_button, leave):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            buttons.addWidget(button)
        buttons.addStretch()
        box = QWidget()
        box.setMaximumWidth(WIDTH)
        column = QVBoxLayout(box)
        column.setSpacing(10)
        for label in (self._title, self._why, note):
            column.addWidget(label)
        column.addSpacing(8)
        column.addLayout(buttons)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(box, 20)
        middle.addStretch(1)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addLayout(middle)
        outer.addStretch(3)

    @property
    def text(self) -> str:
        """All that is said."""
        return f"{self._title.text()}\n{self._why.text()}"

    def explain(self, name: str, why: str) -> None:
        """Which video, and what is wrong with it."""
        self._title.setText(f"{name} cannot be shown")
        self._why.setText(why)

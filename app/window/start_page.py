"""What is seen before anything is open: what to do, and what was done last."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.look.icons import app_icon, icon
from jmpose_core.project import PROJECT_SUFFIX

RECENT_SHOWN = 6


class StartPage(QWidget):
    """Three ways to begin, the demo clip, and recent files."""

    open_video = Signal()
    open_folder = Signal()
    open_project = Signal()
    open_demo = Signal()
    recent_chosen = Signal(object)  # Path

    def __init__(self) -> None:
        super().__init__()
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        self._recent_title = _muted("Recent")
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(self._heading())
        column.addSpacing(22)
        column.addLayout(self._ways())
        column.addSpacing(10)
        column.addWidget(_muted("or drop a video, a folder of frames or a project anywhere in this window"))
        column.addSpacing(26)
        column.addWidget(self._recent_title)
        column.addLayout(self._recent)
        box = QWidget()
        box.setLayout(column)
        box.setMaximumWidth(700)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addWidget(box, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(3)

    def set_recent(self, paths: Sequence[Path]) -> None:
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self._recent_title.setVisible(bool(paths))
        for path in paths[:RECENT_SHOWN]:
            self._recent.addWidget(self._recent_row(path))

    def _heading(self) -> QHBoxLayout:
        logo = QLabel()
        logo.setPixmap(app_icon().pixmap(QSize(56, 56)))
        title = QLabel("JM-Pose Studio")
        title.setObjectName("title")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(title)
        words.addWidget(_muted("Human pose in video: pre-filled, corrected, exported"))
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(logo)
        row.addLayout(words)
        row.addStretch()
        return row

    def _ways(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(10)
        for text, name, signal in (
            ("Open video", "open", self.open_video),
            ("Open folder of frames", "folder", self.open_folder),
            ("Open project", "project", self.open_project),
            ("Try the demo clip", "play", self.open_demo),
        ):
            row.addWidget(_button(text, name, signal.emit))
        row.addStretch()
        return row

    def _recent_row(self, path: Path) -> QWidget:
        button = QPushButton(icon("project" if path.suffix == PROJECT_SUFFIX else "open"), f"  {path.name}")
        button.setObjectName("quiet")
        button.setToolTip(str(path))
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(lambda: self.recent_chosen.emit(path))
        folder = _muted(_short(path.parent))
        row = QFrame()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(button)
        layout.addWidget(folder, 1)
        return row


def _button(text: str, name: str, slot: Callable[[], None]) -> QPushButton:
    button = QPushButton(icon(name), f" {text}")
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    button.clicked.connect(lambda: slot())
    return button


def _muted(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("muted")
    return label


def _short(folder: Path) -> str:
    """The folder with the home folder as ~."""
    home = Path.home()
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)

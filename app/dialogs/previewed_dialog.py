"""A dialog that says what it would do before it may be done."""

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QVBoxLayout, QWidget

from app.jobs.background import Background
from app.look.summary_view import SummaryView

T = TypeVar("T")


class PreviewedDialog(QDialog):
    """Fields to fill in, a summary of what they come to, and the button that does it. Reads in the background."""

    def __init__(self, title: str, action: str, hint: str, background: Background, parent: QWidget) -> None:
        """`action` is the button's word, `hint` what stands in the summary's place until there is one."""
        super().__init__(parent)
        self._background = background
        self._asked, self._listening = 0, True
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.finished.connect(self._stop_listening)
        self.setWindowTitle(title)
        self.summary = SummaryView(hint)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._action = self._buttons.addButton(action, QDialogButtonBox.ButtonRole.AcceptRole)
        self._action.setEnabled(False)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)

    def _compose(self, fields: QFormLayout) -> None:
        """The fields, the summary and the buttons, in the order in which Tab goes through them."""
        fields.setSpacing(12)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addLayout(fields)
        column.addWidget(self.summary, 1)
        column.addWidget(self._buttons)
        self._action.setDefault(True)

    @property
    def ready(self) -> bool:
        """Whether it is known what would be done, and it can be."""
        return self._action.isEnabled()

    def _stop_listening(self) -> None:
        """Answers that still come find no dialog any more."""
        self._listening = False

    def _ask(self, question: Callable[[], T], show: Callable[[T], None], refuse: Callable[[str], None]) -> None:
        """Only the answer to the newest question is heard."""
        self._asked += 1
        asked = self._asked

        def hear(answer: Callable[[], None]) -> None:
            if self._listening and asked == self._asked:
                answer()

        self._background.run(question, lambda found: hear(lambda: show(found)), lambda text: hear(lambda: refuse(text)))

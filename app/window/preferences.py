"""Preferences: light or dark, and the keys. What is changed holds at once; there is nothing to confirm."""

from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.forms import add_row
from app.look.theme import ThemeController, ThemeMode
from app.session.settings import Settings
from app.window.actions import Actions
from app.window.key_bindings import KeyBindings, KeyConflictError, shown_key
from app.window.key_presets import PRESETS

ROW_HEIGHT: Final = 28
_NAME: Final = Qt.ItemDataRole.UserRole
_CONFLICT_LINES: Final = 2  # room for a refusal, so that nothing moves when there is one


class Preferences(QDialog):
    """A searchable list of the commands with their keys, and a field that takes a key for the marked one."""

    def __init__(
        self, actions: Actions, bindings: KeyBindings, settings: Settings, theme: ThemeController, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Preferences")
        self.resize(640, 640)
        self._actions, self._bindings, self._settings, self._theme = actions, bindings, settings, theme
        self.theme = QComboBox()
        for mode in ThemeMode:
            self.theme.addItem(mode.value.capitalize(), mode)
        self.theme.setCurrentIndex(self.theme.findData(settings.theme))
        self.preset = QComboBox()
        self.preset.addItems(list(PRESETS))
        self.preset.setCurrentText(bindings.preset)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Type to find a command or a key")
        self.search.setClearButtonEnabled(True)
        self.list = _command_list()
        self.key = QKeySequenceEdit()
        self.key.setMaximumSequenceLength(1)
        self.key.setAccessibleName("New key")
        self.set_button, self.add_button = QPushButton("Set"), QPushButton("Add")
        self.none_button, self.reset_button = QPushButton("No key"), QPushButton("Reset")
        self.reset_all_button = QPushButton("Reset all keys")
        self.refusal = QLabel()
        self.refusal.setObjectName("grave")
        self.refusal.setWordWrap(True)
        self.refusal.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.refusal.setMinimumHeight(_CONFLICT_LINES * self.fontMetrics().lineSpacing())
        self._explain_buttons()
        self._compose()
        self._connect()
        self._fill()

    def shown(self) -> list[str]:
        """Names of the commands that the search leaves."""
        items = (self.list.topLevelItem(row) for row in range(self.list.topLevelItemCount()))
        return [item.data(0, _NAME) for item in items if item is not None and not item.isHidden()]

    def mark(self, name: str) -> None:
        """Choose the command whose keys are to be changed."""
        for row in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(row)
            if item is not None and item.data(0, _NAME) == name:
                self.list.setCurrentItem(item)

    # Placing

    def _explain_buttons(self) -> None:
        for button, tip in (
            (self.set_button, "This key in place of the command's keys"),
            (self.add_button, "This key beside the command's keys"),
            (self.none_button, "Leave the command without a key"),
            (self.reset_button, "The preset's keys again"),
            (self.reset_all_button, "Every command has the preset's keys again"),
        ):
            button.setToolTip(tip)
            button.setAutoDefault(False)  # Enter in the key field is a key, not a click

    def _compose(self) -> None:
        form = QFormLayout()
        form.setSpacing(12)
        add_row(form, "Theme", self.theme)
        add_row(form, "Keys", self.preset)
        giving = QHBoxLayout()
        giving.addWidget(self.key, 1)
        for button in (self.set_button, self.add_button, self.none_button, self.reset_button):
            giving.addWidget(button)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        buttons.addButton(self.reset_all_button, QDialogButtonBox.ButtonRole.ResetRole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        column.addLayout(giving)
        column.addWidget(self.refusal)
        column.addWidget(buttons)

    def _connect(self) -> None:
        self.theme.activated.connect(self._use_theme)
        self.preset.textActivated.connect(self._bindings.use_preset)
        self.search.textChanged.connect(self._narrow)
        self.list.currentItemChanged.connect(lambda *_: self._on_marked())
        self.key.keySequenceChanged.connect(lambda _: self._enable())
        self.set_button.clicked.connect(lambda: self._give(beside=False))
        self.add_button.clicked.connect(lambda: self._give(beside=True))
        self.none_button.clicked.connect(self._take)
        self.reset_button.clicked.connect(self._reset)
        self.reset_all_button.clicked.connect(self._bindings.reset_all)
        self._bindings.changed.connect(self._show_keys)

    # The list

    def _fill(self) -> None:
        for command in self._actions.commands:
            item = QTreeWidgetItem([command.text.rstrip("…"), command.menu, ""])
            item.setData(0, _NAME, command.name)
            item.setSizeHint(0, QSize(0, ROW_HEIGHT))
            self.list.addTopLevelItem(item)
        self._show_keys()
        if (first := self.list.topLevelItem(0)) is not None:
            self.list.setCurrentItem(first)

    def _show_keys(self) -> None:
        keys = self._bindings.keys()
        for row in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(row)
            if item is not None:
                name = item.data(0, _NAME)
                item.setText(2, "   ".join(map(shown_key, keys[name])))
                font = item.font(2)
                font.setBold(self._bindings.is_own(name))
                item.setFont(2, font)
                item.setToolTip(2, "Your own" if self._bindings.is_own(name) else "")
        self.refusal.clear()
        self.key.clear()
        self._narrow()
        self._enable()

    def _narrow(self) -> None:
        words = self.search.text().lower().split()
        for row in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(row)
            if item is not None:
                hay = " ".join(item.text(column) for column in range(3)).lower()
                item.setHidden(not all(word in hay for word in words))

    def _on_marked(self) -> None:
        self.key.clear()
        self.refusal.clear()
        self._enable()

    def _enable(self) -> None:
        name = self._marked
        pressed = name is not None and not self.key.keySequence().isEmpty()
        self.set_button.setEnabled(pressed)
        self.add_button.setEnabled(pressed)
        self.none_button.setEnabled(name is not None and bool(self._bindings.keys()[name]))
        self.reset_button.setEnabled(name is not None and self._bindings.is_own(name))
        self.reset_all_button.setEnabled(self._bindings.has_own())

    @property
    def _marked(self) -> str | None:
        item = self.list.currentItem()
        return item.data(0, _NAME) if item is not None else None

    # Changing

    def _use_theme(self) -> None:
        mode = self.theme.currentData()
        self._theme.set_mode(mode)
        self._settings.theme = mode

    def _give(self, *, beside: bool) -> None:
        key = self.key.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        if (name := self._marked) is not None and key:
            try:
                self._bindings.give(name, key, beside=beside)
            except KeyConflictError as conflict:
                self.refusal.setText(str(conflict))

    def _take(self) -> None:
        if (name := self._marked) is not None:
            self._bindings.take(name)

    def _reset(self) -> None:
        if (name := self._marked) is not None:
            try:
                self._bindings.reset(name)
            except KeyConflictError as conflict:
                self.refusal.setText(str(conflict))


def _command_list() -> QTreeWidget:
    found = QTreeWidget()
    found.setColumnCount(3)
    found.setHeaderLabels(["Command", "Menu", "Keys"])
    found.setRootIsDecorated(False)
    header = found.header()
    header.setStretchLastSection(False)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    for column in (1, 2):
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
    return found

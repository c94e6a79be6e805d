"""Who gets a key: text fields keep theirs, lists keep the arrows, everything else is a command's."""

from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)

_K: Final = Qt.Key
_EDITING: Final = frozenset((  # with Ctrl, in a text field
    _K.Key_Z, _K.Key_Y, _K.Key_X, _K.Key_C, _K.Key_V, _K.Key_A, _K.Key_Backspace, _K.Key_Delete, _K.Key_Insert,
    _K.Key_Left, _K.Key_Right, _K.Key_Up, _K.Key_Down, _K.Key_Home, _K.Key_End,
))  # fmt: skip
_MOVING: Final = frozenset((  # in a list or table
    _K.Key_Up, _K.Key_Down, _K.Key_Left, _K.Key_Right, _K.Key_PageUp, _K.Key_PageDown, _K.Key_Home, _K.Key_End,
))  # fmt: skip
_COMMANDS: Final = frozenset((_K.Key_F1, *(_K(_K.Key_F1 + number) for number in range(1, 35))))


class KeyOwners(QObject):
    """Keeps shortcuts of the window from taking keys that the focused widget needs.

    Qt asks the focused widget first, by a ShortcutOverride event; its text fields claim letters,
    but neither Enter nor Tab, and spin boxes and lists claim less.
    """

    def __init__(self, application: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and owns_key(watched, event):
            event.accept()
            return True
        return False


def owns_key(widget: QObject, event: QKeyEvent) -> bool:
    """Whether a key means something to this widget itself."""
    if is_text_field(widget):
        return _is_text_key(event)
    if isinstance(widget, QAbstractItemView):
        return event.key() in _MOVING and not _with_command_key(event)
    return False


def is_text_field(widget: QObject) -> bool:
    """Whether the user types into it."""
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    return isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit | QAbstractSpinBox)


def _is_text_key(event: QKeyEvent) -> bool:
    if event.key() in _COMMANDS:
        return False
    if _with_command_key(event):
        return event.key() in _EDITING
    return True


def _with_command_key(event: QKeyEvent) -> bool:
    """Ctrl, Alt or Meta is held; AltGr (Ctrl and Alt, with a character) types one."""
    modifiers = event.modifiers()
    held = modifiers & (
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
    )
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    types = (modifiers & both) == both and event.text().isprintable() and event.text() != ""
    return bool(held) and not types

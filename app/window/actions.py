"""What a command of the window is, and the QAction that runs it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, SignalInstance
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.look.icons import icon


def always() -> bool:
    """The condition of a command that makes sense at any time."""
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """One command, with all that is known of it. `name` is stable: toolbar, tests and saved key bindings use it."""

    name: str
    menu: str
    text: str
    run: Callable[[], object]
    keys: tuple[str, ...] = ()
    icon: str = ""
    enabled: Callable[[], bool] = always  # whether it makes sense now
    short: str = ""  # the word on a toolbar button; the text without its dots by default
    label: Callable[[], str] | None = None  # a text that changes, in place of `text`
    checked: Callable[[], bool] | None = None  # of a command that is on or off
    separated: bool = False  # a line above it in the menu

    @property
    def short_text(self) -> str:
        return self.short or self.text.rstrip("…")


class Actions(QObject):
    """A QAction for each command, enabled and named by the command's own conditions."""

    refreshed = Signal()

    def __init__(self, commands: Iterable[Command], window: QWidget) -> None:
        super().__init__(window)
        self.commands = tuple(commands)
        self.by_name = {command.name: self._made(command, window) for command in self.commands}

    def follow(self, signals: Iterable[SignalInstance]) -> None:
        """Look at the conditions again whenever one of these is emitted."""
        for signal in signals:
            signal.connect(self.refresh)
        self.refresh()

    def set_keys(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        """Give every command the keys that stand beside its name, from now on."""
        for command in self.commands:
            _set_keys(self.by_name[command.name], command, keys[command.name])
        self.refreshed.emit()  # buttons that repeat a tool tip

    def refresh(self, *_: object) -> None:
        """Enable what makes sense now."""
        for command in self.commands:
            action = self.by_name[command.name]
            action.setEnabled(command.enabled())
            if command.label is not None:
                action.setText(command.label())
            if command.checked is not None:
                action.setChecked(command.checked())
        self.refreshed.emit()

    def _made(self, command: Command, window: QWidget) -> QAction:
        action = QAction(command.text, window)
        action.setObjectName(command.name)
        if command.icon:
            action.setIcon(icon(command.icon))
        action.setIconText(command.short_text)
        action.setCheckable(command.checked is not None)
        _set_keys(action, command, command.keys)
        action.triggered.connect(lambda: self._run(command))
        window.addAction(action)  # its keys work in the whole window
        return action

    def _run(self, command: Command) -> None:
        command.run()
        self.refresh()


def _set_keys(action: QAction, command: Command, keys: tuple[str, ...]) -> None:
    action.setShortcuts([QKeySequence(key) for key in keys])
    shown = f" ({', '.join(keys)})" if keys else ""
    action.setToolTip(f"{command.text.rstrip('…')}{shown}")

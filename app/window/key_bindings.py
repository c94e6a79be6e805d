"""Which key runs which command now: the table's keys, a preset over them, and the user's own over both."""

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QKeySequence

from app.session.settings import Settings
from app.window.actions import Command
from app.window.key_presets import DEFAULT, PRESETS, Keys, with_keys

CALLS_OFF = "Esc"  # a gesture, a dialog, a search


class KeyConflictError(Exception):
    """The key cannot be given; the message says whose it is, and the cure."""


class KeyBindings(QObject):
    """Remembered in the settings; a change holds at once, since the actions follow `changed`."""

    changed = Signal()

    def __init__(self, commands: Iterable[Command], settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._texts = {command.name: command.text.rstrip("…") for command in commands}
        self._defaults = {command.name: tuple(map(key_name, command.keys)) for command in commands}

    @property
    def preset(self) -> str:
        """Name of the preset in use."""
        name = self._settings.key_preset
        return name if name in PRESETS else DEFAULT

    def use_preset(self, name: str) -> None:
        """Take the keys of a preset; keys of the user's own stay over it.

        Raises:
            ValueError: there is no such preset.
        """
        if name not in PRESETS:
            raise ValueError(f"{name}: no such preset of keys; there are {', '.join(PRESETS)}")
        self._settings.key_preset = name
        self.changed.emit()

    def keys(self) -> dict[str, Keys]:
        """The keys of every command by its name, as `key_name` writes them."""
        own = {name: tuple(given) for name, given in self._settings.own_keys.items()}
        return with_keys(self._of_preset(), own)

    def is_own(self, name: str) -> bool:
        """Whether the user gave the command other keys than the preset does."""
        return name in self._settings.own_keys

    def has_own(self) -> bool:
        """Whether the user changed any key."""
        return bool(self._settings.own_keys)

    def give(self, name: str, key: str, *, beside: bool = False) -> None:
        """Give a command this key in place of its keys, or `beside` them.

        Raises:
            KeyConflictError: another command has the key, or none may have it.
        """
        key = key_name(key)
        if key == CALLS_OFF:
            raise KeyConflictError("Escape calls things off everywhere, so it is no command's key. Choose another.")
        if (holder := self._other_with(key, name)) is not None:
            raise KeyConflictError(f"{shown_key(key)} is the key of “{self._texts[holder]}”. Take it from there first.")
        present = self.keys()[name] if beside else ()
        self._own(name, present if key in present else (*present, key))

    def take(self, name: str) -> None:
        """Leave a command without a key."""
        self._own(name, ())

    def reset(self, name: str) -> None:
        """Give a command the preset's keys again.

        Raises:
            KeyConflictError: the user gave one of them to another command.
        """
        for key in self._of_preset()[name]:
            if (holder := self._other_with(key, name)) is not None:
                raise KeyConflictError(
                    f"{shown_key(key)} is the key of “{self._texts[holder]}” now. Reset that one first."
                )
        self._settings.own_keys = {other: given for other, given in self._settings.own_keys.items() if other != name}
        self.changed.emit()

    def reset_all(self) -> None:
        """Give every command the preset's keys again."""
        self._settings.own_keys = {}
        self.changed.emit()

    def _other_with(self, key: str, name: str) -> str | None:
        """Another command than `name` that has the key."""
        return next((other for other, has in self.keys().items() if key in has and other != name), None)

    def _of_preset(self) -> dict[str, Keys]:
        preset = {name: tuple(map(key_name, keys)) for name, keys in PRESETS[self.preset].items()}
        return with_keys(self._defaults, preset)

    def _own(self, name: str, keys: Keys) -> None:
        self._settings.own_keys = self._settings.own_keys | {name: list(keys)}
        self.changed.emit()


def key_name(key: str) -> str:
    """The one spelling of a key, the same on every system: "ctrl+shift+z" is "Ctrl+Shift+Z"."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)


def shown_key(key: str) -> str:
    """A key as it stands on this system's keyboards."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)

"""What the program remembers between starts, typed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from PySide6.QtCore import QByteArray, QSettings

from app.look.theme import ThemeMode

RECENT_MAX = 10
PLACES_MAX = 50
LAYOUT_VERSION = 4  # raise it when docks are added or renamed: older layouts are then not restored


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody was in a project."""

    video: str  # its name
    frame_index: int
    track_id: int | None
    layer: str
    rect: tuple[float, float, float, float] | None  # left, top, width, height on the screen, image pixels; None: all


class Settings:
    """QSettings with names and types. Tests give it a file of their own."""

    def __init__(self, store: QSettings | None = None) -> None:
        self._store = store or QSettings("jmpose", "JM-Pose Studio")

    @property
    def recent(self) -> list[Path]:
        """Files opened last, latest first; those that are gone are left out."""
        value = self._store.value("recent", [])
        names = [value] if isinstance(value, str) else list(value if isinstance(value, list) else [])
        return [path for path in map(Path, names) if path.exists()]

    def add_recent(self, path: Path) -> None:
        others = [other for other in self.recent if other != path]
        self._store.setValue("recent", [str(path) for path in [path, *others][:RECENT_MAX]])

    @property
    def theme(self) -> ThemeMode:
        value = str(self._store.value("theme", ThemeMode.SYSTEM))
        return ThemeMode(value) if value in set(ThemeMode) else ThemeMode.SYSTEM

    @theme.setter
    def theme(self, mode: ThemeMode) -> None:
        self._store.setValue("theme", str(mode))

    @property
    def weights(self) -> str:
        """Name or file of the weights to predict with."""
        return str(self._store.value("weights", "jmpose_lite"))

    @weights.setter
    def weights(self, name: str) -> None:
        self._store.setValue("weights", name)

    @property
    def key_preset(self) -> str:
        """Name of the preset of keys; empty until one is chosen."""
        return str(self._store.value("key_preset", ""))

    @key_preset.setter
    def key_preset(self, name: str) -> None:
        self._store.setValue("key_preset", name)

    @property
    def own_keys(self) -> dict[str, Sequence[str]]:
        """Keys that the user gave to commands, by the command's name."""
        try:
            found = json.loads(str(self._store.value("own_keys", "{}")))
        except ValueError:
            return {}  # a settings file that was edited by hand
        if not isinstance(found, dict):
            return {}
        return {name: keys for name, keys in found.items() if isinstance(keys, list) and all(map(_is_text, keys))}

    @own_keys.setter
    def own_keys(self, keys: Mapping[str, Sequence[str]]) -> None:
        self._store.setValue("own_keys", json.dumps(dict(keys)))

    def place(self, project: Path) -> Place | None:
        """Where the user was in a project; None where it was never open, or that is not known any more."""
        try:
            return msgspec.convert(self._places()[str(project.absolute())], Place)
        except (KeyError, msgspec.ValidationError):
            return None

    def set_place(self, project: Path, place: Place) -> None:
        """Remember it, in place of that of a project that was not open for long."""
        places = self._places()
        places.pop(str(project.absolute()), None)
        places[str(project.absolute())] = msgspec.to_builtins(place)
        kept = list(places.items())[-PLACES_MAX:]
        self._store.setValue("places", json.dumps(dict(kept)))

    def _places(self) -> dict[str, object]:
        try:
            return msgspec.json.decode(str(self._store.value("places", "{}")), type=dict[str, object])
        except (msgspec.DecodeError, msgspec.ValidationError):
            return {}  # a settings file that was edited by hand

    def layout(self) -> tuple[QByteArray, QByteArray] | None:
        """Geometry and docks of the window as it was left, if this version can restore them."""
        if self._store.value("layout_version") not in (LAYOUT_VERSION, str(LAYOUT_VERSION)):
            return None
        geometry, state = self._store.value("geometry"), self._store.value("state")
        if isinstance(geometry, QByteArray) and isinstance(state, QByteArray):
            return geometry, state
        return None

    def set_layout(self, geometry: QByteArray, state: QByteArray) -> None:
        self._store.setValue("layout_version", LAYOUT_VERSION)
        self._store.setValue("geometry", geometry)
        self._store.setValue("state", state)


def _is_text(value: object) -> bool:
    return isinstance(value, str)

"""What the program remembers between starts, typed."""

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from app.look.theme import ThemeMode

RECENT_MAX = 10
LAYOUT_VERSION = 3  # raise it when docks are added or renamed: older layouts are then not restored


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

"""The program's colours: quiet chrome, light or dark, so that colour belongs to the skeletons."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from app.look.stylesheet import stylesheet


class ThemeMode(StrEnum):
    """What the user chose; SYSTEM follows the desktop and changes with it."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Theme:
    """Named colours, as #rrggbb."""

    window: str  # behind docks and bars
    surface: str  # lists, tables, fields
    raised: str  # buttons, hovered rows
    canvas: str  # around the picture
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    danger: str


DARK: Final = Theme(
    window="#1b1c20",
    surface="#212328",
    raised="#2d3036",
    canvas="#121316",
    border="#34373e",
    text="#e6e8ec",
    muted="#9aa0ab",
    accent="#3d70da",
    on_accent="#ffffff",
    danger="#f0716b",
)
LIGHT: Final = Theme(
    window="#f3f4f6",
    surface="#ffffff",
    raised="#e6e8ec",
    canvas="#d9dce1",
    border="#d3d7dd",
    text="#1d2026",
    muted="#5b626e",
    accent="#2f6bd8",
    on_accent="#ffffff",
    danger="#c7372f",
)

_SCHEMES: Final = {
    ThemeMode.SYSTEM: Qt.ColorScheme.Unknown,
    ThemeMode.LIGHT: Qt.ColorScheme.Light,
    ThemeMode.DARK: Qt.ColorScheme.Dark,
}


class ThemeController(QObject):
    """Dresses the application in the chosen theme and keeps up with the desktop's."""

    changed = Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        self._mode = ThemeMode.SYSTEM
        self._theme = DARK
        application.setStyle("Fusion")
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._apply)

    @property
    def theme(self) -> Theme:
        return self._theme

    @property
    def mode(self) -> ThemeMode:
        return self._mode

    def set_mode(self, mode: ThemeMode) -> None:
        self._mode = mode
        QGuiApplication.styleHints().setColorScheme(_SCHEMES[mode])
        self._apply()

    def next_mode(self) -> ThemeMode:
        """System, light, dark, and round again; the mode that it is now."""
        modes = list(ThemeMode)
        self.set_mode(modes[(modes.index(self._mode) + 1) % len(modes)])
        return self._mode

    def _apply(self) -> None:
        scheme = QGuiApplication.styleHints().colorScheme()
        wanted = scheme if self._mode is ThemeMode.SYSTEM else _SCHEMES[self._mode]
        self._theme = LIGHT if wanted is Qt.ColorScheme.Light else DARK
        self._application.setPalette(palette_of(self._theme))
        self._application.setStyleSheet(stylesheet(asdict(self._theme)))
        self.changed.emit()


def palette_of(theme: Theme) -> QPalette:
    """The theme as Qt's palette; painted widgets read their colours from here, the canvas as `Dark`."""
    role = QPalette.ColorRole
    colours = {
        role.Window: theme.window,
        role.WindowText: theme.text,
        role.Base: theme.surface,
        role.AlternateBase: theme.window,
        role.Text: theme.text,
        role.PlaceholderText: theme.muted,
        role.Button: theme.raised,
        role.ButtonText: theme.text,
        role.BrightText: theme.danger,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent,
        role.Link: theme.accent,
        role.ToolTipBase: theme.raised,
        role.ToolTipText: theme.text,
        role.Light: theme.raised,
        role.Midlight: theme.raised,
        role.Mid: theme.border,
        role.Dark: theme.canvas,
        role.Shadow: "#000000",
    }
    palette = QPalette()
    for name, colour in colours.items():
        palette.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        faint = QColor(theme.muted)
        faint.setAlpha(120)
        palette.setColor(QPalette.ColorGroup.Disabled, name, faint)
    return palette

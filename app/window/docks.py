"""Where the docks are, and how that is remembered. A new dock is one line in `MainWindow._place_docks`."""

from typing import Final

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QToolBar, QVBoxLayout, QWidget

_SIDES: Final = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)


class DockArea:
    """The docks of the window. Without a video they are away, and come back as they were."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self._docks: list[QDockWidget] = []
        self._state: QByteArray | None = None  # while they are away: how they come back
        self._away = False
        self._placed = False  # they have sizes: remembered ones, or those of the first time
        self._first_sizes: dict[QDockWidget, int] = {}
        window.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)

    @property
    def docks(self) -> tuple[QDockWidget, ...]:
        return tuple(self._docks)

    def add(
        self,
        title: str,
        widget: QWidget,
        area: Qt.DockWidgetArea,
        *,
        first_size: int = 0,
        behind: QDockWidget | None = None,
    ) -> QDockWidget:
        """A dock at a side of the window, as a tab `behind` another one where given.

        Args:
            first_size: pixels from the window's side inwards, until the user changes it; 0: its own wish.
        """
        dock = QDockWidget(title, self._window)
        dock.setObjectName(title)
        dock.setWidget(widget)
        self._window.addDockWidget(area, dock)
        if behind is not None:
            self._window.tabifyDockWidget(behind, dock)
            dock.hide()
        self._docks.append(dock)
        if first_size:
            self._first_sizes[dock] = first_size
        return dock

    def restore(self, state: QByteArray) -> None:
        """As they were left at the last start."""
        self._state, self._placed = state, True
        if not self._away:
            self._window.restoreState(state)

    def state(self) -> QByteArray:
        """What `restore` takes."""
        return self._state if self._away and self._state is not None else self._window.saveState()

    def put_away(self) -> None:
        """There is no video: the docks would be empty."""
        if not self._away:
            self._state, self._away = self._window.saveState(), True
        for dock in self._docks:
            dock.hide()
        for bar in self._window.findChildren(QToolBar):
            bar.hide()

    def bring_back(self) -> None:
        """There is a video: the docks that were there, where they were."""
        if self._away:
            self._away = False
            for bar in self._window.findChildren(QToolBar):
                bar.show()
            if self._state is not None:
                self._window.restoreState(self._state)
        if not self._placed:
            self._placed = True
            self._take_first_sizes()

    def _take_first_sizes(self) -> None:
        """Only now: before, the window has no size that they could be a part of."""
        for dock, size in self._first_sizes.items():
            sideways = self._window.dockWidgetArea(dock) in _SIDES
            self._window.resizeDocks([dock], [size], Qt.Orientation.Horizontal if sideways else Qt.Orientation.Vertical)


def padded(*widgets: QWidget) -> QWidget:
    """The widgets below one another, with the margin that docks have."""
    return stacked(*widgets, margins=(10, 0, 4, 10))


def stacked(*widgets: QWidget, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QWidget:
    """The widgets below one another."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(*margins)
    for widget in widgets:
        layout.addWidget(widget)
    return box

"""Where the docks are, and how that is remembered. A new dock is one line in `MainWindow._place_docks`."""

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QToolBar, QVBoxLayout, QWidget


class DockArea:
    """The docks of the window. Without a video they are away, and come back as they were."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self._docks: list[QDockWidget] = []
        self._state: QByteArray | None = None  # while they are away: how they come back
        self._away = False
        window.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)

    @property
    def docks(self) -> tuple[QDockWidget, ...]:
        return tuple(self._docks)

    def add(
        self, title: str, widget: QWidget, area: Qt.DockWidgetArea, *, behind: QDockWidget | None = None
    ) -> QDockWidget:
        """A dock at a side of the window, as a tab `behind` another one where given."""
        dock = QDockWidget(title, self._window)
        dock.setObjectName(title)
        dock.setWidget(widget)
        self._window.addDockWidget(area, dock)
        if behind is not None:
            self._window.tabifyDockWidget(behind, dock)
            dock.hide()
        self._docks.append(dock)
        return dock

    def restore(self, state: QByteArray) -> None:
        """As they were left at the last start."""
        self._state = state
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
        for bar in self._bars():
            bar.hide()

    def bring_back(self) -> None:
        """There is a video: the docks that were there, where they were."""
        if self._away:
            self._away = False
            for bar in self._bars():
                bar.show()
            if self._state is not None:
                self._window.restoreState(self._state)

    def _bars(self) -> tuple[QWidget, ...]:
        return (*self._window.findChildren(QToolBar), self._window.statusBar())


def padded(*widgets: QWidget) -> QWidget:
    """The widgets below one another, with the margin that docks have."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(10, 0, 4, 10)
    for widget in widgets:
        layout.addWidget(widget)
    return box

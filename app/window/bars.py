"""Menus and toolbar, filled from the table of actions."""

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QPalette
from PySide6.QtWidgets import QDockWidget, QMenu, QMenuBar, QSizePolicy, QToolBar, QToolButton, QWidget

from app.look.icons import icon
from app.window.actions import ActionSpec

LAYERS = ("image", "initial", "flow", "refined")


def fill_menus(
    bar: QMenuBar, specs: Iterable[ActionSpec], actions: Mapping[str, QAction], docks: Iterable[QDockWidget]
) -> None:
    """One menu for each name in the table, in its order; the docks can be shown and hidden under View."""
    menus: dict[str, QMenu] = {}
    for spec in specs:
        if spec.menu not in menus:
            menus[spec.menu] = bar.addMenu(spec.menu)
        if spec.separated:
            menus[spec.menu].addSeparator()
        menus[spec.menu].addAction(actions[spec.name])
    menus["View"].addSeparator()
    for dock in docks:
        menus["View"].addAction(dock.toggleViewAction())


def make_toolbar(actions: Mapping[str, QAction]) -> QToolBar:
    """What is used most: the main job in words on the left, how to look at it on the right."""
    bar = QToolBar("Toolbar")
    bar.setObjectName("toolbar")
    bar.setMovable(False)
    bar.setIconSize(QSize(19, 19))
    bar.addWidget(_worded(actions["open_video"]))
    for name in ("undo", "redo"):
        bar.addAction(actions[name])
    bar.addSeparator()
    bar.addWidget(PredictButton(actions["predict"], actions["cancel"]))
    for name in ("add_person", "finetune", "export"):
        bar.addWidget(_worded(actions[name]))
    spacer = QWidget()
    spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    bar.addWidget(spacer)
    layers = QActionGroup(bar)
    for name in LAYERS:
        layers.addAction(actions[name])
        bar.addWidget(_worded(actions[name]))
    actions["image"].setChecked(True)
    bar.addSeparator()
    for name in ("hide", "fit", "theme", "palette"):
        bar.addAction(actions[name])
    return bar


def _worded(action: QAction) -> QToolButton:
    """A button that says what it does."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return button


class PredictButton(QToolButton):
    """The button of the main job: predicts, and while it does, cancels."""

    def __init__(self, predict: QAction, cancel: QAction) -> None:
        super().__init__()
        self._predict, self._cancel = predict, cancel
        self.setObjectName("primary")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.clicked.connect(lambda: self._action.trigger())
        for action in (predict, cancel):
            action.enabledChanged.connect(self._dress)
        self._dress()

    @property
    def _action(self) -> QAction:
        return self._cancel if self._cancel.isEnabled() else self._predict

    def _dress(self) -> None:
        running = self._action is self._cancel
        self.setText("Cancel" if running else self._predict.iconText())
        self.setToolTip(self._action.toolTip())
        self.setEnabled(self._action.isEnabled())
        self.setIcon(icon("stop" if running else "predict", QPalette.ColorRole.HighlightedText))

"""Menus and toolbar, filled from the table of actions."""

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QPalette
from PySide6.QtWidgets import QDockWidget, QMenu, QMenuBar, QSizePolicy, QToolBar, QToolButton, QWidget

from app.actions import ActionSpec
from app.icons import icon

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
    bar.addWidget(_primary(actions["predict"], "predict"))
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


def _primary(action: QAction, icon_name: str) -> QToolButton:
    """The button of the main job: filled, so its icon takes the colour of text on the accent."""
    button = QToolButton()
    button.setObjectName("primary")
    button.setText(action.iconText())
    button.setToolTip(action.toolTip())
    button.setIcon(icon(icon_name, QPalette.ColorRole.HighlightedText))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setEnabled(action.isEnabled())
    button.clicked.connect(action.trigger)
    action.enabledChanged.connect(button.setEnabled)
    return button

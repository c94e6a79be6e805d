"""Menus and toolbar, filled from the table of commands."""

from collections.abc import Iterable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QPalette, QResizeEvent
from PySide6.QtWidgets import QDockWidget, QMenu, QMenuBar, QSizePolicy, QToolBar, QToolButton, QWidget

from app.look.icons import icon
from app.session.predictions import Predictions
from app.session.view_state import Layer
from app.window.actions import Actions


def fill_menus(bar: QMenuBar, actions: Actions, docks: Iterable[QDockWidget]) -> None:
    """One menu for each name in the table, in its order; the docks can be shown and hidden under View."""
    menus: dict[str, QMenu] = {}
    for command in actions.commands:
        if command.menu not in menus:
            menus[command.menu] = bar.addMenu(command.menu)
        if command.separated:
            menus[command.menu].addSeparator()
        menus[command.menu].addAction(actions.by_name[command.name])
    menus["View"].addSeparator()
    for dock in docks:
        menus["View"].addAction(dock.toggleViewAction())


class Toolbar(QToolBar):
    """What is used most: the main job in words on the left, how to look at it on the right.

    In a narrow window the words give way, so that every button stays.
    """

    def __init__(self, actions: Actions, predictions: Predictions) -> None:
        super().__init__("Toolbar")
        self._actions = actions.by_name
        self._worded: list[QToolButton] = []
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.setIconSize(QSize(19, 19))
        self._add_worded("open_video")
        self._add("undo", "redo")
        self.addSeparator()
        self.predict_button = PredictButton(self._actions["predict"], self._actions["cancel"], predictions)
        self.addWidget(self.predict_button)
        actions.refreshed.connect(self.predict_button.dress)
        self._add_worded("add_person", "finetune", "export")
        spacer = QWidget()
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(spacer)
        layers = QActionGroup(self)
        for layer in Layer:
            layers.addAction(self._actions[layer.value])
        self._add_worded(*(layer.value for layer in Layer))
        self.addSeparator()
        self._add("hide", "fit", "theme", "palette")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_words()

    def _add(self, *names: str) -> None:
        for name in names:
            button = QToolButton()
            button.setDefaultAction(self._actions[name])
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self.addWidget(button)

    def _add_worded(self, *names: str) -> None:
        for name in names:
            button = QToolButton()
            button.setDefaultAction(self._actions[name])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self._worded.append(button)
            self.addWidget(button)

    def _fit_words(self) -> None:
        """Words for as many buttons as there is room for, from the left."""
        for style in (Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly):
            for button in self._worded:
                button.setToolButtonStyle(style)
            if self.sizeHint().width() <= self.width():
                return


class PredictButton(QToolButton):
    """The button of the main job: predicts, and while it does, cancels."""

    def __init__(self, predict: QAction, cancel: QAction, predictions: Predictions) -> None:
        super().__init__()
        self._predict, self._cancel, self._predictions = predict, cancel, predictions
        self.setObjectName("primary")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.clicked.connect(lambda: self._action.trigger())
        self.dress()

    @property
    def _action(self) -> QAction:
        return self._cancel if self._predictions.running else self._predict

    def dress(self) -> None:
        """Show what a click would do now."""
        action = self._action
        self.setText("Cancelling…" if self._predictions.cancelling else action.iconText())
        self.setToolTip(action.toolTip())
        self.setEnabled(action.isEnabled())
        role = QPalette.ColorRole.HighlightedText if action.isEnabled() else QPalette.ColorRole.ButtonText
        self.setIcon(icon("stop" if action is self._cancel else "predict", role))

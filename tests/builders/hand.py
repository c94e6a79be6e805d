"""What a user's hand does in the window, and what is then in the project."""

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow
from jmpose_core.annotations import Annotation


def on_screen(window: MainWindow, xy: tuple[float, float]) -> QPoint:
    return window.frame_view.viewportTransform().map(QPointF(*xy)).toPoint()


def drag(window: MainWindow, start: QPoint, end: QPoint, qtbot: QtBot, *, shift: bool = False) -> None:
    viewport, left = window.frame_view.viewport(), Qt.MouseButton.LeftButton
    keys = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    qtbot.mouseMove(viewport, start)
    qtbot.mousePress(viewport, left, keys, start)
    qtbot.mouseMove(viewport, (start + end) / 2)
    qtbot.mouseMove(viewport, end)
    qtbot.mouseRelease(viewport, left, keys, end)


def press(
    window: MainWindow,
    key: Qt.Key,
    qtbot: QtBot,
    keys: Qt.KeyboardModifier | None = None,
    widget: QWidget | None = None,
) -> None:
    """A key, with the keyboard in the picture or in `widget`."""
    qtbot.keyClick(widget or window.frame_view, key, keys or Qt.KeyboardModifier.NoModifier)


def find(window: MainWindow, frame_index: int, track_id: int) -> Annotation | None:
    """One person as the project has it."""
    there = window.bench.project.people(1, frame_index)
    return next((one for one in there if one.track_id == track_id), None)


def person(window: MainWindow, frame_index: int, track_id: int) -> Annotation:
    found = find(window, frame_index, track_id)
    assert found is not None
    return found


def everybody(window: MainWindow) -> list[Annotation]:
    return list(window.bench.project.people_between(1, 0, 230))


def turn_wheel(widget: QWidget, at: QPoint, *, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """One notch away from the user, over a place of `widget`."""
    place = QPointF(at)
    above = QPointF(widget.mapToGlobal(place))
    phase, held, still = Qt.ScrollPhase.NoScrollPhase, Qt.MouseButton.NoButton, False
    event = QWheelEvent(place, above, QPoint(), QPoint(0, 120), held, modifiers, phase, still)
    QApplication.sendEvent(widget, event)

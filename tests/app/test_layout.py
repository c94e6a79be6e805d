"""The window's size: it follows the screen, fits a small one with every dock open, and is remembered."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QApplication, QHeaderView, QTableView, QToolButton
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow
from tests.builders.waiting import PATIENCE_MS, open_and_wait, predict_and_wait

SMALL = QSize(1280, 800)


@pytest.fixture
def small(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """At 1280 x 800 with every dock open, and filled."""
    window.resize(SMALL)
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, 11)
    for frame_index in (0, 1):
        window.bench.view_state.set_frame(frame_index)
        window.bench.editor.place_joint(100.0, 100.0)
    with qtbot.waitSignal(window.bench.evaluation.measured, timeout=PATIENCE_MS):
        window.actions_by_name["evaluate"].trigger()
    for dock in window.dock_area.docks:
        dock.show()
    for dock in (window.inspector_dock, window.statistics_dock, window.evaluation_dock):
        dock.raise_()  # a tab that was never in front has no size yet
        QApplication.processEvents()
    return window


def cut_columns(table: QTableView) -> list[str]:
    """Titles of columns that are narrower than what is in them."""
    model, header = table.model(), table.horizontalHeader()
    return [
        str(model.headerData(column, Qt.Orientation.Horizontal))
        for column in range(model.columnCount())
        if table.columnWidth(column) < max(table.sizeHintForColumn(column), header.sectionSizeHint(column))
    ]


def test_with_every_dock_open_it_fits_a_small_screen_and_nothing_is_cut(small: MainWindow) -> None:
    least = small.minimumSizeHint()
    assert least.width() <= SMALL.width() and least.height() <= SMALL.height()
    assert small.size() == SMALL
    for table in small.findChildren(QTableView):
        if not isinstance(table, QHeaderView) and table.isVisible():
            assert cut_columns(table) == []
            assert table.horizontalHeader().length() <= table.viewport().width() + 1
    for button in small.toolbar.findChildren(QToolButton):
        if button.objectName() != "qt_toolbar_ext_button":
            assert button.isVisible() and button.geometry().right() <= small.toolbar.width()
    small.inspector_dock.raise_()
    QApplication.processEvents()
    assert cut_columns(small.inspector.table) == []


def test_it_is_as_small_again_when_the_evaluation_is_closed(small: MainWindow) -> None:
    wide = small.inspector_dock.width()
    small.evaluation_dock.close()
    small.inspector_dock.raise_()
    QApplication.processEvents()
    assert small.size() == SMALL and small.inspector_dock.width() < wide - 100
    small.resize(1000, 700)
    assert small.size() == QSize(1000, 700)


def test_a_narrow_window_keeps_every_button_of_the_toolbar(small: MainWindow) -> None:
    small.evaluation_dock.close()
    small.resize(small.minimumSizeHint().width(), 700)
    QApplication.processEvents()
    assert not small.toolbar.findChild(QToolButton, "qt_toolbar_ext_button").isVisible()
    small.resize(1500, 700)
    QApplication.processEvents()
    words = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    assert sum(button.toolButtonStyle() is words for button in small.toolbar.findChildren(QToolButton)) >= 8


def test_the_first_size_follows_the_screen(window: MainWindow) -> None:
    available = window.screen().availableGeometry().size()
    assert window._first_size(available).boundedTo(available) == window._first_size(available)
    assert window._first_size(QSize(1280, 800)) == QSize(1177, 736)
    assert window._first_size(QSize(3840, 2160)) == QSize(1600, 1000)


def test_sizes_and_docks_are_remembered(
    window: MainWindow, new_window: Callable[[], MainWindow], clip: Path, qtbot: QtBot
) -> None:
    window.tracks_dock.close()
    window.resizeDocks([window.inspector_dock], [470], Qt.Orientation.Horizontal)
    QApplication.processEvents()
    width = window.inspector_dock.width()
    assert width == 470
    window.bench.close_project()
    assert not window.inspector_dock.isVisible() and not window.toolbar.isVisible()
    open_and_wait(window, clip, qtbot)
    assert not window.tracks_dock.isVisible() and window.inspector_dock.width() == width
    window.bench.close_project()
    window.close()
    again = new_window()
    open_and_wait(again, clip, qtbot)
    assert not again.tracks_dock.isVisible() and again.inspector_dock.isVisible()
    assert abs(again.inspector_dock.width() - width) <= 2


def test_the_inspector_is_seen_again_after_the_evaluation_was(small: MainWindow, clip: Path, qtbot: QtBot) -> None:
    assert small.inspector.visibleRegion().isEmpty()
    small.bench.close_project()
    open_and_wait(small, clip, qtbot)
    assert not small.evaluation_dock.isVisible() and not small.inspector.visibleRegion().isEmpty()

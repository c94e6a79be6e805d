"""The window's size: it follows the screen, fits a small one with every dock open, and is remembered."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtWidgets import QApplication, QHeaderView, QTableView, QToolButton
from pytestqt.qtbot import QtBot

from app.session.settings import Place, Settings
from app.session.view_state import Layer
from app.window.main_window import MainWindow
from tests.builders.waiting import PATIENCE_MS, go_to, open_and_wait, predict_and_wait, settle

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
    for dock in (window.inspector_dock, window.history_dock, window.statistics_dock, window.evaluation_dock):
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


def test_a_project_goes_on_where_it_was_left(new_window: Callable[[], MainWindow], clip: Path, qtbot: QtBot) -> None:
    first = new_window()
    open_and_wait(first, clip, qtbot)
    predict_and_wait(first, qtbot)
    settle(first.bench.project, qtbot)
    go_to(first, 40, qtbot)
    first.bench.shown.select(2)
    first.bench.view_state.set_layer(Layer.FLOW)
    first.frame_view.fit_rect(QRectF(600, 200, 300, 200), 0.0)
    seen = first.frame_view.visible_rect()
    first.close()
    again = new_window()
    open_and_wait(again, clip.with_suffix(".jmpose"), qtbot)
    state = again.bench.view_state
    assert (state.frame_index, again.bench.shown.track_id, state.layer) == (40, 2, Layer.FLOW)
    assert again.frame_view.frame_index == 40
    back = again.frame_view.visible_rect()
    assert abs(back.center().x() - seen.center().x()) < 3 and abs(back.width() / seen.width() - 1) < 0.02


def test_a_place_that_is_no_more_does_no_harm(
    new_window: Callable[[], MainWindow], clip: Path, settings: Settings, qtbot: QtBot
) -> None:
    project = clip.with_suffix(".jmpose")
    settings.set_place(project, Place("walk.mp4", 10**6, 77, "infrared", (-5000.0, 9000.0, 10.0, 10.0)))
    window = new_window()
    open_and_wait(window, clip, qtbot)
    assert window.frame_view.frame_index == 229 and window.bench.shown.person is None
    assert window.frame_view.zoomed_rect is None
    settings._store.setValue("places", "[not JSON")
    assert settings.place(project) is None

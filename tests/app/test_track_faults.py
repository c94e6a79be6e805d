"""Faults of tracks in the real window: proposed with pictures, mended or refused by a key, and undone."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.look.messages import Message
from app.review.fault_panel import FaultModel
from app.window.main_window import MainWindow
from jmpose_core.queue.proposals import Fault, Proposal
from tests.builders.hand import everybody, find, press
from tests.builders.waiting import PATIENCE_MS, predict_and_wait, settle

SHIFT = Qt.KeyboardModifier.ShiftModifier


def faults(window: MainWindow) -> list[tuple[Fault, int, int | None, int]]:
    return [(one.fault, one.track_id, one.other, one.first) for one in window.bench.queue.faults]


@pytest.fixture
def broken(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """Person 2 goes on as person 9 from frame 100 on, which the program notices."""
    predict_and_wait(window, qtbot)
    settle(window.bench.project, qtbot)
    assert window.bench.project.retrack(1, 100, 230, 2, 9, "Break")
    qtbot.waitUntil(lambda: faults(window) == [(Fault.BROKEN, 2, 9, 100)], timeout=PATIENCE_MS)
    return window


def test_a_key_mends_what_is_proposed_and_undo_brings_both_back(
    broken: MainWindow, told: list[Message], qtbot: QtBot
) -> None:
    bench = broken.bench
    before = everybody(broken)
    press(broken, Qt.Key.Key_Space, qtbot)  # faults of tracks come first
    assert isinstance(bench.queue.current, Proposal)
    assert (bench.view_state.frame_index, bench.shown.track_id) == (100, 9)
    press(broken, Qt.Key.Key_V, qtbot, SHIFT)
    assert find(broken, 229, 9) is None and find(broken, 229, 2) is not None
    assert told[-1].text == "Put person 9 on track 2. Undo takes it back."
    assert faults(broken) == [] and bench.queue.current == bench.queue.items[0]
    bench.project.undo()
    settle(bench.project, qtbot)
    assert everybody(broken) == before
    qtbot.waitUntil(lambda: faults(broken) == [(Fault.BROKEN, 2, 9, 100)], timeout=PATIENCE_MS)


def test_what_is_refused_stays_away_through_a_restart_until_the_refusal_is_undone(
    broken: MainWindow, new_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    path, before = broken.bench.project.path, everybody(broken)
    assert path is not None
    press(broken, Qt.Key.Key_Space, qtbot)
    press(broken, Qt.Key.Key_V, qtbot)
    assert everybody(broken) == before and faults(broken) == []
    broken.close()
    again = new_window()
    again.bench.open(path)
    qtbot.waitUntil(lambda: len(again.bench.queue.items) > 0, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: not again.bench.background.busy, timeout=PATIENCE_MS)
    assert faults(again) == []
    again.bench.project.undo()
    qtbot.waitUntil(lambda: faults(again) == [(Fault.BROKEN, 2, 9, 100)], timeout=PATIENCE_MS)


def test_the_card_shows_it_now_and_mended_and_its_buttons_decide(broken: MainWindow, qtbot: QtBot) -> None:
    panel = broken.fault_panel
    assert panel.isVisible() and not panel.card.isVisible()
    place = panel.table.visualRect(panel.model.index(0, 0)).center()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert panel.card.isVisible() and not broken.queue_panel.table.isVisible()
    least = broken.minimumSizeHint()
    assert least.width() <= 1280 and least.height() <= 800  # a small screen

    def pictures() -> list[QLabel]:
        return [label for label in panel.card.findChildren(QLabel) if not label.pixmap().isNull()]

    qtbot.waitUntil(lambda: len(pictures()) == 2, timeout=PATIENCE_MS)
    now, mended = (label.pixmap().toImage() for label in pictures())
    half = now.width() // 2
    assert now != mended  # of the second frame: there person 9 becomes person 2
    assert now.copy(0, 0, half, now.height()) == mended.copy(0, 0, half, now.height())
    mend = next(button for button in panel.card.findChildren(QPushButton) if button.text().startswith("Mend"))
    assert "Shift+V" in mend.text()
    qtbot.mouseClick(mend, Qt.MouseButton.LeftButton)
    assert find(broken, 229, 9) is None
    assert not panel.isVisible()


def test_without_a_fault_the_key_does_nothing(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    settle(window.bench.project, qtbot)
    assert not window.fault_panel.isVisible() and not window.actions_by_name["mend"].isEnabled()
    before = everybody(window)
    press(window, Qt.Key.Key_V, qtbot, SHIFT)
    assert everybody(window) == before


def test_the_model_of_the_table_is_sound() -> None:
    model = FaultModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_rows([Proposal(Fault.TWICE, 1, 9, 60, 80, 69, 0.97)])
    assert [model.index(0, column).data() for column in range(3)] == ["9 lies on 1", "61", "97"]
    model.set_rows([])
    tester.deleteLater()

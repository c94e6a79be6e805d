"""The list of all steps: it follows what is done, and a click goes to any of them."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.review.history_panel import HistoryModel
from app.window.main_window import MainWindow
from jmpose_core.project.undo import StepLine
from tests.builders.hand import everybody, press
from tests.builders.waiting import PATIENCE_MS, predict_and_wait, settle

CONTROL = Qt.KeyboardModifier.ControlModifier


def texts(window: MainWindow) -> list[str]:
    return [step.text for step in window.history.model.rows]


def go(window: MainWindow, row: int, qtbot: QtBot) -> None:
    """Click a row, and wait until it is the last step that is done."""
    table, model = window.history.table, window.history.model
    place = table.visualRect(model.index(row, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    settle(window.bench.project, qtbot)
    qtbot.waitUntil(lambda: model.current_row == row, timeout=PATIENCE_MS)


def test_a_click_goes_back_to_a_step_and_forward_again(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    settle(window.bench.project, qtbot)
    states = [[], everybody(window)]
    press(window, Qt.Key.Key_H, qtbot, CONTROL)
    for frame in (3, 60, 120):
        window.bench.view_state.set_frame(frame)
        window.bench.shown.select(1, 4)
        press(window, Qt.Key.Key_Q, qtbot)
        states.append(everybody(window))
    said = ["Left knee occluded"] * 3 + ["Predict people", "The beginning"]
    qtbot.waitUntil(lambda: texts(window) == said, timeout=PATIENCE_MS)
    assert window.history.model.index(0, 1).data() == "121"
    for row, state, frame in ((2, 2, 60), (0, 4, 120), (4, 0, 120), (1, 3, 60)):
        go(window, row, qtbot)
        assert everybody(window) == states[state]
        assert window.bench.view_state.frame_index == frame, row
    assert texts(window) == said and window.history.model.rows[0].undone


def test_the_model_of_the_list_is_sound() -> None:
    model = HistoryModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_rows([StepLine(2, "Move", 0.0, 7, undone=True), StepLine(1, "Predict", 0.0, None, undone=False)])
    assert model.current_row == 1 and model.index(0, 1).data() == "8" and model.index(1, 1).data() == ""
    assert model.index(0, 0).data(Qt.ItemDataRole.FontRole).italic()
    model.set_rows([])
    tester.deleteLater()

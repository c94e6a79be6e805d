"""The queue of likely errors in the real window: by keys, with the view following."""

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.look.messages import Message
from app.review.queue_panel import QueueModel
from app.window.main_window import MainWindow
from jmpose_core.annotations import Origin
from jmpose_core.queue.items import QueueItem
from tests.builders.hand import person, press
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import PATIENCE_MS, predict_and_wait, settle

RIGHT_WRIST = 6  # the stand-in's unsure joint


def queue_and_wait(window: MainWindow, qtbot: QtBot) -> list[QueueItem]:
    predict_and_wait(window, qtbot)
    qtbot.waitUntil(lambda: len(window.bench.queue.items) > 0, timeout=PATIENCE_MS)
    settle(window.bench.project, qtbot)
    return list(window.bench.queue.items)


def test_space_goes_to_the_likeliest_error_and_on_and_back(window: MainWindow, qtbot: QtBot) -> None:
    items = queue_and_wait(window, qtbot)
    assert {item.joint for item in items[:2]} == {RIGHT_WRIST}
    press(window, Qt.Key.Key_Space, qtbot)
    bench = window.bench
    assert bench.queue.current == items[0]
    assert bench.view_state.frame_index == items[0].frame_index
    assert (bench.shown.track_id, bench.shown.joint) == (items[0].track_id, items[0].joint)
    assert window.queue_panel.table.selectionModel().selectedRows()[0].row() == 0
    press(window, Qt.Key.Key_Space, qtbot)
    assert bench.queue.current == items[1]
    press(window, Qt.Key.Key_Space, qtbot, Qt.KeyboardModifier.ShiftModifier)
    assert bench.queue.current == items[0]


def test_v_verifies_the_run_in_one_step_and_goes_on(window: MainWindow, qtbot: QtBot) -> None:
    items = queue_and_wait(window, qtbot)
    assert not window.actions_by_name["confirm"].isEnabled()
    press(window, Qt.Key.Key_Space, qtbot)
    first = items[0]
    press(window, Qt.Key.Key_V, qtbot)
    for frame in (first.first, first.last - 1):
        assert person(window, frame, first.track_id).origin[first.joint] == Origin.VERIFIED
    assert person(window, first.first, first.track_id).keypoints.tolist() == (
        figure(first.first, first.track_id).keypoints.tolist()
    )
    assert window.bench.queue.current == items[1]
    qtbot.waitUntil(lambda: first not in window.bench.queue.items, timeout=PATIENCE_MS)
    window.bench.project.undo()
    settle(window.bench.project, qtbot)
    qtbot.waitUntil(lambda: first in window.bench.queue.items, timeout=PATIENCE_MS)


def test_shift_enter_verifies_everybody_in_the_frame_in_one_step_and_goes_on(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    settle(window.bench.project, qtbot)
    window.bench.view_state.set_frame(7)
    press(window, Qt.Key.Key_Return, qtbot, Qt.KeyboardModifier.ShiftModifier)
    assert window.bench.view_state.frame_index == 8
    for track_id in (1, 2):
        assert (person(window, 7, track_id).origin == Origin.VERIFIED).all()
        assert (person(window, 8, track_id).origin == Origin.PREDICTED).all()
    window.bench.project.undo()
    settle(window.bench.project, qtbot)
    assert (person(window, 7, 1).origin == Origin.PREDICTED).all() and window.bench.view_state.frame_index == 7


def test_a_correction_takes_its_joint_out_of_the_queue_and_the_next_follows(window: MainWindow, qtbot: QtBot) -> None:
    queue_and_wait(window, qtbot)
    press(window, Qt.Key.Key_Space, qtbot)
    bench = window.bench
    first = bench.queue.current
    assert first is not None
    x, y = person(window, first.frame_index, first.track_id).keypoints[first.joint]
    bench.editor.place_joint(x + 12, y)

    def holds_it() -> bool:
        return any(
            (item.track_id, item.joint) == (first.track_id, first.joint) and item.first <= first.frame_index < item.last
            for item in bench.queue.items
        )

    qtbot.waitUntil(lambda: not holds_it(), timeout=PATIENCE_MS)
    others = bench.queue.items[0]
    press(window, Qt.Key.Key_Space, qtbot)
    assert bench.queue.current is not None and bench.queue.current.gain <= others.gain


def test_a_click_in_the_table_goes_there(window: MainWindow, qtbot: QtBot) -> None:
    items = queue_and_wait(window, qtbot)
    table = window.queue_panel.table
    qtbot.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(window.queue_panel.model.index(1, 0)).center()
    )
    assert window.bench.queue.current == items[1]


def test_nothing_to_review_is_said(window: MainWindow, told: list[Message], qtbot: QtBot) -> None:
    press(window, Qt.Key.Key_Space, qtbot)
    assert "Predict first" in told[-1].text


def test_the_model_of_the_table_is_sound(qtbot: QtBot) -> None:
    model = QueueModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    item = QueueItem(2, 5, 125, 133, 128, float(np.float64(0.81)), 5.2)
    model.set_rows([item])
    assert [model.index(0, column).data() for column in range(3)] == ["left ankle", "126–133", "81"]
    model.set_rows([])
    tester.deleteLater()

"""Who gets a key: text fields theirs, lists the arrows, the picture all others; and what keys do twice."""

import numpy as np
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QDoubleSpinBox,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.dialogs.track_dialog import TrackDialog
from app.window.docks import padded
from app.window.main_window import MainWindow
from app.window.palette import CommandPalette
from jmpose_core.annotations import Origin
from jmpose_core.skeleton import NUM_JOINTS
from tests.builders.hand import find, person, press
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import PATIENCE_MS, go_to, predict_and_wait, settle

CONTROL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
LEFT_WRIST, RIGHT_WRIST = 11, 6
NOT_TYPED = (Qt.Key.Key_F1, Qt.Key.Key_F2, Qt.Key.Key_Tab, Qt.Key.Key_Backtab)


@pytest.fixture
def ran(window: MainWindow) -> list[str]:
    """Names of the commands that ran."""
    names: list[str] = []
    for name, action in window.actions_by_name.items():
        action.triggered.connect(lambda _checked=False, name=name: names.append(name))
    return names


def focus(widget: QWidget, qtbot: QtBot) -> None:
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus, timeout=PATIENCE_MS)


def test_enter_in_the_frame_box_goes_to_the_frame_and_gives_the_keyboard_back(
    window: MainWindow, ran: list[str], qtbot: QtBot
) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1)
    ran.clear()
    box = window.transport.number
    focus(box, qtbot)
    qtbot.keyClicks(box, "118")
    press(window, Qt.Key.Key_Return, qtbot, widget=box)
    assert window.bench.view_state.frame_index == 117 and window.frame_view.hasFocus()
    assert ran == [] and person(window, 0, 1) == figure(0, 1)
    press(window, Qt.Key.Key_Return, qtbot)
    assert ran == ["verify"]


def test_a_number_beyond_the_video_goes_to_its_end(window: MainWindow, qtbot: QtBot) -> None:
    box = window.transport.number
    for typed, frame_index in (("0", 0), ("230", 229), ("99999", 229), ("", 5)):
        window.bench.view_state.set_frame(5)
        focus(box, qtbot)
        press(window, Qt.Key.Key_Delete, qtbot, widget=box)
        qtbot.keyClicks(box, typed)
        press(window, Qt.Key.Key_Enter, qtbot, widget=box)
        assert window.bench.view_state.frame_index == frame_index
        assert box.text() == str(frame_index + 1)


def test_escape_or_a_click_elsewhere_forgets_what_was_typed(window: MainWindow, qtbot: QtBot) -> None:
    box = window.transport.number
    for leave in (lambda: press(window, Qt.Key.Key_Escape, qtbot, widget=box), window.frame_view.setFocus):
        focus(box, qtbot)
        qtbot.keyClicks(box, "77")
        window.bench.view_state.set_frame(3)  # as while playing: the number is not changed under the hand
        assert box.text() == "77"
        leave()
        assert box.text() == "4" and window.bench.view_state.frame_index == 3
        window.bench.view_state.set_frame(0)


@pytest.mark.parametrize("floating", [False, True])
def test_a_text_field_in_any_dock_owns_its_keys(
    window: MainWindow, ran: list[str], floating: bool, qtbot: QtBot
) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, LEFT_WRIST)
    fields = [QLineEdit(), QPlainTextEdit(), QTextEdit(), QSpinBox(), QDoubleSpinBox(), QComboBox(editable=True)]
    dock = QDockWidget("Later", window)
    dock.setWidget(padded(*fields))
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
    dock.setFloating(floating)
    history = window.bench.project.undo_text
    editing = [QKeySequence(text) for text in ("Ctrl+Z", "Ctrl+Y", "Ctrl+Right", "Ctrl+Left", "Ctrl+Shift+Right")]
    plain = [
        key
        for action in window.actions_by_name.values()
        for key in action.shortcuts()
        if not key[0].keyboardModifiers() & (CONTROL | ALT) and key[0].key() not in NOT_TYPED
    ]
    assert len(plain) > 20
    for field in fields:
        focus(field, qtbot)
        ran.clear()
        for key in [*plain, *editing]:
            qtbot.keyClick(QApplication.focusWidget() or field, key[0].key(), key[0].keyboardModifiers())
        assert ran == [], type(field)
        qtbot.keyClick(QApplication.focusWidget() or field, Qt.Key.Key_F1)  # means nothing in a text field
        assert ran == ["palette"]
        window.findChildren(CommandPalette)[-1].reject()
    assert window.bench.project.undo_text == history and person(window, 0, 1) == figure(0, 1)


def test_a_spin_box_of_a_dialog_owns_its_keys(window: MainWindow, ran: list[str], qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1)
    press(window, Qt.Key.Key_T, qtbot)
    dialog = window.findChildren(TrackDialog)[-1]
    qtbot.waitUntil(dialog.isVisible, timeout=PATIENCE_MS)
    ran.clear()
    number = dialog.findChildren(QSpinBox)[0]
    for key in (Qt.Key.Key_Delete, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space, Qt.Key.Key_X):
        press(window, key, qtbot, widget=number)
    press(window, Qt.Key.Key_Z, qtbot, CONTROL, widget=number)
    assert ran == [] and find(window, 0, 1) is not None
    dialog.reject()


def test_arrows_move_through_a_list_that_has_the_keyboard(window: MainWindow, ran: list[str], qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    for frame_index in (10, 11, 12):
        go_to(window, frame_index, qtbot)
        window.bench.shown.select(1, LEFT_WRIST)
        window.bench.editor.place_joint(5.0, 6.0)
    with qtbot.waitSignal(window.bench.evaluation.measured, timeout=PATIENCE_MS):
        window.actions_by_name["evaluate"].trigger()
    worst = window.evaluation.worst_table
    worst.selectRow(0)
    focus(worst, qtbot)
    ran.clear()
    press(window, Qt.Key.Key_Down, qtbot, widget=worst)
    press(window, Qt.Key.Key_Down, qtbot, widget=worst)
    press(window, Qt.Key.Key_End, qtbot, widget=worst)
    assert ran == [] and worst.currentIndex().row() == 2
    press(window, Qt.Key.Key_D, qtbot, widget=worst)
    assert ran == ["next"]


# What is selected by key is in view


def in_view(window: MainWindow) -> bool:
    view, shown = window.frame_view, window.bench.shown
    assert shown.person is not None
    if shown.joint is None:
        left, top, right, bottom = shown.person.bbox_xyxy
        return view.visible_rect().intersects(QRectF(left, top, right - left, bottom - top))
    x, y = shown.person.keypoints[shown.joint]
    return view.visible_rect().contains(float(x), float(y))


def look_at_a_corner(window: MainWindow) -> None:
    window.frame_view.fit_rect(QRectF(0, 0, 120, 80), 0.0)


def test_e_visits_everybody_and_brings_each_joint_into_view(window: MainWindow, qtbot: QtBot) -> None:
    for track_id in (0, 1, 3):
        for frame_index in (0, 1):
            window.bench.project.put(1, figure(frame_index, track_id), "Predicted")
    visited = []
    look_at_a_corner(window)
    for _ in range(6):
        press(window, Qt.Key.Key_E, qtbot)
        state, shown = window.bench.view_state, window.bench.shown
        qtbot.waitUntil(lambda: window.frame_view.frame_index == state.frame_index, timeout=PATIENCE_MS)  # noqa: B023
        visited.append((state.frame_index, shown.track_id, shown.joint))
        assert in_view(window)
    assert visited == [(frame, track, RIGHT_WRIST) for frame in (0, 1) for track in (0, 1, 3)]


def test_a_person_or_joint_selected_by_key_is_brought_into_view(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    for key in 3 * [Qt.Key.Key_Tab, Qt.Key.Key_S, Qt.Key.Key_W]:
        look_at_a_corner(window)
        press(window, key, qtbot)
        assert in_view(window)


def test_a_person_selected_in_the_list_or_the_timeline_is_brought_into_view(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    qtbot.waitUntil(lambda: window.track_table.tracks.rowCount() == 2, timeout=PATIENCE_MS)
    look_at_a_corner(window)
    table = window.track_table
    place = table.visualRect(table.tracks.index(1, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.bench.shown.track_id == 2 and in_view(window)


def test_the_selected_joint_stays_in_view_from_frame_to_frame(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    x, y = figure(0, 1).keypoints[LEFT_WRIST]
    window.bench.shown.select(1, LEFT_WRIST)
    window.frame_view.fit_rect(QRectF(float(x) - 100, float(y) - 60, 120, 80), 0.0)  # it walks to the right
    assert in_view(window)
    go_to(window, 100, qtbot)
    assert in_view(window)


def test_selecting_by_key_shows_people_again_that_were_hidden(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    press(window, Qt.Key.Key_H, qtbot)
    assert window.bench.view_state.people_hidden
    press(window, Qt.Key.Key_E, qtbot)
    assert not window.bench.view_state.people_hidden and not window.actions_by_name["hide"].isChecked()


# Keys that are pressed twice


@pytest.mark.parametrize("verified", [False, True])
def test_a_key_pressed_twice_leaves_everything_as_it_was(window: MainWindow, verified: bool, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, LEFT_WRIST)
    if verified:
        press(window, Qt.Key.Key_Return, qtbot)
    before = person(window, 0, 1)
    for keys in ([Qt.Key.Key_Q], [Qt.Key.Key_O], [Qt.Key.Key_X], [Qt.Key.Key_X, Qt.Key.Key_Q]):
        for key in keys:
            press(window, key, qtbot)
        assert (person(window, 0, 1).origin == Origin.CORRECTED).any()
        for key in reversed(keys):
            press(window, key, qtbot)
        assert person(window, 0, 1) == before
    window.bench.project.undo()
    settle(window.bench.project, qtbot)
    assert (person(window, 0, 1).origin == Origin.CORRECTED).any()


def test_a_joint_moved_in_between_stays_corrected(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, LEFT_WRIST)
    press(window, Qt.Key.Key_X, qtbot)
    window.bench.editor.place_joint(9.0, 8.0)
    press(window, Qt.Key.Key_X, qtbot)
    after = person(window, 0, 1)
    assert after.origin[RIGHT_WRIST] == Origin.CORRECTED and tuple(after.keypoints[RIGHT_WRIST]) == (9.0, 8.0)
    others = np.delete(np.arange(NUM_JOINTS), [LEFT_WRIST, RIGHT_WRIST])
    assert (after.origin[others] == Origin.PREDICTED).all()


def test_corrected_joints_show_no_confidence_of_the_models(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, LEFT_WRIST)
    model = window.inspector.joints
    assert "left wrist 0.90 predicted" in window.status.place
    assert model.data(model.index(LEFT_WRIST, 4)) == "0.90"
    press(window, Qt.Key.Key_Q, qtbot)
    assert "left wrist occluded corrected" in window.status.place
    assert model.data(model.index(LEFT_WRIST, 4)) == "" and model.data(model.index(LEFT_WRIST, 5)) == "corrected"
    press(window, Qt.Key.Key_Return, qtbot)
    assert [model.data(model.index(0, column)) for column in (4, 5)] == ["", "verified"]

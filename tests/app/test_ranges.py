"""A range of frames is marked on the timeline, and what changes tracks changes it alone."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.look.messages import Message
from app.timeline.view import RULER_HEIGHT
from app.window.main_window import MainWindow
from tests.builders.hand import everybody, find, person, press
from tests.builders.waiting import go_to, predict_and_wait, settle

CTRL, SHIFT, LEFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier, Qt.MouseButton.LeftButton
RIGHT_KNEE = 1


def mark(window: MainWindow, first: int, last: int, qtbot: QtBot) -> None:
    """Drag with Shift over the timeline; `last` is included."""
    viewport, scale = window.timeline.viewport(), window.timeline.scale
    start, end = (QPoint(round(scale.centre_of(frame)), RULER_HEIGHT // 2) for frame in (first, last))
    qtbot.mousePress(viewport, LEFT, SHIFT, start)
    qtbot.mouseMove(viewport, (start + end) / 2)
    qtbot.mouseMove(viewport, end)
    qtbot.mouseRelease(viewport, LEFT, SHIFT, end)


@pytest.fixture
def two(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """Two people in every frame, the first selected, frame 20 on the screen."""
    predict_and_wait(window, qtbot)
    assert {one.track_id for one in everybody(window)} == {1, 2}
    window.bench.shown.select(1)
    go_to(window, 20, qtbot)
    return window


def test_a_drag_with_shift_marks_and_a_click_with_shift_unmarks(two: MainWindow, qtbot: QtBot) -> None:
    state = two.bench.view_state
    mark(two, 40, 60, qtbot)
    first, last = state.marked or (0, 0)
    assert abs(first - 40) <= 1 and abs(last - 61) <= 1 and state.frame_index == 20
    assert two.actions_by_name["unmark"].isEnabled()
    qtbot.mouseClick(two.timeline.viewport(), LEFT, SHIFT, QPoint(300, RULER_HEIGHT // 2))
    assert state.marked is None and not two.actions_by_name["unmark"].isEnabled()


def test_keys_mark_from_here_and_to_here(two: MainWindow, qtbot: QtBot) -> None:
    state = two.bench.view_state
    press(two, Qt.Key.Key_BracketLeft, qtbot)
    assert state.marked == (20, 230)
    go_to(two, 30, qtbot)
    press(two, Qt.Key.Key_BracketRight, qtbot)
    assert state.marked == (20, 31)
    go_to(two, 10, qtbot)
    press(two, Qt.Key.Key_BracketRight, qtbot)
    assert state.marked == (0, 11)


def test_swap_changes_the_marked_frames_alone_and_is_one_step(two: MainWindow, qtbot: QtBot) -> None:
    before = everybody(two)
    ours, theirs = (person(two, 20, track).bbox_xyxy for track in (1, 2))
    two.bench.view_state.mark((20, 31))
    press(two, Qt.Key.Key_T, qtbot, CTRL)
    assert two.bench.shown.track_id == 2  # the person stays selected
    assert (person(two, 20, 2).bbox_xyxy, person(two, 20, 1).bbox_xyxy) == (ours, theirs)
    changed = {one.frame_index for one, other in zip(everybody(two), before, strict=True) if one != other}
    assert changed == set(range(20, 31))
    press(two, Qt.Key.Key_Z, qtbot, CTRL)
    settle(two.bench.project, qtbot)
    assert everybody(two) == before


def test_swap_without_a_mark_goes_from_here_to_the_end(two: MainWindow, qtbot: QtBot) -> None:
    before = everybody(two)
    press(two, Qt.Key.Key_T, qtbot, CTRL)
    changed = {one.frame_index for one, other in zip(everybody(two), before, strict=True) if one != other}
    assert changed == set(range(20, 230))


def test_a_digit_sets_the_track_and_a_taken_one_is_refused_with_the_cure(
    two: MainWindow, told: list[Message], qtbot: QtBot
) -> None:
    before = everybody(two)
    two.bench.view_state.mark((20, 31))
    press(two, Qt.Key.Key_2, qtbot, CTRL)
    assert "swap the two" in told[-1].text and everybody(two) == before
    press(two, Qt.Key.Key_7, qtbot, CTRL)
    assert two.bench.shown.track_id == 7
    assert [frame for frame in range(230) if find(two, frame, 7) is not None] == list(range(20, 31))


def test_a_person_is_deleted_in_the_marked_frames(two: MainWindow, qtbot: QtBot) -> None:
    two.bench.view_state.mark((15, 25))
    press(two, Qt.Key.Key_Delete, qtbot, SHIFT)
    assert [frame for frame in range(230) if find(two, frame, 1) is None] == list(range(15, 25))
    assert two.bench.shown.track_id is None


def test_sides_are_swapped_from_the_selected_joint_outward_in_the_marked_frames(two: MainWindow, qtbot: QtBot) -> None:
    before = everybody(two)
    two.bench.shown.select(1, RIGHT_KNEE)
    two.bench.view_state.mark((20, 24))
    press(two, Qt.Key.Key_X, qtbot, SHIFT)
    was, now = next(one for one in before if (one.frame_index, one.track_id) == (22, 1)), person(two, 22, 1)
    assert np.array_equal(now.keypoints, was.keypoints[[5, 4, 2, 3, 1, 0, *range(6, 15)]])
    assert np.flatnonzero(now.touched).tolist() == [0, 1, 4, 5]
    press(two, Qt.Key.Key_Z, qtbot, CTRL)
    settle(two.bench.project, qtbot)
    assert everybody(two) == before

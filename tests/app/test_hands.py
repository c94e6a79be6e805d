"""Limbs are dragged, joints nudged by the arrow keys, poses copied: in the real window, each one undo step."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.look.messages import Message
from app.picture.gestures import DragJoints
from app.picture.hit_test import JointHit, gathered_in
from app.session import edits
from app.window.main_window import MainWindow
from jmpose_core.annotations import Origin, Visibility
from jmpose_core.geometry import bbox_of_points
from jmpose_core.skeleton import JOINT_INDEX, LIMBS, NUM_JOINTS
from tests.builders.hand import drag, find, on_screen, person, press
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import go_to, predict_and_wait, settle

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
LEFT_KNEE, LEFT_ANKLE = JOINT_INDEX["left_knee"], JOINT_INDEX["left_ankle"]
SHIN = LIMBS.index((LEFT_KNEE, LEFT_ANKLE))
shift = st.floats(-400, 400)
joints = st.integers(0, NUM_JOINTS - 1)
coordinate = st.floats(200, 900)


@given(st.integers(0, len(LIMBS) - 1), shift, shift)
def test_a_dragged_limb_keeps_its_length_and_takes_nothing_else_along(limb: int, dx: float, dy: float) -> None:
    before = figure(0, 1)
    gesture = DragJoints(before, (50.0, 60.0), LIMBS[limb], 3.0)
    gesture.follow((50.0 + dx, 60.0 + dy))
    ends = list(LIMBS[limb])
    if np.hypot(dx, dy) <= 3.0:
        assert gesture.preview is before
        return
    after = gesture.preview
    assert np.allclose(after.keypoints[ends] - before.keypoints[ends], [dx, dy])
    others = np.delete(np.arange(NUM_JOINTS), ends)
    assert np.array_equal(after.keypoints[others], before.keypoints[others])
    assert np.flatnonzero(after.touched).tolist() == sorted(ends)
    gesture.follow((50.0, 60.0))  # back to where it began: the hand has moved, so this is meant
    assert np.allclose(gesture.preview.keypoints, before.keypoints)


def test_a_limb_of_the_selected_person_is_dragged_in_one_step(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    before = person(window, 0, 1)
    knee, ankle = before.keypoints[[LEFT_KNEE, LEFT_ANKLE]]
    middle = on_screen(window, tuple((knee + ankle) / 2))
    drag(window, middle, middle + QPoint(24, 8), qtbot)
    assert window.bench.shown.track_id == 1 and person(window, 0, 1) == before  # the first press only selects
    window.frame_view.fit()
    middle = on_screen(window, tuple((knee + ankle) / 2))
    drag(window, middle, middle + QPoint(2, 0), qtbot)
    assert person(window, 0, 1) == before  # a click with a trembling hand
    drag(window, middle, middle + QPoint(24, 8), qtbot)
    moved = person(window, 0, 1)
    by = np.array([24, 8]) / window.frame_view.zoom
    assert np.allclose(moved.keypoints[[LEFT_KNEE, LEFT_ANKLE]], [knee + by, ankle + by], atol=0.01)
    assert np.flatnonzero(moved.touched).tolist() == sorted([LEFT_KNEE, LEFT_ANKLE])
    assert window.bench.project.undo_text == "Move left knee and left ankle"
    window.bench.project.undo()
    settle(window.bench.project, qtbot)
    assert person(window, 0, 1) == before


def test_arrows_nudge_the_selected_joint_and_else_move_through_the_frames(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    shown, state, view = window.bench.shown, window.bench.view_state, window.frame_view
    before = person(window, 0, 1)
    shown.select(1)
    press(window, Qt.Key.Key_Right, qtbot)
    assert state.frame_index == 1
    press(window, Qt.Key.Key_Left, qtbot)
    qtbot.waitUntil(lambda: view.frame_index == 0)
    shown.select(1, LEFT_ANKLE)
    x, y = before.keypoints[LEFT_ANKLE]
    view.fit_rect(QRectF(0, 0, 3000, 3000), 0.0)
    assert view.zoom < 1
    press(window, Qt.Key.Key_Right, qtbot)
    press(window, Qt.Key.Key_Up, qtbot, SHIFT)
    after = person(window, 0, 1)
    assert state.frame_index == 0 and np.allclose(after.keypoints[LEFT_ANKLE], [x + 1, y - 10])
    assert after.origin[LEFT_ANKLE] == Origin.CORRECTED and after.touched.sum() == 1
    view.fit_rect(QRectF(float(x) - 20, float(y) - 20, 40, 40), 0.0)
    assert view.zoom > 4
    press(window, Qt.Key.Key_Left, qtbot)
    assert np.allclose(person(window, 0, 1).keypoints[LEFT_ANKLE, 0], x + 1 - 1 / view.zoom)
    press(window, Qt.Key.Key_D, qtbot)
    assert state.frame_index == 1


def test_a_held_arrow_is_one_step(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, LEFT_ANKLE)
    before = person(window, 0, 1)
    for _ in range(5):
        qtbot.keyPress(window.frame_view, Qt.Key.Key_Down)
    assert person(window, 0, 1) == before
    (drawn,) = [one for one in window.frame_view.people if one.track_id == 1]
    qtbot.keyRelease(window.frame_view, Qt.Key.Key_Down)
    assert person(window, 0, 1).keypoints[LEFT_ANKLE].tolist() == drawn.keypoints[LEFT_ANKLE].tolist()
    assert drawn.keypoints[LEFT_ANKLE, 1] > before.keypoints[LEFT_ANKLE, 1]
    window.bench.project.undo()
    settle(window.bench.project, qtbot)
    assert person(window, 0, 1) == before
    qtbot.keyPress(window.frame_view, Qt.Key.Key_Down)
    press(window, Qt.Key.Key_Escape, qtbot)
    qtbot.keyRelease(window.frame_view, Qt.Key.Key_Down)
    assert person(window, 0, 1) == before


# A pose of an earlier frame


@given(st.sets(joints), st.sets(joints))
def test_copied_labels_are_as_there_and_labels_here_stay(there: set[int], here: set[int]) -> None:
    labelled, before = figure(40, 1), figure(0, 1)
    for joint in there:
        labelled = edits.with_joint_moved(labelled, joint, (500.0 + joint, 30.0 * joint))
    for joint in here:
        before = edits.with_joint_moved(before, joint, (7.0 * joint, 11.0))
    after = edits.with_labels_of(before, labelled)
    assert set(np.flatnonzero(after.touched).tolist()) == there | here
    for joint in range(NUM_JOINTS):
        source = labelled if joint in there - here else before
        assert after.keypoints[joint].tolist() == source.keypoints[joint].tolist()
    left, top, right, bottom = after.bbox_xyxy
    copied = after.keypoints[sorted(there - here)]
    assert (copied >= [left, top]).all() and (copied <= [right, bottom]).all()
    assert (after.frame_index, after.track_id) == (0, 1)


def test_the_last_labelled_pose_is_copied_into_the_track(window: MainWindow, told: list[Message], qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, LEFT_ANKLE)
    press(window, Qt.Key.Key_D, qtbot, CONTROL)
    assert "No joint of person 1 is labelled before" in told[-1].text
    for frame_index, x in ((3, 50.0), (8, 60.0)):
        go_to(window, frame_index, qtbot)
        window.bench.editor.place_joint(x, 70.0)
    press(window, Qt.Key.Key_Q, qtbot)
    go_to(window, 20, qtbot)
    before = person(window, 20, 1)
    press(window, Qt.Key.Key_D, qtbot, CONTROL)
    after = person(window, 20, 1)
    assert after.keypoints[LEFT_ANKLE].tolist() == [60.0, 70.0]
    assert after.visibility[LEFT_ANKLE] == Visibility.OCCLUDED
    assert np.flatnonzero(after.touched).tolist() == [LEFT_ANKLE] and after.track_id == 1
    window.bench.project.undo()
    settle(window.bench.project, qtbot)
    assert person(window, 20, 1) == before


def test_a_labelled_pose_comes_back_where_the_person_was_deleted(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1)
    press(window, Qt.Key.Key_Return, qtbot)
    go_to(window, 1, qtbot)
    press(window, Qt.Key.Key_Delete, qtbot)
    assert find(window, 1, 1) is None
    window.bench.shown.select(1)
    press(window, Qt.Key.Key_D, qtbot, CONTROL)
    after = person(window, 1, 1)
    assert np.array_equal(after.keypoints, person(window, 0, 1).keypoints) and after.touched.all()


def test_one_person_alone_is_drawn_and_picked(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    view, shown = window.frame_view, window.bench.shown
    points = {track_id: tuple(person(window, 0, track_id).keypoints[LEFT_ANKLE].tolist()) for track_id in (1, 2)}

    def picked() -> list[int]:
        return [track_id for track_id, xy in points.items() if isinstance(view.hit_at(xy), JointHit)]

    press(window, Qt.Key.Key_H, qtbot, SHIFT)
    assert picked() == [1, 2] and window.actions_by_name["alone"].isChecked()  # nobody is selected
    shown.select(2, LEFT_ANKLE)
    assert picked() == [2]
    press(window, Qt.Key.Key_Tab, qtbot)
    assert shown.track_id == 1 and picked() == [1]
    press(window, Qt.Key.Key_H, qtbot, SHIFT)
    assert picked() == [1, 2]
    press(window, Qt.Key.Key_H, qtbot)
    assert picked() == []


# Several joints at once


@given(st.tuples(coordinate, coordinate), st.tuples(coordinate, coordinate), st.sampled_from([None, 1, 2]))
def test_a_marquee_takes_what_is_inside_of_one_person(
    first: tuple[float, float], second: tuple[float, float], selected: int | None
) -> None:
    absent = edits.with_visibility_toggled(figure(0, 1), LEFT_ANKLE, Visibility.ABSENT)
    people = [absent, figure(0, 2)]
    left, top, right, bottom = bbox_of_points(np.array([first, second]))
    inside = {
        one.track_id: {
            joint
            for joint, (x, y) in enumerate(one.keypoints.tolist())
            if left <= x <= right and top <= y <= bottom and one.visibility[joint] != Visibility.ABSENT
        }
        for one in people
    }
    found = gathered_in(people, (left, top, right, bottom), selected=selected)
    if found is None:
        assert not any(inside.values())
        return
    track_id, joints = found
    assert joints == inside[track_id] and joints
    assert track_id == selected or (len(joints) == max(map(len, inside.values())) and not inside.get(selected or 0))


def test_joints_gathered_by_a_marquee_are_dragged_and_nudged_together(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    before = person(window, 0, 1)
    legs = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("knee", "ankle")]
    corners = before.keypoints[legs]
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    start, end = on_screen(window, (left - 12, bottom + 40)), on_screen(window, (right + 12, top - 12))
    drag(window, start, end, qtbot, shift=True)
    assert window.bench.shown.track_id == 1 and window.bench.shown.joints == frozenset(legs)
    assert person(window, 0, 1) == before
    ankle = on_screen(window, tuple(before.keypoints[LEFT_ANKLE]))
    drag(window, ankle, ankle + QPoint(-30, 15), qtbot)
    moved = person(window, 0, 1)
    by = np.array([-30, 15]) / window.frame_view.zoom
    assert np.allclose(moved.keypoints[legs], corners + by, atol=0.01)
    assert np.flatnonzero(moved.touched).tolist() == sorted(legs)
    assert window.bench.project.undo_text == "Move 4 joints"
    press(window, Qt.Key.Key_Up, qtbot, SHIFT)
    assert (person(window, 0, 1).keypoints[legs, 1] < moved.keypoints[legs, 1]).all()
    for _ in range(2):
        window.bench.project.undo()
        settle(window.bench.project, qtbot)
    assert person(window, 0, 1) == before
    drag(window, QPoint(5, 5), QPoint(9, 9), qtbot, shift=True)  # around nobody
    assert window.bench.shown.track_id is None


def test_a_right_click_selects_and_offers_what_makes_sense_there(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    view, menu = window.frame_view, window.picture_menu

    def offered(place: QPoint) -> list[str]:
        QApplication.sendEvent(
            view.viewport(), QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.mapToGlobal(place))
        )
        assert menu.isVisible()
        names = [action.objectName() for action in menu.actions() if not action.isSeparator()]
        menu.close()
        return names

    at_joint = offered(on_screen(window, tuple(person(window, 0, 2).keypoints[LEFT_ANKLE])))
    assert (window.bench.shown.track_id, window.bench.shown.joint) == (2, LEFT_ANKLE)
    assert {"occluded", "delete", "swap_tracks", "alone"} <= set(at_joint) and "confirm" not in at_joint
    beside = offered(QPoint(4, 4))
    assert window.bench.shown.track_id is None and beside == ["alone", "hide", "fit", "add_person"]


def test_joints_of_small_people_stay_apart(window: MainWindow, qtbot: QtBot) -> None:
    """Two joints eight screen pixels apart: the picture is seen between them."""
    predict_and_wait(window, qtbot)
    view = window.frame_view

    def seen_between(zoom: float) -> bool:
        view.fit_rect(QRectF(0, 0, view.viewport().width() / zoom, view.viewport().height() / zoom), 0.0)
        nose, head_top = (
            view.mapFromScene(*person(window, 0, 1).keypoints[JOINT_INDEX[name]]) for name in ("nose", "head_top")
        )
        shown = view.viewport().grab().toImage()
        window.bench.view_state.set_people_hidden(True)
        bare = view.viewport().grab().toImage()
        window.bench.view_state.set_people_hidden(False)
        middle = (nose + head_top) / 2 + QPoint(3, 0)
        return shown.pixel(middle) == bare.pixel(middle)

    assert seen_between(0.3)

"""The timeline's arithmetic, and seeking by mouse."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from app.look.messages import Message
from app.session.thumbnails import WIDTH
from app.timeline.paint import Progress, QueueMark, Scale, clock, progress_of, runs_of, spans_of, strengths_of
from app.timeline.view import marks_of
from app.window.main_window import MainWindow
from jmpose_core.annotations import Origin
from jmpose_core.project import Lane
from jmpose_core.queue.items import QueueItem
from tests.builders.hand import press, turn_wheel
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import PATIENCE_MS, predict_and_wait


@given(st.dictionaries(st.integers(0, 300), st.integers(1, 4), max_size=80))
def test_runs_say_each_frame_once_with_its_state(states: dict[int, int]) -> None:
    frames = np.array(sorted(states), np.int64)
    runs = runs_of(frames, np.array([states[frame] for frame in sorted(states)], np.int64))
    said = {frame: run.state for run in runs for frame in range(run.first, run.last)}
    assert said == states
    for before, after in pairwise(runs):
        assert before.last < after.first or before.state != after.state


@given(st.sets(st.integers(0, 300)))
def test_spans_are_the_frames(frames: set[int]) -> None:
    assert {frame for first, last in spans_of(sorted(frames)) for frame in range(first, last)} == frames


@given(st.floats(0, 1e5), st.floats(10, 1e5), st.integers(0, 100_000))
def test_scale_takes_a_frames_centre_back_to_it(first: float, span: float, frame_index: int) -> None:
    scale = Scale(left=64, width=1000, first=first, span=span)
    assert int(scale.frame_at(scale.centre_of(frame_index))) == frame_index


def test_clock() -> None:
    assert clock(3.933) == "0:03.93"
    assert clock(75.5) == "1:15.50"


def test_click_and_drag_seek_and_a_lane_selects(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    timeline, state = window.timeline, window.bench.view_state
    qtbot.waitUntil(lambda: len(window.bench.lanes.lanes) == 2, timeout=PATIENCE_MS)
    scale, viewport, left = timeline.scale, timeline.viewport(), Qt.MouseButton.LeftButton
    at = {frame: QPoint(round(scale.centre_of(frame)), 8) for frame in (20, 70, 90)}
    qtbot.mousePress(viewport, left, pos=at[20])
    assert state.frame_index == 20
    qtbot.mouseMove(viewport, at[70])
    assert state.frame_index == 70
    qtbot.mouseRelease(viewport, left, pos=at[70])
    qtbot.mouseMove(viewport, at[90])
    assert state.frame_index == 70
    assert window.bench.shown.track_id is None
    qtbot.mouseClick(viewport, left, pos=QPoint(20, 36))
    assert window.bench.shown.track_id == 1 and state.frame_index == 70
    assert not timeline.grab().isNull()


def test_a_frame_is_painted_as_done_only_when_every_joint_is_settled() -> None:
    states, done = np.array([1, 3, 4, 4], np.uint8), np.array([False, False, False, True])
    lane = Lane(5, np.arange(4), states, np.full(4, 0.5), done)
    assert progress_of(lane).tolist() == [Progress.PREDICTED, Progress.TOUCHED, Progress.TOUCHED, Progress.DONE]


def test_a_resting_pointer_shows_its_frame_and_moves_nothing(window: MainWindow, qtbot: QtBot) -> None:
    timeline, viewport = window.timeline, window.timeline.viewport()

    def rest_on(frame: int) -> QImage:
        qtbot.mouseMove(viewport, QPoint(round(timeline.scale.centre_of(frame)), 50))
        with qtbot.waitSignal(window.bench.thumbnails.ready, timeout=PATIENCE_MS) as told:
            pass
        assert told.args is not None and told.args[0] == frame
        label = timeline.hover_picture.label
        assert label is not None and label.isVisible() and label.pixmap().width() == WIDTH
        return label.pixmap().toImage()

    assert rest_on(20) != rest_on(200)
    assert window.bench.view_state.frame_index == 0 and window.frame_view.frame_index == 0
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=QPoint(round(timeline.scale.centre_of(30)), 8))
    label = timeline.hover_picture.label
    assert label is not None and not label.isVisible()
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton)
    rest_on(60)
    qtbot.mouseMove(viewport, QPoint(20, 50))  # onto the names of the tracks
    assert not label.isVisible()
    rest_on(90)
    turn_wheel(viewport, QPoint(300, 50), modifiers=Qt.KeyboardModifier.ControlModifier)
    assert not label.isVisible(), "another frame lies under the pointer now"


def test_keys_go_to_labelled_frames_and_to_where_people_come_and_go(
    window: MainWindow, told: list[Message], qtbot: QtBot
) -> None:
    project, state = window.bench.project, window.bench.view_state
    for frame, track_id in ((10, 1), (11, 1), (11, 2), (12, 1), (40, 1)):
        project.put(1, figure(frame, track_id), "Predicted")
    for frame, track_id in ((11, 2), (40, 1)):
        project.put(1, figure(frame, track_id).with_joint(3, origin=Origin.VERIFIED), "Label")
    qtbot.waitUntil(lambda: sum(len(lane.frame_index) for lane in window.bench.lanes.lanes) == 5, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: not window.bench.background.busy, timeout=PATIENCE_MS)

    def places(key: Qt.Key, keys: Qt.KeyboardModifier, count: int) -> list[int]:
        found = []
        for _ in range(count):
            press(window, key, qtbot, keys)
            found.append(state.frame_index)
        return found

    alt, shift = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
    assert places(Qt.Key.Key_Right, alt, 2) == [11, 40]
    press(window, Qt.Key.Key_Right, qtbot, alt)
    assert told[-1].text == "No joint of anybody is labelled after this frame." and state.frame_index == 40
    assert places(Qt.Key.Key_Left, alt | shift, 4) == [13, 12, 11, 10]
    assert places(Qt.Key.Key_Right, alt | shift, 5) == [11, 12, 13, 40, 41]
    window.bench.shown.select(2)
    assert places(Qt.Key.Key_Left, alt, 1) == [11]


def test_the_queue_is_marked_in_the_lanes_where_it_is(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    qtbot.waitUntil(lambda: len(window.bench.queue.items) > 0, timeout=PATIENCE_MS)
    assert not any(mark.current for marks in marks_of(window.bench.queue).values() for mark in marks)
    press(window, Qt.Key.Key_Space, qtbot)
    item = window.bench.queue.current
    assert isinstance(item, QueueItem)
    (mark,) = [mark for mark in marks_of(window.bench.queue)[item.track_id] if mark.current]
    assert (mark.first, mark.last, mark.weight) == (item.first, item.last, item.probability)


def test_overlapping_marks_are_as_strong_as_the_strongest() -> None:
    scale = Scale(left=64, width=100, first=0, span=100)
    marks = [QueueMark(10, 20, 1.0, current=False), QueueMark(15, 30, 0.5, current=False)]
    strengths = strengths_of(scale, marks)
    assert strengths[[9, 10, 19, 20, 29, 30]].tolist() == [0, 5, 5, 2, 2, 0]
    assert strengths_of(Scale(left=64, width=100, first=50, span=10), marks).tolist() == [0] * 100

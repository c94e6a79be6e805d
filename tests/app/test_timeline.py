"""The timeline's arithmetic, and seeking by mouse."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.timeline.paint import Progress, Scale, clock, progress_of, runs_of, spans_of
from app.window.main_window import MainWindow
from jmpose_core.project import Lane
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

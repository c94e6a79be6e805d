"""The timeline's arithmetic, and seeking by mouse."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.session.view_state import ViewState
from app.timeline.paint import Scale, clock, runs_of, spans_of
from app.timeline.view import LABELS_WIDTH, Timeline
from jmpose_core.project import Lane, VideoRecord
from jmpose_core.video import Fingerprint


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


def test_click_and_drag_seek_and_a_lane_selects(qtbot: QtBot) -> None:
    state = ViewState()
    timeline = Timeline(state)
    qtbot.addWidget(timeline)
    timeline.resize(LABELS_WIDTH + 10 + 1000, 150)
    timeline.show()
    state.set_video(VideoRecord(1, "a.mp4", "a.mp4", 100, 640, 480, 25.0, Fingerprint(100, 640, 480, "")))
    timeline.sought.connect(state.set_frame)
    clicked: list[int] = []
    timeline.track_clicked.connect(clicked.append)
    frames = np.arange(20, 60)
    timeline.set_lanes([Lane(5, frames, np.ones(40, np.uint8), np.full(40, 0.5))])
    viewport, left = timeline.viewport(), Qt.MouseButton.LeftButton
    qtbot.mousePress(viewport, left, pos=QPoint(LABELS_WIDTH + 205, 8))
    assert state.frame_index == 20
    qtbot.mouseMove(viewport, QPoint(LABELS_WIDTH + 705, 8))
    assert state.frame_index == 70
    qtbot.mouseRelease(viewport, left, pos=QPoint(LABELS_WIDTH + 2000, 8))
    qtbot.mouseMove(viewport, QPoint(LABELS_WIDTH + 105, 8))
    assert state.frame_index == 70
    assert clicked == []
    qtbot.mouseClick(viewport, left, pos=QPoint(20, 36))
    assert clicked == [5] and state.frame_index == 70
    assert not timeline.grab().isNull()

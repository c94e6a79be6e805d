"""How fast joints move, under the lane of the selected person."""

import numpy as np
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.session.track_motion import Speeds
from app.window.main_window import MainWindow
from tests.builders.hand import person
from tests.builders.stand_in_engine import BOX
from tests.builders.waiting import PATIENCE_MS, predict_and_wait, settle

SIZE = BOX[3] - BOX[1]  # of the stand-in's people, who walk a pixel a frame


def speeds(window: MainWindow, qtbot: QtBot, track_id: int) -> Speeds:
    window.bench.shown.select(track_id, window.bench.shown.joint)
    qtbot.waitUntil(lambda: window.bench.motion.speeds is not None, timeout=PATIENCE_MS)
    found = window.bench.motion.speeds
    assert found is not None and found.track_id == track_id
    return found


def test_a_joint_that_jumps_and_comes_back_stands_out(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    settle(window.bench.project, qtbot)
    calm = speeds(window, qtbot, 1)
    assert calm.frame_index.tolist() == list(range(1, 230))
    assert np.allclose(calm.of_joint(None), 1 / SIZE)
    x, y = person(window, 50, 1).keypoints[4]
    moved = person(window, 50, 1).with_joint(4, xy=(float(x) + 180, float(y)))
    window.bench.project.put(1, moved, "Move")

    def seen() -> list[int]:
        now = window.bench.motion.speeds
        return [] if now is None else (now.frame_index[now.of_joint(4) > 0.2]).tolist()

    qtbot.waitUntil(lambda: len(seen()) > 0, timeout=PATIENCE_MS)
    assert min(seen()) <= 50 <= max(seen()) + 1
    now = speeds(window, qtbot, 1)
    assert now.of_joint(3).max() < 0.01


def test_an_absent_joint_does_not_move_and_a_gap_is_divided_by_its_frames() -> None:
    speed = np.full((2, 15), np.nan)
    speed[1, 3] = 0.25
    found = Speeds(1, np.array([4, 9]), speed)
    assert found.of_joint(None).tolist() == [0, 0.25] and found.of_joint(2).tolist() == [0, 0]
    assert Speeds(1, np.zeros(0, np.int64), np.zeros((0, 15))).of_joint(None).tolist() == []


def test_lanes_below_make_room_and_are_still_picked_by_a_click(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    settle(window.bench.project, qtbot)
    qtbot.waitUntil(lambda: len(window.bench.lanes.lanes) == 2, timeout=PATIENCE_MS)
    speeds(window, qtbot, 1)
    viewport, left = window.timeline.viewport(), Qt.MouseButton.LeftButton
    for y, track_id in (
        (70, 1),
        (90, 2),
        (55, 2),
        (36, 1),
    ):  # the graph of 1; lane 2 below it; then lane 2 and its graph
        qtbot.mouseClick(viewport, left, pos=QPoint(20, y))
        assert window.bench.shown.track_id == track_id, y
        qtbot.waitUntil(lambda: window.bench.motion.speeds is not None, timeout=PATIENCE_MS)
    window.bench.shown.select(None)
    assert window.bench.motion.speeds is None

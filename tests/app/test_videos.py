"""Several videos in one project: added, listed and switched between."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.look.messages import Level, Message
from app.window.main_window import MainWindow
from jmpose_core.annotations import Origin
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import PATIENCE_MS, go_to, open_and_wait, settle


def listed(window: MainWindow) -> list[list[str]]:
    model = window.video_table.videos
    return [[model.index(row, column).data() for column in range(3)] for row in range(model.rowCount())]


def click(window: MainWindow, row: int, qtbot: QtBot) -> None:
    table = window.video_table
    place = table.visualRect(table.videos.index(row, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_two_videos_of_one_name_share_a_project_and_can_be_switched(
    window: MainWindow, clip: Path, qtbot: QtBot
) -> None:
    window.bench.close_project()
    other = Path(shutil.copy(clip, clip.with_suffix(".avi")))
    open_and_wait(window, other, qtbot)
    assert window.bench.project.path == clip.with_suffix(".jmpose")
    expected = [["walk.mp4", "230", "–"], ["walk.avi", "230", "–"]]
    qtbot.waitUntil(lambda: listed(window) == expected, timeout=PATIENCE_MS)
    assert window.video_table.selectionModel().selectedRows()[0].row() == 1
    go_to(window, 30, qtbot)
    click(window, 0, qtbot)
    video = window.bench.view_state.video
    assert video is not None and video.name == "walk.mp4" and window.bench.view_state.frame_index == 0
    click(window, 1, qtbot)
    assert window.bench.view_state.frame_index == 30  # where it was left


def test_a_video_is_added_to_the_open_project_and_its_labels_are_counted(
    window: MainWindow, clip: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    assert not window.video_table.isVisible()
    other = Path(shutil.copy(clip, clip.with_name("run.mp4")))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(other), ""))
    window.actions_by_name["add_video"].trigger()
    qtbot.waitUntil(lambda: len(listed(window)) == 2, timeout=PATIENCE_MS)
    video = window.bench.view_state.video
    assert video is not None and (video.id, video.name) == (2, "run.mp4")
    assert window.bench.project.path == clip.with_suffix(".jmpose") and window.video_table.isVisible()
    window.bench.project.put(2, figure(3, 1).with_joint(4, origin=Origin.VERIFIED), "Verify")
    qtbot.waitUntil(lambda: listed(window)[1] == ["run.mp4", "230", "1"], timeout=PATIENCE_MS)


def test_what_is_no_video_is_not_added(
    window: MainWindow, tmp_path: Path, told: list[Message], monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(broken), ""))
    window.actions_by_name["add_video"].trigger()
    settle(window.bench.project, qtbot)
    qtbot.waitUntil(lambda: len(told) > 0, timeout=PATIENCE_MS)
    assert told[-1].level is Level.ERROR and "broken.mp4" in told[-1].text
    assert [video.name for video in window.bench.project.videos()] == ["walk.mp4"]


def test_the_model_of_the_list_is_sound(window: MainWindow, qtbot: QtBot) -> None:
    model = window.video_table.videos
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    qtbot.waitUntil(lambda: model.rowCount() == 1, timeout=PATIENCE_MS)
    window.bench.close_project()
    qtbot.waitUntil(lambda: model.rowCount() == 0, timeout=PATIENCE_MS)
    tester.deleteLater()

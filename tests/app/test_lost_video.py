"""Videos that were moved, or replaced by others under their names."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.look.messages import Level, Message
from app.window.main_window import MainWindow
from jmpose_core.project import Project
from jmpose_core.video import write_video
from tests.builders.waiting import PATIENCE_MS, open_and_wait, predict_and_wait, settle


@pytest.fixture
def project(window: MainWindow, clip: Path, qtbot: QtBot) -> Path:
    """A project with people, closed again."""
    predict_and_wait(window, qtbot)
    window.bench.close_project()
    return clip.with_suffix(".jmpose")


def opened(window: MainWindow, project: Path, qtbot: QtBot) -> MainWindow:
    """As by the start page."""
    with qtbot.waitSignal(window.bench.video_shown, timeout=PATIENCE_MS):
        window.start_page.recent_chosen.emit(project)
    return window


def other_video(path: Path) -> Path:
    """Three grey frames."""
    path.unlink(missing_ok=True)
    write_video(path, (np.full((720, 1280, 3), 99, np.uint8) for _ in range(3)), 25, (1280, 720))
    return path


@pytest.mark.parametrize("place", ["videos/walk.mp4", "raw/day 1/WALK.mp4"])
def test_a_video_in_a_folder_below_is_found_by_name_and_fingerprint(
    window: MainWindow, project: Path, clip: Path, place: str, told: list[Message], qtbot: QtBot
) -> None:
    moved = clip.with_name("moved") / place
    moved.parent.mkdir(parents=True)
    other = clip.with_name("a") / "walk.mp4"  # of that name, but another video
    other.parent.mkdir()
    other.write_bytes(b"not a video")
    clip.rename(moved)
    open_and_wait(window, project, qtbot)
    assert any("found again as moved/" in message.text for message in told)
    assert not any(message.level is Level.ERROR for message in told)
    with Project.open(project, read_only=True) as reader:
        assert reader.video_path(1) == moved


def test_a_video_that_is_not_found_is_asked_for_in_place_of_its_picture(
    window: MainWindow, project: Path, clip: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = clip.rename(clip.with_name("elsewhere.mp4"))
    opened(window, project, qtbot)
    lost = window.central_area.lost_video
    assert lost.isVisible() and "walk.mp4" in lost.text and "gone" in lost.text
    assert len(window.bench.project.people(1, 0)) == 2
    assert not window.actions_by_name["predict"].isEnabled() and window.actions_by_name["export"].isEnabled()
    monkeypatch.setattr("app.window.prompts.QFileDialog.getOpenFileName", lambda *_: (str(moved), ""))
    lost.locate_button.click()
    qtbot.waitUntil(lambda: window.frame_view.frame_index == 0, timeout=PATIENCE_MS)
    assert not lost.isVisible() and window.frame_view.isVisible()
    assert window.actions_by_name["predict"].isEnabled()


def test_another_video_is_refused_and_the_right_one_still_asked_for(
    window: MainWindow, project: Path, clip: Path, told: list[Message], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip.rename(clip.with_name("elsewhere.mp4"))
    shorter = other_video(clip.with_name("shorter.mp4"))
    opened(window, project, qtbot)
    monkeypatch.setattr("app.window.prompts.QFileDialog.getOpenFileName", lambda *_: (str(shorter), ""))
    window.actions_by_name["locate"].trigger()
    settle(window.bench.project, qtbot)
    assert told[-1].level is Level.ERROR and "has 3 frames" in told[-1].text
    assert window.central_area.lost_video.isVisible()


def test_a_video_replaced_under_its_name_is_not_shown_beneath_the_labels(
    window: MainWindow, project: Path, clip: Path, qtbot: QtBot
) -> None:
    other_video(clip)
    opened(window, project, qtbot)
    lost = window.central_area.lost_video
    qtbot.waitUntil(lost.isVisible, timeout=PATIENCE_MS)
    assert "has 3 frames, the annotated video has 230" in lost.text
    assert window.bench.video_path is None and not window.actions_by_name["predict"].isEnabled()


def test_past_the_end_of_a_video_that_became_shorter_there_is_a_word_and_no_crash(
    window: MainWindow, clip: Path, told: list[Message], qtbot: QtBot
) -> None:
    other_video(clip)
    window.bench.show_video(window.bench.view_state.video)
    window.bench.view_state.set_frame(100)
    qtbot.waitUntil(lambda: window.central_area.lost_video.isVisible(), timeout=PATIENCE_MS)
    assert not any(message.details for message in told)


def test_a_project_moved_with_its_video_opens_as_ever(
    project: Path, clip: Path, new_window: Callable[..., MainWindow], told: list[Message], qtbot: QtBot
) -> None:
    there = clip.with_name("there")
    there.mkdir()
    for path in (project, clip):
        shutil.move(path, there / path.name)
    window = new_window()
    open_and_wait(window, there / project.name, qtbot)
    assert [message.level for message in told if message.level is Level.ERROR] == []

"""From what the user opens to a project file."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.session.opening import prepare, prepare_demo
from app.window.main_window import MainWindow
from jmpose_core.errors import VideoError
from jmpose_core.project import Project
from resources import DEMO_CLIP
from tests.builders.numbered_clips import write_clip


def test_opening_a_video_makes_a_project_beside_it_and_finds_it_again(clip: Path) -> None:
    first = prepare(clip)
    assert first.project == clip.with_suffix(".jmpose")
    assert prepare(clip) == first
    with Project.open(first.project) as project:
        assert [video.path for video in project.videos()] == [clip.name]


def test_a_read_only_folder_keeps_the_project_elsewhere_and_says_so(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.session.opening.os.access", lambda *_: False)
    monkeypatch.setattr("jmpose_core.app_folders.user_data_path", lambda *_: tmp_path / "data")
    opened = prepare(clip)
    assert opened.project.is_relative_to(tmp_path / "data") and opened.project.exists()
    assert "read-only" in opened.note and str(opened.project) in opened.note


def test_a_broken_video_leaves_no_project(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(VideoError):
        prepare(empty)
    assert [path.name for path in tmp_path.iterdir()] == ["empty.mp4"]


def test_the_demo_is_opened_from_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jmpose_core.app_folders.user_data_path", lambda *_: tmp_path)
    opened = prepare_demo()
    assert opened.project == tmp_path / "demo" / "demo.jmpose"
    assert prepare_demo() == opened
    assert not list(DEMO_CLIP.parent.glob("*.jmpose*"))


def test_a_video_that_is_cut_off_says_so_when_it_is_opened(tmp_path: Path) -> None:
    write_clip(tmp_path / "whole.mp4", range(40), container_options={"movflags": "faststart"})
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) * 2 // 3])
    assert "the video is cut off after" in prepare(tmp_path / "cut.mp4").note
    assert prepare(tmp_path / "whole.mp4").note == ""


def test_a_window_that_is_closed_while_something_opens_stays_closed(
    window: MainWindow, clip: Path, qtbot: QtBot
) -> None:
    window.bench.open(clip.rename(clip.with_name("other.mp4")))
    window.close()
    QApplication.processEvents()
    assert window.bench.project.path is None

from pathlib import Path

import cv2
import numpy as np
import pytest

import resources
from jmpose_core.cli import demo_job as demo
from jmpose_core.errors import Cancelled
from jmpose_core.formats.posetrack18 import read_posetrack18
from jmpose_core.project import Project
from jmpose_core.video import open_video, write_video
from tests.builders.stand_in_session import StandInSession


@pytest.fixture(autouse=True)
def short_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo on three small frames and without networks."""
    clip = tmp_path / "clip.mp4"
    write_video(clip, (np.full((48, 64, 3), 80 * index, np.uint8) for index in range(3)), 30.0, (64, 48))
    monkeypatch.setattr(resources, "DEMO_CLIP", clip)
    monkeypatch.setattr(demo, "Session", StandInSession)


def run(out: Path) -> list[Path]:
    return demo.write_files(out, on_progress=lambda progress: None, should_stop=lambda: False)


def test_the_headless_demo_writes_all_its_files(tmp_path: Path) -> None:
    out = tmp_path / "demo-output"
    assert all(path.is_file() for path in run(out))
    document = read_posetrack18(out / "predictions.json")
    assert len(document.images) == len(document.people) == 3
    with open_video(out / "overlay.mp4") as overlay, open_video(resources.DEMO_CLIP) as clip:
        assert (overlay.frame_count, overlay.width, overlay.height) == (3, 64, 48)
        assert not np.array_equal(overlay.frame(2), clip.frame(2))  # somebody was drawn
    assert cv2.imread(str(out / "panels.png")) is not None


def test_it_can_be_run_again_over_its_files(tmp_path: Path) -> None:
    assert run(tmp_path / "out") == run(tmp_path / "out")


def test_a_stopped_demo_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandInSession, "stop_after", 1)
    with pytest.raises(Cancelled):
        run(tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_the_window_finds_the_clip_filled_in_and_later_edits_kept(tmp_path: Path) -> None:
    def fill() -> Path:
        return demo.filled_project(tmp_path / "out", on_progress=lambda progress: None, should_stop=lambda: False)

    with Project.open(fill()) as project:
        (video,) = project.videos()
        assert len(list(project.people_between(video.id, 0, video.frame_count))) == 3
        with project.step("Delete") as step:
            step.remove(video.id, 0, 0)
    with Project.open(fill()) as project:
        assert not project.people(video.id, 0)

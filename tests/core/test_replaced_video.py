"""A video that was replaced under its name: labels never go with other pictures without a word."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from jmpose_core import cli
from jmpose_core.annotations import Annotation, Origin
from jmpose_core.errors import ProjectError
from jmpose_core.formats.posetrack18 import read_posetrack18
from jmpose_core.project import Project
from jmpose_core.project.as_document import image_names
from tests.builders.numbered_clips import write_clip
from tests.builders.stand_in_session import StandInSession
from train.labels import read_labels


def person(frame: int) -> Annotation:
    return Annotation(
        frame_index=frame,
        track_id=1,
        bbox_xyxy=(10.0, 10.0, 60.0, 90.0),
        keypoints=np.full((15, 2), 40.0),
        visibility=np.full(15, 2, np.uint8),
        confidence=np.ones(15),
        origin=np.full(15, Origin.CORRECTED, np.uint8),
        score=1.0,
        source="me",
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Of walk.mp4, of which the first 20 of 60 frames were cut off since it was annotated; and of run.mp4."""
    path = tmp_path / "walk.jmpose"
    for name in ("walk.mp4", "run.mp4"):
        write_clip(tmp_path / name, range(60))
    with Project.create(path) as project:
        for name in ("walk.mp4", "run.mp4"):
            video = project.add_video(tmp_path / name)
            with project.step("draw") as step:
                step.put(video.id, person(30))
    write_clip(tmp_path / "walk.mp4", range(40))
    return path


def jmpose(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("jmpose_core.engine.session.Session", StandInSession)
    monkeypatch.setattr(sys, "argv", ["jmpose", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code if isinstance(ended.value.code, int) else 0


def test_predict_leaves_it_out_and_names_the_difference(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jmpose(monkeypatch, "predict", project, "--out", tmp_path / "out") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.json"]
    assert len(read_posetrack18(tmp_path / "out" / "run.json").people) == 60
    assert "walk.mp4: has 40 frames, the annotated video has 60" in capsys.readouterr().err


def test_export_refuses_it(project: Path) -> None:
    with Project.open(project, read_only=True) as opened:
        walk, run = opened.videos()
        with pytest.raises(ProjectError, match="has 40 frames, the annotated video has 60"):
            image_names(opened, walk)
        assert len(image_names(opened, run)) == 60


def test_export_of_a_video_that_is_gone_names_frames_by_number(project: Path, tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").unlink()
    with Project.open(project, read_only=True) as opened:
        assert len(image_names(opened, opened.videos()[0])) == 60


def test_training_refuses_it(project: Path) -> None:
    with pytest.raises(ProjectError, match="has 40 frames, the annotated video has 60"):
        read_labels([project])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file names")
def test_a_video_whose_name_is_not_utf8_is_refused_with_the_cure(tmp_path: Path) -> None:
    write_clip(tmp_path / "walk.mp4", range(3))
    odd = (tmp_path / "walk.mp4").rename(tmp_path / os.fsdecode(b"g\xe4nger.mp4"))
    with (
        Project.create(tmp_path / "a.jmpose") as project,
        pytest.raises(ProjectError, match="not UTF-8, so no project can hold it; rename it"),
    ):
        project.add_video(odd)

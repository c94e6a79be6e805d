"""Scripts over a project: the examples of docs/scripting.md, and what is said when one fails."""

import csv
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from jmpose_core import cli
from jmpose_core.annotations import Annotation, Origin
from jmpose_core.formats.posetrack18 import read_posetrack18
from jmpose_core.project import Project
from jmpose_core.scripting import open_project
from resources import DEMO_CLIP
from tests.builders.people import annotated
from tests.builders.stand_in_session import StandInSession

PAGE = Path(__file__).parents[2] / "docs" / "scripting.md"
EXAMPLES = {match[2]: match[1] for match in re.finditer(r"```python\n(# (\w+\.py).*?)```", PAGE.read_text(), re.DOTALL)}
FRAMES = range(10)
Run = Callable[..., int]


def walker(frame_index: int, track_id: int) -> Annotation:
    """Moves three pixels a frame; every other joint is sure."""
    points = np.column_stack([np.arange(15.0) * 4 + 3 * frame_index, np.arange(15.0) * 9]) + 100 * track_id
    box = (100.0 * track_id, 100.0, 100.0 * track_id + 90, 260.0)
    return annotated(
        frame_index, track_id, box, keypoints=points, confidence=[0.9 if j % 2 else 0.4 for j in range(15)], score=0.8
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two people in ten frames of the demo clip."""
    clip = Path(shutil.copy(DEMO_CLIP, tmp_path / "walk.mp4"))
    with Project.create(tmp_path / "walk.jmpose") as made:
        video = made.add_video(clip)
        made.apply_predictions(video.id, [walker(f, t) for f in FRAMES for t in (1, 2)], text="Predict")
        return made.path


@pytest.fixture
def run(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`jmpose run` of a script's text in an empty folder; its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(text: str, *arguments: object, name: str = "script.py") -> int:
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(sys, "argv", ["jmpose", "run", name, str(project), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return run


def people(project: Path) -> list[Annotation]:
    with Project.open(project, read_only=True) as opened:
        return list(opened.people_between(1, 0, 230))


def test_the_speed_of_a_wrist(run: Run, tmp_path: Path) -> None:
    assert run(EXAMPLES["wrist_speed.py"], "speed.csv") == 0
    with (tmp_path / "speed.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18 and {row["track"] for row in rows} == {"1", "2"}
    assert {row["pixels_per_second"] for row in rows} == {"90.0"}  # three pixels a frame, thirty frames a second


def test_what_the_model_is_sure_of_is_verified_in_one_step(run: Run, project: Path, capsys) -> None:
    before = people(project)
    assert run(EXAMPLES["verify_sure.py"], 0.8) == 0
    for person in people(project):
        assert person.origin.tolist() == [Origin.VERIFIED if j % 2 else Origin.PREDICTED for j in range(15)]
    assert "walk.mp4: 20 people" in capsys.readouterr().out
    with open_project(project) as opened:
        assert opened.undo() == "Verify joints of at least 0.8"
    assert people(project) == before


def test_sides_are_exchanged_in_a_range_and_exported(run: Run, project: Path, tmp_path: Path) -> None:
    before = people(project)
    assert run(EXAMPLES["swap_sides.py"], 2, 3, 6) == 0
    for old, new in zip(before, people(project), strict=True):
        if new.track_id == 1:
            assert new == old
        elif 3 <= new.frame_index < 6:  # the frames around follow by the fill
            assert np.array_equal(new.keypoints, old.mirrored_sides().keypoints)
    assert len(read_posetrack18(tmp_path / "walk.mp4.json").people) == 20


def test_a_script_that_fails_names_its_line_and_leaves_nothing_of_its_step(run: Run, project: Path, capsys) -> None:
    before = people(project)
    text = """def half(video, step):
    step.remove(0, 5, 1)
    1 / 0


with project.videos[0].step("Half") as step:
    half(project.videos[0], step)
"""
    assert run(text) == 1
    said = capsys.readouterr().err
    assert "script.py: ZeroDivisionError: division by zero" in said and "Traceback" not in said
    assert "script.py, line 3: 1 / 0" in said
    assert people(project) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("project.videos[0].export('walk.txt')", "line 1"),
        ("with project.videos[0].step('a') as s:\n    s.set_track(0, 3, 1, 2)", "track 2 is in frame 1 already"),
        ("print('a", "SyntaxError"),
        ("import beside_that_is_not_there", "ModuleNotFoundError"),
    ],
)
def test_what_is_wrong_is_said_without_the_programs_own_lines(run: Run, capsys, text: str, said: str) -> None:
    assert run(text) == 1
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err and "jmpose_core" not in err


def test_a_script_that_is_not_there(project: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["jmpose", "run", "nowhere.py", str(project)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1 and "there is no such script" in capsys.readouterr().err


def test_a_script_may_import_what_lies_beside_it_and_end_by_itself(run: Run, tmp_path: Path) -> None:
    (tmp_path / "beside_this.py").write_text("CODE = 3\n")
    assert (
        run("import sys\nfrom beside_this import CODE\nassert sys.argv[1:] == arguments == ['a']\nsys.exit(CODE)", "a")
        == 3
    )


def test_prediction_goes_into_the_project_as_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jmpose_core.engine.session.Session", StandInSession)
    clip = Path(shutil.copy(DEMO_CLIP, tmp_path / "walk.mp4"))
    with open_project(tmp_path / "new.jmpose") as project:
        video = project.add_video(clip)
        assert (video.name, video.frame_count, video.size) == ("walk.mp4", 230, (1280, 720))
        assert video.predict() == 230
        track = video.track(0)
        assert track.keypoints.shape == (230, 15, 2) and track.frame_index.tolist() == list(range(230))
        assert video.track(7).keypoints.shape == (0, 15, 2)
        assert next(iter(video.frames(5, 6)))[1].shape == (720, 1280, 3)
        assert project.undo() == "Predict people" and list(video.people()) == []

"""Nothing that the annotator saw done is lost, however the window ends."""

import subprocess
import sys
from pathlib import Path

from jmpose_core.annotations import Origin, Visibility
from jmpose_core.project import Project

ROOT = Path(__file__).resolve().parents[2]


def test_a_killed_window_loses_no_edit(clip: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.app.edit_and_wait", str(clip)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        line = process.stdout.readline()
        process.kill()
    assert line == "edited\n"
    with Project.open(clip.with_suffix(".jmpose")) as project:
        (person,) = project.people(1, 0)
        assert tuple(person.keypoints[3]) == (150.0, 222.25)
        assert person.origin[3] == Origin.CORRECTED
        assert person.visibility[3] == Visibility.VISIBLE
        assert project.undo_text == "Place left hip"

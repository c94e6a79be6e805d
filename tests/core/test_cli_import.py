"""jmpose import: what it does is what the window would do."""

from pathlib import Path

import numpy as np
import pytest

from jmpose_core.annotations import Annotation, Origin
from jmpose_core.formats.people import document_from
from jmpose_core.formats.table import write_document
from jmpose_core.project import Project
from tests.builders.exchange import run_cli
from tests.builders.projects import new_project, person

NAMES = [f"{frame:06d}.jpg" for frame in range(4)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A video of four frames with one predicted person."""
    monkeypatch.setattr("jmpose_core.project.importing.image_names", lambda _project, _video: NAMES)
    with new_project(tmp_path, frame_count=4) as opened:
        opened.apply_predictions(1, [person(0, 1)], text="Predict")
    return tmp_path / "a.jmpose"


def labels(path: Path, people: list[Annotation], names: list[str] = NAMES, *, scores: bool = False) -> Path:
    write_document(document_from(people, names, scores=scores), path, "posetrack18")
    return path


def shown(project: Path) -> list[Annotation]:
    with Project.open(project, read_only=True) as opened:
        return list(opened.people_between(1, 0, 4))


def test_it_says_what_was_matched_and_replaced(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run_cli("import", project, labels(tmp_path / "gt.json", [person(0, 3, spot=0.5)])) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert (
        "clip.mp4: 1 people from" in out and "posetrack18: 4 images, matched by the numbers in the image names" in out
    )
    assert "1 people on these frames replaced" in out
    (found,) = shown(project)
    assert found.track_id == 3 and (found.origin == Origin.CORRECTED).all()


def test_predictions_are_labels_when_told_so(project: Path, tmp_path: Path) -> None:
    file = labels(tmp_path / "p.json", [person(0, 3, spot=0.5)], scores=True)
    assert run_cli("import", project, file, "--as", "labels") == 0
    assert (shown(project)[0].origin == Origin.CORRECTED).all()
    assert run_cli("import", project, file) == 0
    assert np.array_equal(shown(project)[0].keypoints, person(0, 3, spot=0.5).keypoints)


def test_a_file_that_does_not_fit_changes_nothing(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    before = project.read_bytes()
    file = labels(tmp_path / "long.json", [person(0, 3)], [f"x{frame}.png" for frame in range(6)])
    assert run_cli("import", project, file) == 1
    message = " ".join(capsys.readouterr().err.split())
    assert "2 of 6 images are no frame of clip.mp4 (x4.png), which has 4; import a file of this video" in message
    assert project.read_bytes() == before

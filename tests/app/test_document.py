"""Predictions that come in pieces, edits between them, and what undo makes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.session.document import Document
from app.session.edits import with_joint_moved
from app.session.opening import prepare, prepare_demo
from jmpose_core.annotations import Annotation
from jmpose_core.errors import VideoError
from jmpose_core.project import Project
from resources import DEMO_CLIP
from tests.app.conftest import settle
from tests.app.stand_in_engine import figure


@pytest.fixture
def document(clip: Path, qapp: object) -> Iterator[Document]:
    document = Document()
    document.open(prepare(clip).project)
    document.begin_predictions(1)
    yield document
    document.close()


def people(document: Document) -> list[Annotation]:
    return list(document.people_between(1, 0, 230))


def test_held_predictions_are_seen_before_they_are_written(document: Document, qtbot: QtBot) -> None:
    document.hold_predictions(1, [figure(5, 1)])
    assert document.people(1, 5) == [figure(5, 1)]
    assert people(document) == []
    assert document.held_frames(1) == [5]
    document.end_predictions()
    settle(document, qtbot)
    assert people(document) == [figure(5, 1)]
    assert document.held_frames(1) == []


def test_a_run_written_in_between_is_still_one_step(document: Document, qtbot: QtBot) -> None:
    for first in (0, 10, 20):
        document.hold_predictions(1, [figure(frame, 1) for frame in range(first, first + 10)])
        document.write_held_predictions()
        settle(document, qtbot)
    document.end_predictions()
    settle(document, qtbot)
    assert len(people(document)) == 30
    document.undo()
    settle(document, qtbot)
    assert people(document) == [] and document.undo_text is None


def test_an_edit_between_two_pieces_is_kept_and_undone_apart(document: Document, qtbot: QtBot) -> None:
    document.hold_predictions(1, [figure(0, 1)])
    document.put(1, with_joint_moved(figure(0, 1), 2, (1.0, 1.0)), "Move right hip")
    document.hold_predictions(1, [figure(1, 1)])
    document.end_predictions()
    settle(document, qtbot)
    assert tuple(document.people(1, 0)[0].keypoints[2]) == (1.0, 1.0)
    assert len(people(document)) == 2
    document.undo()
    settle(document, qtbot)
    assert document.undo_text == "Move right hip"


def test_a_run_for_one_track_leaves_the_others_alone(document: Document, qtbot: QtBot) -> None:
    document.hold_predictions(1, [figure(frame, track) for frame in range(10) for track in (1, 2)])
    document.end_predictions()
    settle(document, qtbot)
    document.begin_predictions(1, [3])
    document.hold_predictions(1, [figure(frame, 3) for frame in range(4, 8)])
    assert [person.track_id for person in document.people(1, 4)] == [1, 2, 3]
    document.end_predictions()
    settle(document, qtbot)
    assert [sum(p.track_id == track for p in people(document)) for track in (1, 2, 3)] == [10, 10, 4]
    document.undo()
    settle(document, qtbot)
    assert len(people(document)) == 20


def test_a_change_that_cannot_be_written_is_told_and_changes_nothing(document: Document, qtbot: QtBot) -> None:
    told: list[str] = []
    document.failed.connect(told.append)
    assert not document.put(1, figure(9999, 1), "Beyond the end")
    assert len(told) == 1 and "9999" in told[0]
    assert document.undo_text is None


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
    monkeypatch.setattr("app.session.opening.user_data_path", lambda *_: tmp_path / "data")
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
    monkeypatch.setattr("app.session.opening.user_data_path", lambda *_: tmp_path)
    opened = prepare_demo()
    assert opened.project == tmp_path / "demo" / "demo.jmpose"
    assert prepare_demo() == opened
    assert not list(DEMO_CLIP.parent.glob("*.jmpose*"))

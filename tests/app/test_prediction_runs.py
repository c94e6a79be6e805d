"""Predictions that come in pieces, edits between them, and what undo makes of it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.jobs.inference_job import InferenceJob
from app.session.edits import new_person, with_joint_moved
from app.session.open_project import OpenProject
from app.session.opening import prepare
from app.session.people_shown import PeopleShown
from app.session.prediction_run import RunState
from app.session.predictions import Predictions
from app.session.view_state import ViewState
from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import Done, Failed, People, Preview
from jmpose_core.project import VideoRecord
from tests.builders.scripted_engine import ScriptedEngine
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import PATIENCE_MS, settle


class Session:
    """An open project with an engine that answers as the test says."""

    def __init__(self, clip: Path, qtbot: QtBot) -> None:
        self.parent, self.clip, self.qtbot = QObject(), clip, qtbot
        self.engine = ScriptedEngine(clip.with_name("engine.log"))
        self.project = OpenProject(self.parent)
        self.view_state = ViewState(self.parent)
        self.inference = InferenceJob(self.engine, self.parent)
        self.predictions = Predictions(self.project, self.inference, self.parent)
        self.shown = PeopleShown(self.project, self.predictions, self.view_state, self.parent)
        self.project.open(prepare(clip).project)
        self.view_state.set_video(self.video)
        self.begin()

    @property
    def video(self) -> VideoRecord:
        return self.project.videos()[0]

    @property
    def state(self) -> RunState:
        assert self.predictions.run is not None
        return self.predictions.run.state

    def begin(self, frames: range = range(230), drawn: Annotation | None = None) -> None:
        self.predictions.start(self.video, self.clip, frames, visible_frame=0, weights="w", drawn=drawn)

    def find(self, people: Iterable[Annotation]) -> None:
        """The engine finds these, and they reach the window."""
        with self.qtbot.waitSignal(self.inference.people_found, timeout=PATIENCE_MS):
            self.engine.say(People(annotations=list(people)))

    def end(self, *, cancelled: bool = False) -> None:
        with self.qtbot.waitSignal(self.predictions.written, timeout=PATIENCE_MS):
            self.engine.say(Done(cancelled=cancelled))

    def write(self) -> None:
        self.predictions.write()
        settle(self.project, self.qtbot)

    def undo(self) -> None:
        self.project.undo()
        settle(self.project, self.qtbot)

    @property
    def people(self) -> list[Annotation]:
        """All in the project."""
        return list(self.project.people_between(1, 0, 230))


@pytest.fixture
def session(clip: Path, qtbot: QtBot) -> Iterator[Session]:
    session = Session(clip, qtbot)
    yield session
    session.project.close()


def test_people_are_seen_before_they_are_written(session: Session) -> None:
    session.find([figure(5, 1)])
    assert session.shown.people(5) == [figure(5, 1)]
    assert session.people == []
    assert session.predictions.unsaved_frames(1) == [5]
    session.end()
    assert session.people == [figure(5, 1)]
    assert session.predictions.unsaved_frames(1) == [] and session.state is RunState.SAVED


def test_a_preview_is_seen_until_the_frames_people_come_and_is_never_kept(session: Session) -> None:
    for frame_index in (5, 6):
        with session.qtbot.waitSignal(session.inference.previewed, timeout=PATIENCE_MS):
            session.engine.say(Preview(frame_index=frame_index, annotations=[figure(frame_index, 0)]))
    assert session.shown.preview(5) == [figure(5, 0)] and session.shown.people(5) == []
    session.find([figure(5, 1)])
    assert session.shown.preview(5) == [] and session.shown.preview(6) == [figure(6, 0)]
    session.end()
    assert session.shown.preview(6) == [] and session.people == [figure(5, 1)]


def test_the_engine_is_told_where_the_user_looks(session: Session) -> None:
    session.view_state.frame_changed.connect(session.predictions.look)
    session.view_state.set_frame(77)
    assert session.engine.looks == [77]
    session.predictions.cancel()
    session.view_state.set_frame(78)
    assert session.engine.looks == [77]


def test_a_run_written_in_between_is_still_one_step(session: Session) -> None:
    for first in (0, 10, 20):
        session.find([figure(frame, 1) for frame in range(first, first + 10)])
        session.write()
        assert len(session.people) == first + 10
    session.end()
    assert len(session.people) == 30
    session.undo()
    assert session.people == [] and session.project.undo_text is None


def test_writing_a_run_again_undoes_and_redoes_nothing(session: Session) -> None:
    turned: list[object] = []
    session.project.turned.connect(turned.append)
    session.find([figure(0, 1)])
    session.predictions.write()
    session.find([figure(1, 1)])
    session.predictions.write()  # the first may not even be written yet
    session.end()
    assert turned == []
    session.undo()
    assert session.people == [] and session.project.undo_text is None


def test_an_edit_between_two_pieces_is_kept_and_undone_apart(session: Session) -> None:
    session.find([figure(0, 1)])
    session.project.put(1, with_joint_moved(figure(0, 1), 2, (1.0, 1.0)), "Move right hip")
    session.find([figure(1, 1)])
    session.end()
    assert tuple(session.project.people(1, 0)[0].keypoints[2]) == (1.0, 1.0)
    assert len(session.people) == 2
    session.undo()
    assert session.project.undo_text == "Move right hip"


def test_undo_while_a_run_goes_on_takes_back_what_it_has_found(session: Session) -> None:
    session.find([figure(0, 1)])
    session.undo()
    assert session.people == [] and session.shown.people(0) == []
    session.find([figure(1, 1)])
    session.end()
    assert [person.frame_index for person in session.people] == [1]


def test_a_cancelled_run_leaves_the_predictions_of_frames_it_has_not_come_to(session: Session) -> None:
    session.find([figure(frame, 1) for frame in range(10)])
    session.end()
    session.begin()
    session.find([replace(figure(frame, 1), track_id=4) for frame in (2, 6)])
    session.predictions.cancel()
    assert session.state is RunState.CANCELLING and session.engine.cancelled
    session.end(cancelled=True)
    assert [(person.frame_index, person.track_id) for person in session.people] == [(frame, 1) for frame in range(10)]


def test_a_whole_run_removes_predictions_where_it_finds_nobody(session: Session) -> None:
    session.find([figure(frame, 1) for frame in range(10)])
    session.end()
    session.begin()
    session.find([figure(frame, 1) for frame in (2, 6)])
    session.end()
    assert [person.frame_index for person in session.people] == [2, 6]


def test_a_run_that_fails_keeps_what_it_found(session: Session) -> None:
    told: list[str] = []
    session.inference.failed.connect(told.append)
    session.find([figure(0, 1)])
    with session.qtbot.waitSignal(session.predictions.written, timeout=PATIENCE_MS):
        session.engine.say(Failed(message="no weights"))
    assert told == ["no weights"] and len(session.people) == 1 and not session.predictions.running


def test_the_selection_stays_with_a_person_whom_the_project_gives_another_number(session: Session) -> None:
    session.find([figure(0, 5)])
    session.end()
    session.begin()
    session.find([replace(figure(frame, 5), track_id=1) for frame in range(5)])  # whom the run calls 1
    session.view_state.set_frame(3)
    session.shown.select(1, 4)
    assert session.shown.person is not None
    session.end()
    assert (session.shown.track_id, session.shown.joint) == (5, 4)
    assert session.shown.person == figure(3, 5)


def test_a_run_for_one_drawn_box_leaves_the_others_alone(session: Session) -> None:
    session.find([figure(frame, track) for frame in range(10) for track in (1, 2)])
    session.end()
    session.begin(range(4, 10), drawn=figure(4, 3))
    session.find([figure(frame, 3) for frame in range(4, 8)])
    assert [person.track_id for person in session.shown.people(4)] == [1, 2, 3]
    session.end()
    assert [sum(p.track_id == track for p in session.people) for track in (1, 2, 3)] == [10, 10, 4]
    session.undo()
    assert len(session.people) == 20


def test_a_drawn_box_that_is_cancelled_leaves_nobody_and_forbids_nobody(session: Session) -> None:
    session.end()
    empty = new_person(4, 3, (10.0, 20.0, 110.0, 320.0))
    session.project.put(1, empty, "Add person 3")
    session.begin(range(4, 10), drawn=empty)
    session.predictions.cancel()
    session.end(cancelled=True)
    assert session.people == []
    session.begin()
    session.find([new_person(4, 1, (10.0, 20.0, 110.0, 320.0)).with_joint(2, xy=(20.0, 30.0))])
    session.end()
    assert len(session.people) == 1


def test_a_change_that_cannot_be_written_is_told_and_changes_nothing(session: Session) -> None:
    told: list[str] = []
    session.project.failed.connect(told.append)
    assert not session.project.put(1, figure(9999, 1), "Beyond the end")
    assert len(told) == 1 and "10000" in told[0]
    assert session.project.undo_text is None

"""Effort that was spent on a project: added up, kept through undo, and counted with the progress."""

import csv
from pathlib import Path

import pytest

from jmpose_core.annotations import Origin, Visibility
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project
from jmpose_core.project.effort import NOBODY, Place, SpentEffort
from jmpose_core.project.statistics import statistics_of, write_by_frame, write_by_track
from tests.builders.people import annotated
from tests.builders.projects import new_project, reopened

HERE, BESIDE = Place(1, 4, 7), Place(1, 5, NOBODY)


def labelled_project(folder: Path) -> Project:
    """Person 7 is predicted in frames 4 and 5, verified in 4 with one joint absent; person 8 has one joint moved."""
    project = new_project(folder)
    people = [annotated(frame, 7, (0.0, 0.0, 50.0, 100.0), confidence=0.5) for frame in (4, 5)]
    project.apply_predictions(1, people, text="Predict")
    verified = people[0]
    for joint in range(15):
        gone = Visibility.ABSENT if joint == 3 else Visibility.VISIBLE
        verified = verified.with_joint(joint, visibility=gone, origin=Origin.VERIFIED)
    with project.step("Labels") as step:
        step.put(1, verified)
        step.put(1, annotated(4, 8, (200.0, 0.0, 250.0, 100.0)).with_joint(0, xy=(201.0, 2.0)))
    return project


def test_effort_adds_up_and_survives_undo_and_a_restart(tmp_path: Path) -> None:
    project = labelled_project(tmp_path)
    assert project.effort(1) == {}
    project.add_effort({HERE: SpentEffort(1, 2, 30.5, 4.0), BESIDE: SpentEffort(0, 1, 0.0, 0.25)})
    project.add_effort({HERE: SpentEffort(2, 0, 9.5, 1.5)})
    while project.undo() is not None:
        pass
    project.close()
    with reopened(project) as again:
        assert again.effort(1) == {HERE: SpentEffort(3, 2, 40.0, 5.5), BESIDE: SpentEffort(0, 1, 0.0, 0.25)}
        assert again.effort(2) == {}


def test_effort_makes_no_undo_step(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        project.undo()
        project.add_effort({HERE: SpentEffort(1, 0, 0.0, 1.0)})
        assert project.redo_text == "Labels" and project.undo_text == "Predict"


def test_a_read_only_project_takes_no_effort(tmp_path: Path) -> None:
    labelled_project(tmp_path).close()
    (path,) = tmp_path.glob("*.jmpose")
    with Project.open(path, read_only=True) as project, pytest.raises(ProjectError, match="cannot be changed"):
        project.add_effort({HERE: SpentEffort(1, 0, 0.0, 1.0)})


def test_progress_counts_a_person_once_a_frame(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        project.add_effort({HERE: SpentEffort(3, 2, 40.0, 5.5), BESIDE: SpentEffort(0, 1, 0.0, 0.25)})
        (video,) = project.videos()
        statistics = statistics_of(project, video)
    total = statistics.total
    assert (total.people, total.touched, total.verified) == (3, 2, 1)
    assert total.spent == SpentEffort(3, 3, 40.0, 5.75)
    assert list(statistics.by_track) == [7, 8, NOBODY] and list(statistics.by_frame) == [4, 5]
    assert (statistics.by_track[7].people, statistics.by_track[7].verified) == (2, 1)
    assert statistics.by_track[NOBODY].spent.keys == 1
    four = statistics.by_frame[4]
    assert (four.people, four.touched) == (2, 2)
    assert total.joints[2:].tolist() == [1, 14], "one joint corrected, fourteen verified, the absent one left out"


def test_tables_are_written_as_csv(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        project.add_effort({HERE: SpentEffort(3, 2, 40.0, 5.5), BESIDE: SpentEffort(0, 1, 0.0, 0.25)})
        statistics = statistics_of(project, project.videos()[0])
    write_by_track(tmp_path / "people.csv", statistics)
    write_by_frame(tmp_path / "frames.csv", statistics)
    people = list(csv.DictReader((tmp_path / "people.csv").read_text().splitlines()))
    frames = list(csv.DictReader((tmp_path / "frames.csv").read_text().splitlines()))
    assert [row["track_id"] for row in people] == ["7", "8", ""]
    assert (people[0]["pointer_actions"], people[0]["seconds"], people[0]["people_verified"]) == ("3", "5.5", "1")
    assert [row["frame"] for row in frames] == ["5", "6"], "as the window numbers them"
    with pytest.raises(ProjectError, match="choose another folder"):
        write_by_track(tmp_path / "gone" / "people.csv", statistics)

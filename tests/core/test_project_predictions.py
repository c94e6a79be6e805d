"""Predicting again never costs the annotator anything."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jmpose_core.annotations import Annotation, Origin
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project
from tests.builders.projects import WRIST, everything, new_project, person


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with new_project(tmp_path, frame_count=6000) as project:
        yield project


def places(people: list[Annotation]) -> list[tuple[int, int, int]]:
    """Frame, track and spot of each."""
    return [(a.frame_index, a.track_id, int(a.bbox_xyxy[0] // 1000)) for a in people]


def predict(project: Project, people: list[Annotation], **options: int):
    return project.apply_predictions(1, people, text="Predict", **options)


def test_the_first_prediction_keeps_its_track_numbers(project):
    found = [person(f, t, spot=t) for f in range(3) for t in (5, 9)]
    info = predict(project, found)
    assert everything(project) == found
    assert (info.text, info.frames) == ("Predict", (0, 1, 2))


def test_the_predicted_range_is_replaced_and_the_rest_stays(project):
    predict(project, [person(f, 1) for f in range(10)])
    predict(project, [person(4, 1, seed=7)], first=3, last=6)
    assert [a.frame_index for a in everything(project)] == [0, 1, 2, 4, 6, 7, 8, 9]
    assert project.people(1, 4) == [person(4, 1, seed=7)]


def test_other_numbers_of_the_same_people_become_the_tracks_that_are_there(project):
    predict(project, [person(f, t, spot=t) for f in range(10) for t in (1, 2)])
    predict(project, [person(f, 3 - t, spot=t, seed=4) for f in range(10) for t in (1, 2)])
    assert places(everything(project)) == [(f, t, t) for f in range(10) for t in (1, 2)]


def test_somebody_new_gets_a_free_number(project):
    predict(project, [person(f, 1, spot=1) for f in range(3)])
    with project.step("Add track") as step:
        assert step.add_track(1) == 2
    found = [person(f, 1, spot=7) for f in range(3)] + [person(f, 2, spot=8) for f in range(3)]
    predict(project, found + [person(f, 6, spot=9) for f in range(3)])
    assert places(project.people(1, 0)) == [(0, 6, 9), (0, 7, 7), (0, 8, 8)]


def test_a_free_number_is_above_every_other_of_the_video(project):
    predict(project, [person(0, 1, spot=1), person(50, 9, spot=2)])
    predict(project, [person(0, 1, spot=3)])
    assert places(everything(project)) == [(0, 10, 3), (50, 9, 2)]


def test_a_track_goes_on_over_the_border_of_the_range(project):
    predict(project, [person(f, t, spot=t) for f in range(10) for t in (1, 2)])
    predict(project, [person(f, 3 - t, spot=t) for f in range(10, 20) for t in (1, 2)])
    assert places(everything(project)) == [(f, t, t) for f in range(20) for t in (1, 2)]


def test_a_split_that_the_annotator_made_stays(project):
    predict(project, [person(f, 1) for f in range(10)])
    with project.step("Split") as step:
        step.retrack(1, 7, 10, 1, 2)
    predict(project, [person(f, 1, seed=3) for f in range(10)])
    assert [a.track_id for a in everything(project)] == [1] * 7 + [2] * 3


def test_a_swap_that_the_annotator_made_stays(project):
    predict(project, [person(f, t, spot=t) for f in range(10) for t in (1, 2)])
    with project.step("Swap") as step:
        step.swap_tracks(1, 8, 10, 1, 2)
    predict(project, [person(f, t, spot=t, seed=3) for f in range(10) for t in (1, 2)])
    assert places(project.people(1, 7)) == [(7, 1, 1), (7, 2, 2)]
    assert places(project.people(1, 8)) == [(8, 1, 2), (8, 2, 1)]


def test_a_drawn_person_is_filled_in_by_the_prediction_of_it(project):
    drawn = replace(
        person(3, 4), origin=np.zeros(15, np.uint8), visibility=np.zeros(15, np.uint8), source="", score=1.0
    )
    with project.step("Draw") as step:
        step.put(1, drawn)
    predict(project, [replace(person(3, 1), bbox_xyxy=(1.0, 1.0, 49.0, 99.0))])
    (shown,) = project.people(1, 3)
    assert shown.track_id == 4
    assert (shown.bbox_xyxy, shown.score) == (drawn.bbox_xyxy, 1.0)
    assert np.array_equal(shown.keypoints, person(3, 1).keypoints)


def test_joints_that_were_given_as_evidence_are_not_the_models_word(project):
    predict(project, [person(0, 1).with_joint(WRIST, xy=(1.0, 2.0))])
    assert project.people(1, 0)[0].origin.tolist() == [Origin.PREDICTED] * 15


def test_ten_thousand_people_are_one_step_and_undone_by_one(project):
    corrected = person(77, 1, spot=1).with_joint(WRIST, xy=(1.0, 2.0))
    with project.step("Draw") as step:
        step.put(1, corrected)
    found = [person(f, t, spot=t) for f in range(5000) for t in (1, 2)]
    info = predict(project, found)
    assert len(info.frames) == 5000
    assert project.people(1, 77)[0].keypoints[WRIST].tolist() == [1.0, 2.0]
    assert project.undo().frames == info.frames
    assert everything(project) == [corrected]
    project.redo()
    assert sum(len(lane.frame_index) for lane in project.timeline(1)) == 10_000


def test_the_same_prediction_again_is_no_step(project):
    predict(project, [person(f, 1) for f in range(5)])
    assert predict(project, [person(f, 8) for f in range(5)]) is None


def test_impossible_predictions_are_refused(project):
    with pytest.raises(ProjectError, match="frame 1 has track 1 twice"):
        predict(project, [person(0, 1), person(0, 1, spot=3)])
    with pytest.raises(ProjectError, match="frame 10 lies outside"):
        predict(project, [person(9, 1)], first=0, last=9)
    assert predict(project, []) is None

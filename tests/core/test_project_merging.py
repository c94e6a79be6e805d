"""Two tracks that are one person are made one, and no word of the annotator is lost."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project
from jmpose_core.project.merging import merged_people
from tests.builders.projects import everything, new_project, person

FRAMES = 40
UPPER = [joint for joint in range(15) if joint >= 6]


def half(one: Annotation, joints: list[int]) -> Annotation:
    """Only these joints are seen."""
    seen = np.isin(np.arange(15), joints)
    return replace(
        one,
        visibility=np.where(seen, Visibility.VISIBLE, Visibility.ABSENT).astype(np.uint8),
        origin=np.where(seen, one.origin, Origin.NONE).astype(np.uint8),
    )


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Track 1 is predicted in frames 0 to 19, track 2 in 15 to 39."""
    people = [person(frame, 1, spot=0.1) for frame in range(20)] + [
        person(frame, 2, spot=0.2) for frame in range(15, 40)
    ]
    with new_project(tmp_path, frame_count=FRAMES) as made:
        made.apply_predictions(1, sorted(people, key=lambda one: (one.frame_index, one.track_id)), text="Predict")
        yield made


def merge(project: Project, kept: int = 1, gone: int = 2) -> None:
    with project.step("Merge") as step:
        step.merge_tracks(1, kept, gone)


def test_the_frames_of_both_are_of_one_and_the_kept_one_stays_where_both_are(project):
    before = everything(project)
    merge(project)
    after = everything(project)
    assert [one.frame_index for one in after] == list(range(FRAMES)) and {one.track_id for one in after} == {1}
    assert after[:20] == [one for one in before if one.track_id == 1]
    assert after[20:] == [replace(one, track_id=1) for one in before if one.track_id == 2 and one.frame_index >= 20]
    project.undo()
    assert everything(project) == before
    project.redo()
    assert everything(project) == after


def test_two_half_skeletons_are_one_person(tmp_path):
    whole = person(3, 1, origin=Origin.CORRECTED)
    lower = [joint for joint in range(15) if joint not in UPPER]
    with new_project(tmp_path) as project:
        with project.step("Draw") as step:
            step.put_all(1, [half(whole, UPPER), replace(half(whole, lower), track_id=2)])
        merge(project)
        (found,) = project.people(1, 3)
        assert (found.visibility == Visibility.VISIBLE).all() and (found.origin == Origin.CORRECTED).all()
        assert np.array_equal(found.keypoints, whole.keypoints)


def test_a_label_of_either_stands(project):
    on_gone = project.people(1, 17)[1].with_joint(4, xy=(7.0, 8.0), origin=Origin.CORRECTED)
    on_kept = project.people(1, 17)[0].with_joint(5, xy=(3.0, 2.0), origin=Origin.VERIFIED)
    with project.step("Label") as step:
        step.put_all(1, [on_kept, on_gone])
    merge(project)
    (found,) = project.people(1, 17)
    assert found.keypoints[[4, 5]].tolist() == [[7.0, 8.0], [3.0, 2.0]]
    assert found.origin[[4, 5]].tolist() == [Origin.CORRECTED, Origin.VERIFIED]


def test_labels_that_differ_are_refused_by_frame_and_joint_and_nothing_changes(project):
    with project.step("Label") as step:
        for place, one in enumerate(project.people(1, 17)):
            step.put(1, one.with_joint(0, xy=(place * 9.0, 1.0), origin=Origin.CORRECTED))
    before = everything(project)
    with pytest.raises(ProjectError, match="frame 18: the right ankle is labelled on both tracks"):
        merge(project)
    assert everything(project) == before and project.undo_text == "Label"


def test_somebody_who_was_removed_is_nobody_to_merge_with(project):
    with project.step("Delete") as step:
        step.remove_between(1, 15, 20, 1)
    merge(project)
    assert [one.frame_index for one in everything(project)] == list(range(FRAMES))
    assert project.people(1, 16)[0].keypoints.tolist() == person(16, 2, spot=0.2).keypoints.tolist()


@pytest.mark.parametrize(("kept", "gone", "words"), [(1, 1, "merged with itself"), (1, 9, "nobody is on track 9")])
def test_what_cannot_be_merged_is_said(project, kept, gone, words):
    with pytest.raises(ProjectError, match=words):
        merge(project, kept, gone)


def test_a_name_goes_on(project):
    with project.step("Name") as step:
        step.rename_track(1, 2, "goalkeeper")
    merge(project)
    assert [(track.track_id, track.name) for track in project.tracks(1)] == [(1, "goalkeeper")]


origins = st.lists(st.sampled_from(Origin), min_size=15, max_size=15)


@given(origins, origins)
def test_no_label_is_lost_whatever_the_other_says(first, second):
    kept, moved = person(0, 1, spot=0.1), person(0, 1, spot=0.4)
    told = [
        origin if mine < Origin.CORRECTED else min(origin, Origin.PREDICTED)
        for origin, mine in zip(second, first, strict=True)
    ]
    kept = replace(kept, origin=np.array(first, np.uint8))
    moved = replace(moved, origin=np.array(told, np.uint8))
    found = merged_people(kept, moved)
    for own in (kept, moved):
        labels = own.origin >= Origin.CORRECTED
        assert np.array_equal(found.keypoints[labels], own.keypoints[labels])
        assert np.array_equal(found.origin[labels], own.origin[labels])
    assert merged_people(kept, kept) == kept

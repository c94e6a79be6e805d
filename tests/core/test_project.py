"""What the annotator does to a project is there again, exactly, and can be undone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.annotations import Annotation, Origin, Track, Visibility
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project, people
from jmpose_core.project.rows import annotations_of, rows_of
from jmpose_core.skeleton import JOINTS
from tests.builders.projects import NOSE, WRIST, everything, new_project, person, reopened


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with new_project(tmp_path) as project:
        yield project


def put(project: Project, *annotations: Annotation, text: str = "Edit") -> None:
    with project.step(text) as step:
        for annotation in annotations:
            step.put(1, annotation)


def predict(project: Project, *annotations: Annotation, **options) -> None:
    project.apply_predictions(1, annotations, text="Predict", **options)


finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(
    values=st.lists(finite, min_size=50, max_size=50),
    codes=st.lists(st.tuples(st.sampled_from(Visibility), st.sampled_from(Origin)), min_size=15, max_size=15),
    source=st.text(st.characters(exclude_categories=["Cs"])),
)
@settings(max_examples=50, deadline=None)
def test_a_row_gives_back_the_person_exactly(values, codes, source):
    visibility, origin = np.array(codes, np.uint8).T
    annotation = Annotation(
        7, 3, tuple(values[:4]), np.reshape(values[4:34], (15, 2)), visibility.copy(),
        np.array(values[34:49]), origin.copy(), values[49], source,
    )  # fmt: skip
    with np.errstate(over="ignore"):
        (row,) = rows_of(1, 1, [annotation])
    assert list(annotations_of([row])) == [annotation]


def test_many_rows_are_the_same_as_each_by_itself():
    present = [0, 1, 7, 15]
    people = [
        replace(
            person(frame, 2, spot=frame / 7),
            visibility=np.repeat(np.array([Visibility.OCCLUDED, Visibility.ABSENT], np.uint8), (count, 15 - count)),
        )
        for frame, count in enumerate(present)
    ]
    rows = rows_of(1, 0, people, owned=[0, 1, 2, 7])
    assert rows == [rows_of(1, 0, [one], [bits])[0] for one, bits in zip(people, (0, 1, 2, 7), strict=True)]
    assert list(annotations_of(rows)) == people
    for row, one, count in zip(rows, people, present, strict=True):
        assert row.confidence == pytest.approx(one.confidence[:count].mean() if count else 0.0)
        assert row.state == one.origin.max()
    assert all(one.keypoints.flags.aligned and one.keypoints.flags.c_contiguous for one in annotations_of(rows))
    assert rows_of(1, 0, []) == [] and list(annotations_of([])) == []


def test_what_was_put_is_there_after_reopening(project):
    drawn = person(4, 2, origin=Origin.CORRECTED).with_joint(WRIST, xy=(1 / 3, 0.1 + 0.2), visibility=Visibility.ABSENT)
    put(project, drawn)
    with reopened(project) as again:
        assert again.people(1, 4) == [drawn]
        assert again.people(1, 5) == []


def test_a_corrected_joint_stays_and_the_others_follow_the_newest_prediction(project):
    first, second = person(0, 1, seed=1), replace(person(0, 1, seed=2, source="w48"), bbox_xyxy=(1.0, 1.0, 52.0, 99.0))
    predict(project, first)
    put(project, first.with_joint(WRIST, xy=(3.0, 4.0)).with_joint(NOSE, origin=Origin.VERIFIED))
    predict(project, second)
    (shown,) = project.people(1, 0)
    expected = second.with_joint(WRIST, xy=(3.0, 4.0)).with_joint(
        NOSE, xy=tuple(first.keypoints[NOSE]), origin=Origin.VERIFIED
    )
    confidence = second.confidence.copy()
    confidence[[WRIST, NOSE]] = first.confidence[[WRIST, NOSE]]
    assert shown == replace(expected, confidence=confidence)
    assert list(project.predictions_between(1, 0, 1)) == [second]


@pytest.mark.parametrize("origin", [Origin.CORRECTED, Origin.VERIFIED])
def test_a_joint_that_was_made_absent_stays_absent(project, origin):
    predict(project, person(0, 1))
    put(project, person(0, 1).with_joint(WRIST, visibility=Visibility.ABSENT, origin=origin))
    predict(project, person(0, 1, seed=2))
    assert project.people(1, 0)[0].visibility[WRIST] == Visibility.ABSENT


def test_a_box_that_the_annotator_changed_stays_and_another_follows(project):
    predict(project, person(0, 1), person(0, 2, spot=1))
    resized = replace(person(0, 1), bbox_xyxy=(2.0, 2.0, 48.0, 98.0))
    put(project, resized, person(0, 2, spot=1).with_joint(WRIST))
    put(project, resized.with_joint(NOSE))  # with the box as it is shown by now
    moved = [
        replace(person(0, t, spot=t - 1), bbox_xyxy=(1000.0 * (t - 1), -5.0, 1000.0 * (t - 1) + 49, 95.0))
        for t in (1, 2)
    ]
    predict(project, *moved)
    boxes = [shown.bbox_xyxy for shown in project.people(1, 0)]
    assert boxes == [resized.bbox_xyxy, moved[1].bbox_xyxy]


def test_a_person_that_is_no_longer_predicted_keeps_what_was_last_shown(project):
    predict(project, person(0, 1, seed=1))
    put(project, person(0, 1, seed=1).with_joint(WRIST, xy=(3.0, 4.0)))
    predict(project, person(0, 1, seed=2))
    before = project.people(1, 0)
    predict(project, first=0, last=1)
    assert project.people(1, 0) == before
    assert list(project.predictions_between(1, 0, 1)) == []


def test_a_removed_person_does_not_come_back_however_it_is_numbered(project):
    predict(project, *(person(f, 1) for f in range(5)))
    with project.step("Delete person") as step:
        step.remove(1, 2, 1)
    predict(project, *(person(f, 9) for f in range(5)))
    with reopened(project) as again:
        assert [a.frame_index for a in everything(again)] == [0, 1, 3, 4]
        assert [lane.frame_index.tolist() for lane in again.timeline(1)] == [[0, 1, 3, 4]]
        put(again, person(2, 1, origin=Origin.CORRECTED))  # the annotator may bring it back
        assert len(again.people(1, 2)) == 1


def test_putting_all_of_it_back_to_the_prediction_frees_the_person(project):
    predict(project, person(0, 1))
    put(project, person(0, 1).with_joint(WRIST, xy=(1.0, 2.0)))
    put(project, person(0, 1))
    predict(project, person(0, 1, seed=5))
    assert project.people(1, 0) == [person(0, 1, seed=5)]


def test_a_lone_persons_track_is_changed_over_a_range_only(project):
    predict(project, *(person(f, 1) for f in range(6)))
    put(project, person(3, 1).with_joint(WRIST))
    with project.step("Set track") as step:
        step.retrack(1, 2, 5, 1, 4)
    assert [(a.frame_index, a.track_id) for a in everything(project)] == [
        (0, 1),
        (1, 1),
        (2, 4),
        (3, 4),
        (4, 4),
        (5, 1),
    ]
    assert project.people(1, 3)[0].origin[WRIST] == Origin.CORRECTED
    assert project.tracks(1) == [Track(1), Track(4)]


def test_a_track_that_is_taken_is_refused_and_a_swap_exchanges_both_layers(project):
    predict(project, *(person(f, t, spot=t) for f in range(3) for t in (1, 2)))
    put(project, person(1, 1, spot=1).with_joint(WRIST))
    with pytest.raises(ProjectError, match="track 2 is in frame 2 already"), project.step("Set track") as step:
        step.retrack(1, 1, 3, 1, 2)
    with project.step("Swap") as step:
        step.swap_tracks(1, 1, 3, 1, 2)
    lefts = [(a.frame_index, a.track_id, a.bbox_xyxy[0] // 1000) for a in everything(project)]
    assert lefts == [(0, 1, 1), (0, 2, 2), (1, 1, 2), (1, 2, 1), (2, 1, 2), (2, 2, 1)]
    assert [a.origin[WRIST] for a in project.people(1, 1)] == [Origin.PREDICTED, Origin.CORRECTED]


def test_retracking_onto_a_removed_person_leaves_that_one_removed(project):
    predict(project, person(0, 1, spot=1), person(0, 2, spot=2))
    with project.step("Delete and set track") as step:
        step.remove(1, 0, 2)
        step.retrack(1, 0, 1, 1, 2)
    assert [(a.track_id, a.bbox_xyxy[0]) for a in project.people(1, 0)] == [(2, 1000.0)]
    predict(project, person(0, 1, spot=1), person(0, 2, spot=2))
    assert [(a.track_id, a.bbox_xyxy[0]) for a in project.people(1, 0)] == [(2, 1000.0)]


def test_tracks_can_be_added_named_and_deleted(project):
    predict(project, *(person(f, 1) for f in range(3)))
    with project.step("Add track") as step:
        added = step.add_track(1, "goalkeeper")
        step.rename_track(1, 1, "striker")
    assert project.tracks(1) == [Track(1, "striker"), Track(added, "goalkeeper")]
    with project.step("Delete track") as step:
        step.remove_between(1, 0, 3, 1)
    assert project.tracks(1) == [Track(added, "goalkeeper")]
    project.undo()
    project.undo()
    assert project.tracks(1) == [Track(1)]


def test_undo_and_redo_go_all_the_way_through_a_restart(project):
    states = [everything(project)]
    for number in range(30):
        put(project, person(number, 1, origin=Origin.CORRECTED), text=f"Edit {number}")
        states.append(everything(project))
    project = reopened(project)
    for number in reversed(range(30)):
        assert project.undo_text == f"Edit {number}"
        info = project.undo()
        assert (info.text, info.video_id, info.frame_index, info.frames) == (f"Edit {number}", 1, number, (number,))
        assert everything(project) == states[number]
    assert project.undo() is None
    project = reopened(project)
    for number in range(30):
        assert project.redo_text == f"Edit {number}"
        assert project.redo().frames == (number,)
        assert everything(project) == states[number + 1]
    assert project.redo() is None
    project.close()


def test_a_new_step_ends_the_redo_and_an_empty_one_does_not(project):
    put(project, person(0, 1, origin=Origin.CORRECTED), text="Draw")
    project.undo()
    with project.step("Nothing") as step:
        pass
    assert step.info is None
    assert project.redo_text == "Draw"
    put(project, person(0, 2, origin=Origin.CORRECTED), text="Draw another")
    assert project.redo() is None
    assert project.undo_text == "Draw another"


def test_putting_what_is_there_is_no_step(project):
    predict(project, person(0, 1))
    put(project, person(0, 1).with_joint(WRIST), text="Move")
    put(project, *project.people(1, 0), text="Nothing moved")
    assert project.undo_text == "Move"


def test_a_step_that_raises_leaves_nothing(project):
    put(project, person(0, 1, origin=Origin.CORRECTED), text="Draw")
    project.undo()
    with pytest.raises(ZeroDivisionError), project.step("Broken") as step:
        step.put(1, person(1, 1, origin=Origin.CORRECTED))
        raise ZeroDivisionError
    assert everything(project) == []
    assert project.undo_text is None
    assert project.redo_text == "Draw"
    with pytest.raises(RuntimeError, match="ended"):
        step.put(1, person(1, 1, origin=Origin.CORRECTED))


def test_steps_do_not_nest(project):
    with project.step("Outer") as outer:
        outer.put(1, person(0, 1, origin=Origin.CORRECTED))
        with pytest.raises(RuntimeError, match="nest"), project.step("Inner"):
            pass
        with pytest.raises(RuntimeError, match="nest"):
            project.undo()
    assert len(everything(project)) == 1


def test_many_changes_of_one_person_are_one_step(project):
    predict(project, person(0, 1))
    before = everything(project)
    with project.step("Drag") as step:
        for x in range(5):
            step.put(1, project.people(1, 0)[0].with_joint(WRIST, xy=(float(x), 0.0)))
        step.retrack(1, 0, 1, 1, 2)
        step.remove(1, 0, 2)
        assert project.people(1, 0) == []
    assert step.info.frames == (0,)
    project.undo()
    assert everything(project) == before


@pytest.mark.parametrize(
    ("annotation", "fault"),
    [
        (person(100, 1), "has 100 frames"),
        (person(0, -1), "track_id"),
        (replace(person(0, 1), bbox_xyxy=(0.0, 0.0, float("nan"), 1.0)), "bbox_xyxy"),
        (replace(person(0, 1), keypoints=np.full((15, 2), np.inf)), "keypoints"),
        (replace(person(0, 1), visibility=np.full(15, 3, np.uint8)), "visibility"),
        (replace(person(0, 1), origin=np.full(15, 9, np.uint8)), "origin"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_place(project, annotation, fault):
    for change in (lambda: put(project, annotation), lambda: predict(project, annotation)):
        with pytest.raises(
            ProjectError, match=f"frame {annotation.frame_index + 1}, track {annotation.track_id}: .*{fault}"
        ):
            change()


def test_changing_nobody_is_refused(project):
    predict(project, person(0, 1))
    for change in (
        lambda step: step.remove(1, 0, 2),
        lambda step: step.retrack(1, 1, 5, 1, 2),
        lambda step: step.swap_tracks(1, 1, 5, 1, 2),
        lambda step: step.remove_between(1, 1, 5, 1),
        lambda step: step.put(2, person(0, 1)),
        lambda step: step.add_track(2),
    ):
        with pytest.raises(ProjectError), project.step("Nobody") as step:
            change(step)


def test_the_timeline_tells_state_and_mean_confidence_of_what_is_shown(project):
    predict(project, *(person(f, 1) for f in range(4)), person(2, 3, spot=5))
    hidden_wrist = person(1, 1).with_joint(WRIST, visibility=Visibility.ABSENT)
    put(project, hidden_wrist, person(3, 1).with_joint(NOSE, origin=Origin.VERIFIED))
    first, second = project.timeline(1)
    assert (first.track_id, second.track_id) == (1, 3)
    assert first.frame_index.tolist() == [0, 1, 2, 3]
    assert first.state.tolist() == [Origin.PREDICTED, Origin.CORRECTED, Origin.PREDICTED, Origin.VERIFIED]
    present = np.delete(hidden_wrist.confidence, WRIST)
    assert first.confidence.tolist() == pytest.approx(
        [person(0, 1).confidence.mean(), present.mean(), person(2, 1).confidence.mean(), person(3, 1).confidence.mean()]
    )
    predict(project, person(1, 1, seed=8))
    again = np.delete(person(1, 1, seed=8).confidence, WRIST)
    assert project.timeline(1)[0].confidence[1] == pytest.approx(again.mean())


def test_a_frame_is_done_when_somebody_has_seen_to_every_joint(project):
    predict(project, *(person(f, 1) for f in range(4)))
    verified = replace(person(1, 1), origin=np.full(len(JOINTS), Origin.VERIFIED, np.uint8))
    put(project, verified, verified.with_joint(WRIST, origin=Origin.PREDICTED), person(2, 1).with_joint(NOSE))
    (lane,) = project.timeline(1)
    assert lane.done.tolist() == [False, False, False, False]
    put(project, verified.with_joint(WRIST, xy=(1.0, 2.0)))
    assert project.timeline(1)[0].done.tolist() == [False, True, False, False]
    with project.step("Remove") as step:
        step.remove(1, 1, 1)
    assert project.timeline(1)[0].done.tolist() == [False, False, False]


def test_a_step_that_goes_on_is_undone_with_what_it_goes_on_from(project):
    predict(project, person(0, 1))
    before = everything(project)
    with project.step("Predict") as first:
        first.put(1, person(1, 1))
    with project.step("Predict", continues=first.info.id) as second:
        second.put(1, person(2, 1))
        second.put(1, person(1, 1, seed=7))
    assert second.info.id == first.info.id and second.info.frames == (1, 2)
    after = everything(project)
    project.undo()
    assert everything(project) == before
    project.redo()
    assert everything(project) == after


def test_what_was_said_of_a_person_can_be_withdrawn_without_a_word_against_it(project):
    put(project, person(4, 7))
    with project.step("Withdraw") as step:
        step.withdraw(1, 4, 7)
        step.withdraw(1, 4, 8)
    assert everything(project) == []
    predict(project, person(4, 7))
    assert [found.track_id for found in everything(project)] == [7]
    project.undo()
    project.undo()
    assert everything(project) == [person(4, 7)] and project.undo() is not None
    assert project.redo().undone is False


def test_a_step_that_another_has_followed_or_that_is_undone_is_not_gone_on_with(project):
    with project.step("First") as first:
        first.put(1, person(1, 1))
    put(project, person(2, 1))
    with project.step("Late", continues=first.info.id) as late:
        late.put(1, person(3, 1))
    assert late.info.id != first.info.id and project.undo_text == "Late"
    project.undo()
    with project.step("Later", continues=late.info.id) as later:
        later.put(1, person(3, 1))
    assert later.info.id != first.info.id and later.info.frames == (3,)


def test_the_timeline_reads_the_index_alone(project):
    (plan,) = project._database.rows("EXPLAIN QUERY PLAN " + people._TIMELINE, (1,))
    assert "USING COVERING INDEX timeline" in plan[-1]


def test_people_are_read_as_they_are_used_and_while_steps_are_made(project):
    predict(project, *(person(f, t, spot=t) for f in range(100) for t in range(12)))
    stream = project.people_between(1, 10, 90)
    first = next(stream)
    assert (first.frame_index, first.track_id) == (10, 0)
    put(project, person(80, 0).with_joint(WRIST))
    with pytest.raises(ZeroDivisionError), project.step("Rolled back"):
        raise ZeroDivisionError
    rest = list(stream)
    places = [(a.frame_index, a.track_id) for a in rest]
    assert places == [(f, t) for f in range(10, 90) for t in range(12)][1:]
    assert rest[places.index((80, 0))].origin[WRIST] == Origin.CORRECTED


def test_settings_are_kept(project):
    project.set_setting("view", {"zoom": 2})
    with reopened(project) as again:
        assert again.setting("view") == {"zoom": 2}
        assert again.setting("other", 5) == 5


def test_a_real_folder_of_frames_is_a_video(tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(3):
        cv2.imwrite(str(frames / f"{index:06}.png"), np.full((20, 30, 3), 40 * index, np.uint8))
    with Project.create(tmp_path / "a.jmpose") as project:
        record = project.add_video(frames)
        assert (record.path, record.frame_count, record.width, record.height) == ("frames", 3, 30, 20)
        assert project.check_video(record.id) is None

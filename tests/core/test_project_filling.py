"""Labels fill the frames around them in the project: the same whatever the order, in one undo step with the label."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.fill.packing import pack
from jmpose_core.project import Project
from jmpose_core.project.evidence_store import KeptEvidence
from tests.builders.labelled_tracks import LEFT_ANKLE, NOSE, RIGHT_ANKLE, evidence_of, track, true_joints
from tests.builders.people import annotated
from tests.builders.projects import everything, make_older, new_project, reopened

FRAMES = 30
TRACK = 4
TRUTH = true_joints(FRAMES)
Label = tuple[int, int, float]  # frame, joint, pixels that it is to the right of the truth


def predicted(frame: int, *, track_id: int = TRACK) -> Annotation:
    """The left and the right ankle are exchanged in frames 10 to 19."""
    joints = TRUTH[frame].copy()
    if 10 <= frame < 20:
        joints[[RIGHT_ANKLE, LEFT_ANKLE]] = joints[[LEFT_ANKLE, RIGHT_ANKLE]]
    box = (0.0 + frame, 0.0, 100.0 + frame, 100.0)
    return annotated(frame, track_id, box, keypoints=joints, confidence=np.full(15, 0.9), score=0.5, source="lite")


def predicted_project(folder: Path, *, evidence: bool = True) -> Project:
    folder.mkdir(parents=True, exist_ok=True)
    project = new_project(folder, frame_count=FRAMES)
    people = [predicted(frame) for frame in range(FRAMES)]
    if evidence:
        model = track(np.stack([person.keypoints for person in people]))
        kept = [KeptEvidence(a.frame_index, a.bbox_xyxy, pack(evidence_of(model, a.frame_index))) for a in people]
        project.evidence.keep(1, kept)
    project.apply_predictions(1, people, text="Predict")
    return project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with predicted_project(tmp_path) as project:
        yield project


def label(project: Project, frame: int, joint: int, off: float = 0.0, track_id: int = TRACK) -> None:
    person = next(p for p in project.people(1, frame) if p.track_id == track_id)
    x, y = TRUTH[frame, joint].tolist()
    with project.step("Move") as step:
        step.put(1, person.with_joint(joint, xy=(x + off, y)))


def unlabel(project: Project, frame: int, joint: int) -> None:
    (person,) = project.people(1, frame)
    with project.step("Give back") as step:
        step.put(1, person.with_joint(joint, origin=Origin.PREDICTED))


def rows(project: Project) -> list[tuple[object, ...]]:
    """The document to the byte."""
    return project._database.rows("SELECT * FROM people ORDER BY 1, 2, 3, 4")


def filled(project: Project, joint: int) -> list[int]:
    return [p.frame_index for p in everything(project) if p.origin[joint] == Origin.PROPAGATED]


def test_one_label_sets_the_legs_right_in_the_frames_around(project: Project) -> None:
    label(project, 14, LEFT_ANKLE)
    assert filled(project, RIGHT_ANKLE) == list(range(10, 20))
    assert filled(project, LEFT_ANKLE) == [frame for frame in range(10, 20) if frame != 14]
    off = np.linalg.norm(np.stack([p.keypoints for p in everything(project)]) - TRUTH, axis=2)
    assert off.max() < 1
    assert list(project.predictions_between(1, 0, FRAMES)) == [predicted(frame) for frame in range(FRAMES)]


def test_the_label_and_its_fill_are_one_undo_step_that_comes_back_to_the_byte(project: Project) -> None:
    before = rows(project)
    label(project, 14, LEFT_ANKLE)
    after = rows(project)
    info = project.undo()
    assert info is not None and set(range(10, 20)) <= set(info.frames)
    assert rows(project) == before
    project.redo()
    assert rows(project) == after


def test_a_label_taken_away_gives_back_what_was_there(project: Project) -> None:
    label(project, 3, NOSE, 9.0)
    before = rows(project)
    label(project, 14, LEFT_ANKLE)
    unlabel(project, 14, LEFT_ANKLE)
    assert rows(project) == before


labels = st.dictionaries(
    st.tuples(st.integers(0, FRAMES - 1), st.sampled_from([LEFT_ANKLE, RIGHT_ANKLE, NOSE])),
    st.sampled_from([0.0, 6.0, -11.0]),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=25)
@given(wanted=labels, data=st.data())
def test_the_order_of_the_labels_and_detours_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, wanted: dict[tuple[int, int], float], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("orders")
    shuffled = data.draw(st.permutations(sorted(wanted)))
    detour = data.draw(st.tuples(st.integers(0, FRAMES - 1), st.sampled_from([LEFT_ANKLE, NOSE])))
    with predicted_project(folder / "a") as straight, predicted_project(folder / "b") as winding:
        for place in sorted(wanted):
            label(straight, *place, wanted[place])
        for place in shuffled:
            if detour not in wanted:
                label(winding, *detour, 25.0)
            label(winding, *place, wanted[place])
            if detour not in wanted:
                unlabel(winding, *detour)
        assert everything(straight) == everything(winding)
        for (frame, joint), off in wanted.items():
            (person,) = winding.people(1, frame)
            assert person.keypoints[joint].tolist() == (TRUTH[frame, joint] + [off, 0]).tolist()
            assert person.origin[joint] == Origin.CORRECTED


def test_predicting_again_and_changing_tracks_fill_anew(project: Project, tmp_path: Path) -> None:
    """The fill is what it would be had the labels come last."""
    label(project, 14, LEFT_ANKLE)
    label(project, 25, NOSE, 8.0)
    with project.step("Split") as step:
        step.retrack(1, 17, FRAMES, TRACK, 9)
    again = [predicted(frame) for frame in range(12, 22)]
    project.apply_predictions(1, again, text="Predict")
    with predicted_project(tmp_path / "other") as other:
        with other.step("Split") as step:
            step.retrack(1, 17, FRAMES, TRACK, 9)
        label(other, 25, NOSE, 8.0, track_id=9)
        label(other, 14, LEFT_ANKLE)
        assert everything(project) == everything(other)
    assert max(filled(project, RIGHT_ANKLE)) == 16  # the other track has no label on its legs


def test_a_person_removed_in_a_frame_is_not_filled_across(project: Project) -> None:
    label(project, 14, LEFT_ANKLE)
    with project.step("Delete") as step:
        step.remove(1, 16, TRACK)
    assert filled(project, RIGHT_ANKLE) == list(range(10, 16))
    project.undo()
    assert filled(project, RIGHT_ANKLE) == list(range(10, 20))


def test_a_joint_that_the_model_left_out_is_as_visible_as_at_the_label(tmp_path: Path) -> None:
    with new_project(tmp_path, frame_count=3) as project:
        people = [
            predicted(f).with_joint(NOSE, visibility=Visibility.ABSENT, origin=Origin.PREDICTED) for f in range(3)
        ]
        project.apply_predictions(1, people, text="Predict")
        (person,) = project.people(1, 1)
        x, y = person.keypoints[NOSE].tolist()
        with project.step("Place") as step:
            step.put(1, person.with_joint(NOSE, xy=(x + 9, y), visibility=Visibility.OCCLUDED))
        (beside,) = project.people(1, 2)
        assert (beside.origin[NOSE], beside.visibility[NOSE]) == (Origin.PROPAGATED, Visibility.OCCLUDED)


def test_where_the_fill_fails_the_label_is_not_written_either(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(project)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("jmpose_core.project.step.refilled", killed)
    with pytest.raises(KeyboardInterrupt):
        label(project, 14, LEFT_ANKLE)
    assert rows(project) == before and project.undo_text == "Predict"


def test_a_step_that_goes_on_and_changes_nothing_leaves_what_can_be_redone(project: Project) -> None:
    with project.step("First") as first:
        first.put(1, predicted(3).with_joint(NOSE, xy=(1, 1)))
    label(project, 14, LEFT_ANKLE)
    project.undo()
    assert first.info is not None
    with project.step("First", continues=first.info.id) as step:
        step.put(1, next(iter(project.people(1, 3))))
    assert step.info is None and project.redo_text == "Move"


def test_without_evidence_small_misses_still_travel(tmp_path: Path) -> None:
    with predicted_project(tmp_path, evidence=False) as project:
        label(project, 3, NOSE, 9.0)
        assert filled(project, NOSE) == [0, 1, 2, 4, 5, 6]


def test_a_damaged_cache_is_made_anew(project: Project) -> None:
    path = project.path.with_name(project.path.name + ".evidence")
    project.close()
    path.write_bytes(b"nothing that SQLite knows" * 100)
    with Project.open(project.path) as again:
        label(again, 3, NOSE, 9.0)
        assert filled(again, NOSE) == [0, 1, 2, 4, 5, 6]
        again.evidence.keep(1, [KeptEvidence(0, (0, 0, 1, 1), b"x")])
    with Project.open(project.path, read_only=True) as reader:
        assert reader.evidence.packed(1, []) == []
    project.close()


def test_a_project_of_version_1_is_brought_over_with_what_can_be_undone(project: Project) -> None:
    label(project, 3, NOSE, 9.0)
    project.undo()
    project.redo()
    shown = everything(project)
    project.close()
    make_older(project.path, 1)
    again = reopened(project)
    assert [p.origin.tolist() for p in again.people(1, 3)] == [p.origin.tolist() for p in shown if p.frame_index == 3]
    assert again.undo_text == "Move"
    again.undo()
    assert everything(again) == [predicted(frame) for frame in range(FRAMES)]
    assert list(project.path.parent.glob("*.backup-v1"))
    again.close()


def test_the_network_is_told_labels_near_and_far_by_weight_with_the_boxes_beside(project: Project) -> None:
    assert project.given_labels(1, TRACK, 0, FRAMES) is None
    label(project, 15, LEFT_ANKLE)
    told = project.given_labels(1, TRACK, 0, FRAMES)
    assert told is not None and told.track_id == TRACK
    assert told.frames == frozenset(range(7, 24))  # eight frames on either side
    assert set(told.boxes) == set(told.labels) == set(range(3, 28))
    assert told.boxes[7] == predicted(7).bbox_xyxy
    x, y, weight = told.labels[17][LEFT_ANKLE]
    assert (x, y) == pytest.approx(TRUTH[17, LEFT_ANKLE], abs=1) and weight == pytest.approx(0.64)
    assert told.labels[17][NOSE][2] == 0
    part = project.given_labels(1, TRACK, 12, 14)
    assert part is not None and part.frames == {12, 13} and set(part.boxes) == set(range(8, 18))

"""What counts as ground truth in a project, and where its predictions fail."""

import math
from dataclasses import replace

import numpy as np
import pytest

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.evaluation.corrected import Corrected, measurable
from jmpose_core.evaluation.report import evaluate_documents, figure_rows
from jmpose_core.evaluation.worst import LOWERS, JointError, Outcome, joint_errors, worst
from jmpose_core.skeleton import JOINT_INDEX, JOINTS
from tests.builders.projects import NOSE, WRIST, person

HEAD_TOP = JOINT_INDEX["head_top"]
SPOTS = {1: 0.1, 2: 0.4}


def predicted(frame: int, track: int) -> Annotation:
    return person(frame, track, spot=SPOTS.get(track, 0.8))


def verified(annotation: Annotation) -> Annotation:
    return replace(annotation, origin=np.full(15, Origin.VERIFIED, np.uint8))


def moved(annotation: Annotation, joint: int, pixels: float) -> Annotation:
    return annotation.with_joint(joint, xy=(annotation.keypoints[joint, 0] + pixels, annotation.keypoints[joint, 1]))


def errors_of(corrected: Corrected) -> list[JointError]:
    return joint_errors(corrected.truth, corrected.predicted)


def test_only_people_whom_somebody_touched_are_measured() -> None:
    found = [predicted(frame, track) for frame in range(4) for track in (1, 2)]
    shown = [*found]
    shown[0] = moved(found[0], WRIST, 40.0)  # frame 0, track 1: one joint
    shown[5] = verified(found[5])  # frame 2, track 2: all
    corrected = measurable(shown, found)
    assert (corrected.frames, corrected.people, corrected.joints, corrected.by_hand) == ((0, 2), 2, 30, 16)
    assert len(corrected.predicted.document.people) == 2  # the two that nobody looked at are in neither
    errors = errors_of(corrected)
    assert len(errors) == 30
    assert [(e.frame_index, e.track_id, e.joint) for e in errors if e.outcome is not Outcome.HIT] == [(0, 1, WRIST)]


def test_a_removed_person_and_a_joint_said_to_be_absent_are_false_positives() -> None:
    found = [predicted(0, 1), predicted(0, 2)]
    shown = [verified(found[0]).with_joint(WRIST, visibility=Visibility.ABSENT)]
    other = verified(predicted(1, 1))
    corrected = measurable([*shown, other], [*found, predicted(1, 1)])
    extra = [(e.track_id, e.joint) for e in errors_of(corrected) if e.outcome is Outcome.EXTRA]
    assert sorted(extra) == sorted([(1, WRIST), *((2, joint) for joint in range(15))])


def test_a_joint_that_nobody_labelled_is_not_held_against_the_model() -> None:
    lacking = verified(predicted(0, 1))
    for joint in (HEAD_TOP, JOINT_INDEX["head_bottom"]):
        lacking = lacking.with_joint(joint, visibility=Visibility.ABSENT)
    corrected = measurable([replace(lacking, track_id=9)], [predicted(0, 1)])
    assert {e.outcome for e in errors_of(corrected)} == {Outcome.HIT}
    assert corrected.estimated_heads == 1


def test_a_person_without_any_size_is_left_out_and_counted() -> None:
    point = replace(person(0, 1), visibility=np.eye(15, dtype=np.uint8)[NOSE] * 2, bbox_xyxy=(5.0, 5.0, 5.0, 5.0))
    corrected = measurable([verified(point)], [])
    assert (corrected.people, corrected.without_size, corrected.frames) == (0, 1, ())


def test_nothing_corrected_is_nothing_measured() -> None:
    corrected = measurable([predicted(0, 1)], [predicted(0, 1)])
    assert (corrected.people, corrected.frames) == (0, ())


def test_the_figures_are_those_of_the_errors() -> None:
    """Half of the wrists are off by more than a head, and in one frame a person was missed."""
    found = [predicted(frame, 1) for frame in range(10)]
    shown = [verified(p) if p.frame_index % 2 else verified(moved(p, WRIST, 60.0)) for p in found]
    corrected = measurable(shown, found[:9])
    report = evaluate_documents([(corrected.truth, corrected.predicted)], "pck")
    (pckh,) = [row for row in figure_rows(report) if row.name == "pckh"]
    assert pckh.joints["right_wrist"] == pytest.approx(40.0)
    assert pckh.joints["nose"] == pytest.approx(90.0)
    errors = errors_of(corrected)
    hits = sum(e.outcome is Outcome.HIT for e in errors if e.joint == WRIST)
    assert hits / 10 == pytest.approx(pckh.joints["right_wrist"] / 100)
    faults = worst(errors, [WRIST], "recall")
    assert (faults[0].frame_index, faults[0].outcome) == (9, Outcome.MISSED)
    assert {(e.frame_index, e.outcome) for e in faults[1:]} == {(frame, Outcome.FAR) for frame in range(0, 10, 2)}
    assert [e.error for e in faults] == sorted((e.error for e in faults), reverse=True)
    assert math.isinf(faults[0].error) and faults[1].pixels == pytest.approx(60.0)


def test_a_changed_track_is_found() -> None:
    found = [predicted(frame, 1 if frame < 3 else 5) for frame in range(6)]
    found = [replace(p, keypoints=predicted(p.frame_index, 1).keypoints) for p in found]
    shown = [verified(replace(p, track_id=7)) for p in found]
    corrected = measurable(shown, found)
    faults = worst(errors_of(corrected), [NOSE], "mota")
    assert [(e.frame_index, e.track_id, e.outcome) for e in faults] == [(3, 7, Outcome.SWITCHED)]
    assert worst(errors_of(corrected), [NOSE], "ap") == []


def test_every_figure_of_the_reports_has_its_worst_frames() -> None:
    found = [predicted(frame, 1) for frame in range(3)]
    corrected = measurable([verified(p) for p in found], found)
    names = set()
    for metric in ("posetrack", "posetrack21", "pck"):
        report = evaluate_documents([(corrected.truth, corrected.predicted)], metric)
        names |= {row.name for row in figure_rows(report)}
        assert all(set(row.joints) == set(JOINTS) for row in figure_rows(report))
    assert names == set(LOWERS)

"""What is proposed about tracks, and that doing it can be undone."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from jmpose_core.annotations import Annotation, Origin
from jmpose_core.project.mending import as_mended, mend
from jmpose_core.queue.proposals import Fault, Proposal, proposals
from tests.builders.projects import everything, new_project, person


def _walk(track: int, frames: range, *, spot: float, speed: float = 0.002) -> list[Annotation]:
    sure = np.full(15, 0.8)
    return [replace(person(frame, track, spot=spot + speed * frame), confidence=sure) for frame in frames]


def _broken() -> list[Annotation]:
    return [*_walk(1, range(20), spot=0.1), *_walk(2, range(25, 40), spot=0.1), *_walk(3, range(40), spot=0.6)]


def _jump() -> list[Annotation]:
    first, second = _walk(1, range(40), spot=0.1), _walk(2, range(40), spot=0.15)
    return [
        *first[:17], *second[:17],
        *(replace(one, track_id=2) for one in first[17:]), *(replace(one, track_id=1) for one in second[17:]),
    ]  # fmt: skip


def _twice() -> list[Annotation]:
    return [*_walk(1, range(40), spot=0.1), *_walk(2, range(5, 15), spot=0.103)]


def _nobody() -> list[Annotation]:
    doubt = np.full(15, 0.1)
    return [*_walk(1, range(40), spot=0.1), *(replace(p, confidence=doubt) for p in _walk(2, range(5, 15), spot=0.5))]


SCENES = {
    Fault.BROKEN: (_broken, (1, 2, 25, 40)),
    Fault.JUMP: (_jump, (1, 2, 17, 40)),
    Fault.TWICE: (_twice, (1, 2, 5, 15)),
    Fault.NOBODY: (_nobody, (2, None, 5, 15)),
}


def _told(one: Proposal) -> tuple[int, int | None, int, int]:
    return one.track_id, one.other, one.first, one.last


def _places(people: Iterable[Annotation]) -> list[tuple[int, int, float]]:
    return sorted((one.frame_index, one.track_id, float(one.keypoints[0, 0])) for one in people)


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_is_found_mended_and_given_back_by_one_undo(tmp_path, fault):
    made, expected = SCENES[fault]
    with new_project(tmp_path) as project:
        project.apply_predictions(1, sorted(made(), key=lambda one: one.frame_index), text="Predict")
        before = everything(project)
        (found,) = project.proposals(1)
        assert (found.fault, _told(found)) == (fault, expected)
        assert found.certainty > 0.5 and found.first <= found.frame_index < found.last
        expected = _places(as_mended(project.people_between(1, 0, 40), found))
        with project.step("Mend") as step:
            mend(step, 1, found)
        assert _places(project.people_between(1, 0, 40)) == expected
        assert project.proposals(1) == []
        project.undo()
        assert everything(project) == before
        assert project.proposals(1) == [found]


def test_people_apart_are_left_alone():
    people = [*_walk(1, range(40), spot=0.1), *_walk(2, range(40), spot=0.2), *_walk(3, range(20), spot=0.5)]
    assert proposals([*people, *_walk(4, range(22, 40), spot=0.9)]) == []


@pytest.mark.parametrize("made", [_twice, _nobody])
def test_what_an_annotator_said_is_not_proposed_for_deletion(made):
    labelled = [one.with_joint(3, origin=Origin.VERIFIED) for one in made()]
    assert proposals(sorted(labelled, key=lambda one: one.frame_index)) == []


def test_what_was_refused_is_not_proposed_again_until_the_refusal_is_undone(tmp_path):
    with new_project(tmp_path) as project:
        project.apply_predictions(1, sorted(_broken(), key=lambda one: one.frame_index), text="Predict")
        (found,) = project.proposals(1)
        with project.step("Leave the tracks as they are") as step:
            step.refuse(1, found)
        assert project.proposals(1) == []
        later = replace(project.people(1, 39)[0], frame_index=39).with_joint(0, origin=Origin.VERIFIED)
        with project.step("Verify") as step:  # the people are others now, and the fault is the same
            step.put(1, later)
        assert project.proposals(1) == []
        project.undo()
        project.undo()
        assert project.proposals(1) == [found]
        project.redo()
        assert project.proposals(1) == []

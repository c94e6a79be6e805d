"""What is proposed about tracks, and that doing it can be undone."""

import time
from dataclasses import replace

import numpy as np
import pytest

from jmpose_core.annotations import Annotation, Origin
from jmpose_core.project.mending import mend
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


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_is_found_mended_and_given_back_by_one_undo(tmp_path, fault):
    made, expected = SCENES[fault]
    with new_project(tmp_path) as project:
        project.apply_predictions(1, sorted(made(), key=lambda one: one.frame_index), text="Predict")
        before = everything(project)
        (found,) = project.proposals(1)
        assert (found.fault, _told(found)) == (fault, expected)
        assert found.certainty > 0.5 and found.first <= found.frame_index < found.last
        with project.step("Mend") as step:
            mend(step, 1, found)
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


def test_a_long_crowd_is_read_in_a_second():
    people = [one for track in range(20) for one in _walk(track, range(300), spot=0.2 * track)]
    started = time.perf_counter()
    assert proposals(people) == []
    assert time.perf_counter() - started < 1

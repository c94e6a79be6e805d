"""A simulated annotator over people whose truth is known."""

import numpy as np
import pytest

import resources
from jmpose_core.evaluation.labelling import Labelling, Policy, Tracklet, labelled
from jmpose_core.evaluation.labelling_report import labelling_report
from jmpose_core.queue.error_model import ErrorModel
from tests.builders.labelled_tracks import LEFT_ANKLE, NOSE, RIGHT_ANKLE, RIGHT_WRIST, track, true_joints

FRAMES = 30


@pytest.fixture(scope="module")
def model() -> ErrorModel:
    return ErrorModel.read(resources.QUEUE)


def person() -> Tracklet:
    """The ankles are exchanged in ten frames, and the nose is off in five."""
    truth = true_joints(FRAMES)
    predicted = truth.copy()
    predicted[10:20, [RIGHT_ANKLE, LEFT_ANKLE]] = truth[10:20, [LEFT_ANKLE, RIGHT_ANKLE]]
    predicted[22:27, NOSE] += [11.0, 0.0]
    judged = np.ones((FRAMES, 15), bool)
    judged[:, RIGHT_WRIST] = False
    return Tracklet(track(predicted), truth, judged, np.full(FRAMES, 8.0))


def run(policy: Policy, model: ErrorModel) -> Labelling:
    return labelled(person(), policy, model, np.random.default_rng(0))


def test_without_any_help_each_wrong_joint_is_one_click(model: ErrorModel) -> None:
    found = run(Policy.NONE, model)
    assert found.wrong == list(range(25, -1, -1))
    assert (found.clicks, found.keys, found.harmed, found.joints) == (25, 0, 0, FRAMES * 14)
    assert found.clicks_to_enough == 4  # 21 of 420 joints may be wrong


def test_a_fill_needs_a_few_clicks_and_ends_with_nothing_wrong(model: ErrorModel) -> None:
    for policy in (Policy.FILL, Policy.FULL):
        found = run(policy, model)
        assert found.wrong[-1] == 0 and found.clicks <= 5
        assert len(found.fill_secs) == found.clicks + found.keys
    assert run(Policy.FILL, model).keys == 0


def test_a_straight_line_needs_two_labels_and_harms_what_moves(model: ErrorModel) -> None:
    found = run(Policy.INTERPOLATE, model)
    assert found.wrong[-1] == 0 and 5 < found.clicks <= 25


def test_the_report_adds_people_up_and_is_the_same_each_time(model: ErrorModel) -> None:
    people = [person(), person()]
    found = labelling_report(people, Policy.NONE, [model, model], engine_seconds=1.5)
    assert (found["tracklets"], found["clicks_all"], found["clicks_per_tracklet_all"]) == (2, 50, 25)
    assert found["curve"][0] == (0, pytest.approx(100 * (1 - 50 / 840)))
    assert found["curve"][-1] == (25, 100)
    again = labelling_report(people, Policy.FULL, [model, model], engine_seconds=1.5)
    same = labelling_report(people, Policy.FULL, [model, model], engine_seconds=1.5)
    again.pop("fill_ms_p95"), same.pop("fill_ms_p95")
    assert again == same

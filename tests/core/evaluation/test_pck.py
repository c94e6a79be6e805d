import numpy as np
import pytest

from jmpose_core.evaluation.pck import head_sizes, pck, torso_sizes
from jmpose_core.skeleton import JOINT_INDEX


def person():
    truth = np.zeros((1, 15, 2))
    truth[0, JOINT_INDEX["left_shoulder"]] = (30, 0)
    truth[0, JOINT_INDEX["right_hip"]] = (0, 40)
    return truth, np.ones((1, 15), bool)


def test_torso_is_left_shoulder_to_right_hip():
    truth, labelled = person()
    assert torso_sizes(truth, labelled) == pytest.approx([50])


def test_other_diagonal_stands_in_and_neither_leaves_the_person_out():
    truth, labelled = person()
    truth[0, JOINT_INDEX["right_shoulder"]] = (0, 7)
    labelled[0, JOINT_INDEX["left_shoulder"]] = False
    assert torso_sizes(truth, labelled) == pytest.approx([7])
    labelled[0, JOINT_INDEX["left_hip"]] = False
    result = pck(truth, truth, labelled)
    assert result.people == 0
    assert np.isnan(result.total)


def test_a_joint_at_the_threshold_is_right_and_one_beyond_is_wrong():
    truth, labelled = person()
    predicted = truth.copy()
    predicted[0, JOINT_INDEX["nose"]] += (10, 0)
    predicted[0, JOINT_INDEX["left_knee"]] += (10.001, 0)
    result = pck(predicted, truth, labelled)
    assert result.by_name()["nose"] == 1
    assert result.by_name()["left_knee"] == 0
    assert result.total == pytest.approx(14 / 15)


def test_total_counts_joints_not_the_mean_of_joints():
    truth, labelled = (np.repeat(part, 3, axis=0) for part in person())
    predicted = truth.copy()
    predicted[:, JOINT_INDEX["nose"]] = np.nan
    labelled[1:, JOINT_INDEX["nose"]] = False
    result = pck(predicted, truth, labelled)
    assert result.by_name()["nose"] == 0
    assert result.total == pytest.approx(42 / 43)


def test_pckh_takes_the_head_size():
    truth, labelled = person()
    sizes = head_sizes(np.array([[0, 0, 30, 40]]))
    assert sizes == pytest.approx([30])
    predicted = truth + np.array([14.9, 0])
    assert pck(predicted, truth, labelled, threshold=0.5, sizes=sizes).total == 1
    assert pck(predicted + np.array([0.2, 0]), truth, labelled, threshold=0.5, sizes=sizes).total == 0

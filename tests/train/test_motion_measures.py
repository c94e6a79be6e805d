"""What the benchmark of motion counts, on joints whose errors are known."""

import numpy as np
import pytest
import torch

from train.motion.measures import JITTER, PERSON, TORSO, Truth, figure, jitter, measured

PAIRS, JOINTS = 6, 15


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    joints = rng.uniform(0, 100, (2 * PAIRS, JOINTS, 2))
    places = np.zeros((2 * PAIRS, 2, 3))
    places[:, 0, 0] = places[:, 1, 1] = 2.0  # two image pixels a cell
    places[:, :, 2] = 7.0
    return Truth(
        joints=joints,
        labelled=np.ones((2 * PAIRS, JOINTS), bool),
        person=np.full(2 * PAIRS, 100.0),
        group=np.repeat(np.arange(3), 4),
        image_from_cells=places,
    )


def _cells(truth, off):
    return torch.from_numpy((truth.joints + off - 7.0) / 2.0)


def _found(truth, **off):
    right = _cells(truth, 0.0)
    stages = {name: _cells(truth, off.get(name.replace(" ", "_"), 0.0)) for name in _STAGES}
    return stages | {"frames": torch.stack([right + 50, right, right + 50, right + 50, right + 50], dim=1)}


_STAGES = ("initial", "unaligned mean", "aligned mean", "refined")


def test_joints_are_counted_by_the_persons_size_in_the_image(truth):
    near, far = np.array([9.9, 0.0]), np.array([10.1, 0.0])
    table = measured(_found(truth, initial=near, refined=far), truth)
    assert figure(table[PERSON]["initial"]).mean == 100
    assert figure(table[PERSON]["refined"]).mean == 0
    assert figure(table[TORSO]["aligned mean"]).mean == 100


def test_the_oracle_takes_the_one_frame_that_is_right(truth):
    table = measured(_found(truth, aligned_mean=40.0, refined=40.0), truth)
    assert figure(table[PERSON]["aligned mean"]).mean == 0
    assert figure(table[PERSON]["oracle"]).mean == 100


def test_an_error_that_stays_is_no_jitter_and_one_that_comes_and_goes_is(truth):
    steady, counted = jitter(_cells(truth, np.array([5.0, 3.0])), truth)
    assert counted.all() and steady == pytest.approx(0, abs=1e-9)
    shaking = np.tile([[[0.0, 0.0]], [[3.0, 4.0]]], (PAIRS, 1, 1))
    table = measured(_found(truth, refined=shaking), truth)
    assert figure(table[JITTER]["refined"]).mean == pytest.approx(5)


def test_unlabelled_joints_count_nowhere(truth):
    truth.labelled[:, 3] = False
    wrong = np.zeros((2 * PAIRS, JOINTS, 2))
    wrong[:, 3] = 80
    table = measured(_found(truth, refined=wrong), truth)
    assert figure(table[PERSON]["refined"]).mean == 100
    assert table[PERSON]["refined"][1].sum() == 2 * PAIRS * (JOINTS - 1)


def test_a_difference_is_of_the_same_people_and_its_interval_of_whole_films(truth):
    off = np.zeros((2 * PAIRS, JOINTS, 2))
    off[:4] = 50  # all of one film's people
    table = measured(_found(truth, initial=off), truth)
    gain = figure(table[PERSON]["refined"], table[PERSON]["initial"])
    assert gain.mean == pytest.approx(100 / 3)
    assert gain.low == 0 and gain.high == 100  # of three films, chance may draw the bad one never or always

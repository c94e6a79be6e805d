import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jmpose_core.evaluation.reliability import (
    area_under_roc,
    brier_score,
    expected_calibration_error,
    reliability,
)

pairs = st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=60)


def columns(values):
    return np.array([v for v, _ in values]) / 1000, np.array([c for _, c in values])


def test_calibration_error_by_hand():
    probability = np.array([0.1, 0.2, 0.6, 0.9])
    correct = np.array([False, True, True, True])
    # Equal mass, two bins: |0.15 - 0.5| and |0.75 - 1|, half of the outcomes each.
    assert expected_calibration_error(probability, correct, bins=2) == pytest.approx((0.35 + 0.25) / 2)
    # Equal width, four bins of 0.25: {0.1, 0.2}, {}, {0.6}, {0.9}.
    by_width = expected_calibration_error(probability, correct, bins=4, equal_mass=False)
    assert by_width == pytest.approx((2 * 0.35 + 0.4 + 0.1) / 4)
    assert reliability(probability, correct, bins=4, equal_mass=False)[:, 2].tolist() == [2, 1, 1]


def test_a_certain_mistake_costs_everything():
    assert expected_calibration_error(np.ones(4), np.zeros(4, bool), equal_mass=False) == 1
    assert brier_score(np.ones(4), np.zeros(4, bool)) == 1


def test_area_under_roc_by_hand():
    # Correct: 0.8 and 0.4; wrong: 0.6, 0.4 and 0.1. Of the six pairs four are won, one is a tie, one is lost.
    probability = np.array([0.8, 0.4, 0.6, 0.4, 0.1])
    correct = np.array([True, True, False, False, False])
    assert area_under_roc(probability, correct) == pytest.approx(4.5 / 6)


def test_nothing_to_judge_is_nan():
    nothing = np.zeros(0), np.zeros(0, bool)
    assert np.isnan(expected_calibration_error(*nothing))
    assert np.isnan(brier_score(*nothing))
    assert np.isnan(area_under_roc(np.ones(3), np.ones(3, bool)))


@given(pairs)
def test_ranking_does_not_change_with_a_rising_map(values):
    probability, correct = columns(values)
    assume(correct.any() and not correct.all())
    area = area_under_roc(probability, correct)
    assert area_under_roc(np.exp(3 * probability) - 2, correct) == pytest.approx(area)
    assert area_under_roc(-probability, correct) == pytest.approx(1 - area)
    assert area_under_roc(probability, ~correct) == pytest.approx(1 - area)


@given(pairs, st.integers(1, 20), st.booleans())
def test_an_oracle_has_no_error(values, bins, equal_mass):
    _, correct = columns(values)
    assert expected_calibration_error(correct.astype(float), correct, bins=bins, equal_mass=equal_mass) == (
        0 if not equal_mass else pytest.approx(0)
    )
    assert brier_score(correct.astype(float), correct) == 0


@given(pairs, st.integers(1, 20), st.booleans())
def test_bins_hold_every_outcome_once_and_the_error_is_within_its_bounds(values, bins, equal_mass):
    probability, correct = columns(values)
    points = reliability(probability, correct, bins=bins, equal_mass=equal_mass)
    assert points[:, 2].sum() == len(values)
    assert len(points) <= bins
    assert (points[:, 2] @ points[:, 0]) / len(values) == pytest.approx(probability.mean())
    error = expected_calibration_error(probability, correct, bins=bins, equal_mass=equal_mass)
    assert abs(probability.mean() - correct.mean()) - 1e-9 <= error <= 1

"""Which joints are likely wrong, and in what order to look at them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import resources
from jmpose_core.errors import WeightsError
from jmpose_core.fill.fill import fill_track
from jmpose_core.fill.packing import unpack
from jmpose_core.queue.error_model import TERMS, ErrorModel
from jmpose_core.queue.features import features
from jmpose_core.queue.items import queue_items
from tests.builders.labelled_tracks import LEFT_ANKLE, NOSE, RIGHT_WRIST, labelled, track, true_joints

FRAMES = 30


@pytest.fixture(scope="module")
def model() -> ErrorModel:
    return ErrorModel.read(resources.QUEUE)


def test_the_bundled_model_finds_a_joint_that_is_off_for_some_frames(model: ErrorModel) -> None:
    truth = true_joints(FRAMES)
    predicted = truth.copy()
    predicted[10:16, RIGHT_WRIST] += [60.0, 30.0]
    seen = track(predicted)
    seen.evidence.peaks[10:16, RIGHT_WRIST, 0, 2] = 0.3
    seen.evidence.spread[10:16, RIGHT_WRIST] = 20
    probability = model.probability(seen, predicted)
    assert probability.shape == (FRAMES, 15) and (probability >= 0).all() and (probability <= 1).all()
    assert probability[10:16, RIGHT_WRIST].min() > 3 * probability[:8].max()
    first, *_ = queue_items(1, seen.frame_index, probability, seen.labelled, most=5, least=0.15)
    assert first.joint == RIGHT_WRIST and 10 <= first.frame_index < 16
    assert (first.first, first.last) == (10, 16)


def test_a_label_leaves_the_queue_and_quietens_the_frames_around(model: ErrorModel) -> None:
    truth = true_joints(FRAMES)
    seen = track(truth + np.random.default_rng(3).normal(0, 3, truth.shape), height=0.5)
    before = model.probability(seen, seen.predicted)
    told = labelled(seen, 12, NOSE, seen.predicted[12, NOSE])  # it was right
    after = model.probability(told, fill_track(told).points)
    assert after[12, NOSE] == 0
    assert (after[[11, 13], NOSE] < before[[11, 13], NOSE]).all()
    np.testing.assert_array_equal(after[:, LEFT_ANKLE], before[:, LEFT_ANKLE])


def test_without_evidence_there_is_still_an_order(model: ErrorModel) -> None:
    truth = true_joints(FRAMES)
    truth[15, LEFT_ANKLE] += [50.0, 50.0]
    bare = replace(track(truth), evidence=unpack([None] * FRAMES))
    probability = model.probability(bare, truth)
    assert np.isfinite(features(bare, truth)).all()
    assert np.unravel_index(probability.argmax(), probability.shape) == (15, LEFT_ANKLE)


def test_one_frame_is_enough(model: ErrorModel) -> None:
    assert np.isfinite(model.probability(track(true_joints(1)), true_joints(1))).all()


@pytest.mark.parametrize("content", ["", "[]", '{"bias": 1}', json.dumps({"bias": 0, "weights": {"peak": 1}})])
def test_a_broken_model_is_named(tmp_path: Path, content: str) -> None:
    place = tmp_path / "queue.json"
    place.write_text(content)
    with pytest.raises(WeightsError, match=r"queue.json: cannot be read"):
        ErrorModel.read(place)


def test_the_bundled_weights_are_of_this_program_s_terms() -> None:
    assert list(json.loads(resources.QUEUE.read_bytes())["weights"]) == list(TERMS)


@st.composite
def states(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames with gaps, probabilities, and what is settled."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    count = draw(st.integers(1, 40))
    frames = np.cumsum(rng.integers(1, draw(st.integers(2, 4)), count))
    return frames, rng.random((count, 15)) ** 3, rng.random((count, 15)) < 0.2


@given(states())
def test_items_do_not_overlap_hold_nothing_settled_and_cross_no_gap(
    state: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    frames, probability, settled = state
    items = queue_items(3, frames, probability, settled, most=1000, least=0.1)
    looked_at = np.zeros_like(settled)
    for item in items:
        rows = np.flatnonzero((frames >= item.first) & (frames < item.last))
        assert len(rows) == item.last - item.first  # every frame of it is there
        assert not looked_at[rows, item.joint].any() and not settled[rows, item.joint].any()
        looked_at[rows, item.joint] = True
        (here,) = np.flatnonzero(frames == item.frame_index)
        assert item.first <= item.frame_index < item.last
        assert item.probability == probability[here, item.joint] >= 0.1
    assert [item.gain for item in items] == sorted((item.gain for item in items), reverse=True)
    assert looked_at[(probability >= 0.1) & ~settled].all()

"""What labels say of the frames around them, on people whose joints are known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.fill.fill import BRIDGE, REACH, UNITS, Fill, Reason, extent, fill_track
from jmpose_core.fill.track_frames import FloatArray, TrackFrames
from tests.builders.labelled_tracks import LEFT_ANKLE, NOSE, RIGHT_ANKLE, RIGHT_WRIST, labelled, track, true_joints

ANKLES = [RIGHT_ANKLE, LEFT_ANKLE]


def off(found: Fill, truth: FloatArray) -> FloatArray:
    """(N, 15) pixels between what is filled, or predicted, and the truth."""
    return np.linalg.norm(found.points - truth, axis=2)


def with_sides_exchanged(truth: FloatArray, frames: slice) -> FloatArray:
    predicted = truth.copy()
    predicted[frames, RIGHT_ANKLE], predicted[frames, LEFT_ANKLE] = (
        truth[frames, LEFT_ANKLE],
        truth[frames, RIGHT_ANKLE],
    )
    return predicted


def test_without_labels_nothing_is_filled() -> None:
    found = fill_track(track(true_joints(20)))
    assert not found.filled.any() and found.stops == ()


def test_one_label_sets_both_sides_right_where_they_were_exchanged() -> None:
    truth = true_joints(30)
    model = track(with_sides_exchanged(truth, slice(10, 20)))
    found = fill_track(labelled(model, 14, LEFT_ANKLE, truth[14, LEFT_ANKLE]))
    expected = np.zeros((30, 15), bool)
    expected[10:20, ANKLES] = True
    expected[14, LEFT_ANKLE] = False  # the label itself
    np.testing.assert_array_equal(found.filled, expected)
    assert (off(found, truth)[found.filled] < 1).all()


def test_one_label_frees_the_other_leg_where_both_were_on_one() -> None:
    truth = true_joints(30)
    predicted = truth.copy()
    predicted[10:20, LEFT_ANKLE] = truth[10:20, RIGHT_ANKLE]
    second = truth.copy()
    found = fill_track(labelled(track(predicted, second=second), 12, LEFT_ANKLE, truth[12, LEFT_ANKLE]))
    rows = [row for row in range(10, 20) if row != 12]
    assert (off(found, truth)[rows][:, ANKLES] < 1).all()
    assert found.filled[rows, LEFT_ANKLE].all() and not found.filled[:, RIGHT_ANKLE].any()


def test_legs_behind_one_another_stay_there_when_one_that_was_astray_is_corrected() -> None:
    truth = true_joints(30)
    truth[10:20, LEFT_ANKLE] = truth[10:20, RIGHT_ANKLE] + [3.0, 0.0]
    predicted = truth.copy()
    predicted[14:17, LEFT_ANKLE] = truth[14:17, RIGHT_ANKLE] + [80.0, -10.0]
    found = fill_track(labelled(track(predicted), 15, LEFT_ANKLE, truth[15, LEFT_ANKLE]))
    assert (off(found, truth)[[14, 16], LEFT_ANKLE] < 4).all() and found.filled[[14, 16], LEFT_ANKLE].all()
    assert not found.filled[:, RIGHT_ANKLE].any()


def test_a_label_is_carried_along_the_flow_where_the_model_saw_nothing() -> None:
    truth = true_joints(30)
    predicted = truth.copy()
    predicted[10:20, RIGHT_WRIST] = truth[10:20, RIGHT_WRIST] + [60.0, 80.0]
    model = track(predicted)
    model.evidence.peaks[10:20, RIGHT_WRIST, 0, 2] = 0.05
    found = fill_track(labelled(model, 14, RIGHT_WRIST, truth[14, RIGHT_WRIST]))
    rows = [row for row in range(10, 20) if row != 14]
    assert found.filled[rows, RIGHT_WRIST].all() and (off(found, truth)[rows, RIGHT_WRIST] < 1.5).all()
    assert not found.filled[:10].any() and not found.filled[20:].any()


def test_a_small_miss_fades_with_the_distance_and_two_labels_bridge_it() -> None:
    truth = true_joints(41)
    model = track(truth + np.array([8.0, 0.0]))
    one = labelled(model, 10, NOSE, truth[10, NOSE])
    miss = off(fill_track(one), truth)[:, NOSE]
    assert miss[11] < miss[12] < miss[14] <= 8
    assert (miss[20:] == 8).all()
    two = fill_track(labelled(one, 14, NOSE, truth[14, NOSE]))
    assert off(two, truth)[12, NOSE] < miss[12]


def lost_wrist(truth: FloatArray) -> TrackFrames:
    """The model sees no right wrist anywhere and puts it far off."""
    predicted = truth.copy()
    predicted[:, RIGHT_WRIST] += [60.0, 80.0]
    model = track(predicted)
    model.evidence.peaks[:, RIGHT_WRIST, 0, 2] = 0.05
    return model


def test_a_label_reaches_so_far_and_says_where_it_ends() -> None:
    truth = true_joints(120)
    found = fill_track(labelled(lost_wrist(truth), 60, RIGHT_WRIST, truth[60, RIGHT_WRIST]))
    reached = [row for row in range(60 - REACH, 60 + REACH + 1) if row != 60]
    assert np.flatnonzero(found.filled[:, RIGHT_WRIST]).tolist() == reached
    assert {(stop.last_frame, stop.reason) for stop in found.stops} == {
        (60 - REACH, Reason.REACH),
        (60 + REACH, Reason.REACH),
    }


def test_frames_without_the_person_are_not_crossed() -> None:
    truth = true_joints(120)
    model = lost_wrist(truth)
    gap = np.arange(120) + np.where(np.arange(120) >= 70, 5, 0)
    found = fill_track(labelled(replace(model, frame_index=gap), 60, RIGHT_WRIST, truth[60, RIGHT_WRIST]))
    assert not found.filled[70:].any() and found.filled[61:70, RIGHT_WRIST].all()
    assert (69, Reason.ABSENT) in {(stop.last_frame, stop.reason) for stop in found.stops}


def test_it_stops_where_the_model_is_sure_of_something_else_and_says_so() -> None:
    truth = true_joints(40)
    predicted = truth.copy()
    predicted[10:20, RIGHT_WRIST] += [70.0, 70.0]
    model = track(predicted, second=truth)
    found = fill_track(labelled(model, 15, RIGHT_WRIST, truth[15, RIGHT_WRIST]))
    assert {(stop.last_frame, stop.reason) for stop in found.stops} == {
        (10, Reason.MODEL_IS_SURE),
        (19, Reason.MODEL_IS_SURE),
    }


@st.composite
def labelled_track(draw: st.DrawFn) -> TrackFrames:
    """A model that errs here and there, with some labels."""
    count = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    truth = true_joints(count)
    predicted = with_sides_exchanged(truth, slice(*sorted(rng.integers(0, count + 1, 2).tolist())))
    predicted = predicted + rng.normal(0, 4, predicted.shape)
    found = track(predicted, second=truth + rng.normal(0, 20, truth.shape))
    for _ in range(draw(st.integers(1, 6))):
        row, joint = int(rng.integers(count)), int(rng.integers(15))
        found = labelled(found, row, joint, truth[row, joint] + rng.normal(0, 2, 2))
    return found


@settings(deadline=None, max_examples=40)
@given(labelled_track())
def test_labels_never_move_and_what_is_not_filled_is_predicted(given_: TrackFrames) -> None:
    found = fill_track(given_)
    assert not (found.filled & given_.labelled).any()
    np.testing.assert_array_equal(found.points[~found.filled], given_.predicted[~found.filled])
    sure = found.confidence[found.filled]
    assert ((sure > 0) & (sure < 1)).all() and not found.confidence[~found.filled].any()


@settings(deadline=None, max_examples=40)
@given(labelled_track(), st.data())
def test_only_the_extent_of_a_label_hangs_on_it(given_: TrackFrames, data: st.DataObject) -> None:
    """Taking a label away changes nothing outside of its extent, and what is inside follows from there alone."""
    row, joint = data.draw(st.sampled_from(np.argwhere(given_.labelled).tolist()))
    mask = given_.labelled.copy()
    mask[row, joint] = False
    without = replace(given_, labelled=mask)
    unit = next(unit for unit in UNITS if joint in unit)
    first, last = extent(unit, {r: mask[r] for r in range(len(mask))}, row, row + 1)
    first, last = max(first, 0), min(last, len(mask))
    before, after = fill_track(given_, (unit,)), fill_track(without, (unit,))
    outside = np.r_[0:first, last : len(mask)].astype(int)
    np.testing.assert_array_equal(before.points[outside], after.points[outside])
    inside = fill_track(without.part(first, last), (unit,))
    np.testing.assert_array_equal(inside.points, after.points[first:last])
    np.testing.assert_array_equal(inside.filled, after.filled[first:last])


@pytest.mark.parametrize(("gap", "bridged"), [(BRIDGE, True), (BRIDGE + 1, False)])
def test_two_labels_are_a_bridge_so_far(gap: int, bridged: bool) -> None:
    truth = true_joints(gap + 1)
    model = track(with_sides_exchanged(truth, slice(0, gap + 1)))
    both = labelled(model, 0, LEFT_ANKLE, truth[0, LEFT_ANKLE])
    found = fill_track(labelled(both, gap, LEFT_ANKLE, truth[gap, LEFT_ANKLE]))
    assert found.filled[gap // 2, RIGHT_ANKLE] == bridged

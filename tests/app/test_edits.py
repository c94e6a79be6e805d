"""What each correction does, and what it leaves alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.picture.gestures import DragJoint, DragPerson, DrawBox
from app.session import edits
from jmpose_core.annotations import Origin, Visibility
from jmpose_core.skeleton import JOINTS, NUM_JOINTS
from tests.builders.stand_in_engine import figure

coordinate = st.floats(-500, 3000)
point = st.tuples(coordinate, coordinate)


@given(st.integers(0, NUM_JOINTS - 1), point)
def test_moving_a_joint_moves_that_joint_only(joint: int, xy: tuple[float, float]) -> None:
    before = figure(0, 1)
    after = edits.with_joint_moved(before, joint, xy)
    assert tuple(after.keypoints[joint]) == xy
    others = np.arange(NUM_JOINTS) != joint
    assert np.array_equal(after.keypoints[others], before.keypoints[others])
    assert np.flatnonzero(after.touched).tolist() == [joint]
    left, top, right, bottom = after.bbox_xyxy
    assert left <= xy[0] <= right and top <= xy[1] <= bottom


@given(st.sampled_from([None, *range(NUM_JOINTS)]))
def test_swapping_sides_goes_outward_and_back(joint: int | None) -> None:
    before = figure(0, 1)
    once = edits.with_sides_swapped(before, joint)
    assert np.array_equal(edits.with_sides_swapped(once, joint).keypoints, before.keypoints)
    moved = set(np.flatnonzero((once.keypoints != before.keypoints).any(axis=1)).tolist())
    legs = {"hip": {2, 3, 1, 4, 0, 5}, "knee": {1, 4, 0, 5}, "ankle": {0, 5}}
    arms = {"shoulder": {8, 9, 7, 10, 6, 11}, "elbow": {7, 10, 6, 11}, "wrist": {6, 11}}
    part = JOINTS[joint].split("_")[-1] if joint is not None else ""
    assert moved == (legs | arms).get(part, set(range(12)))
    assert moved <= set(np.flatnonzero(once.touched).tolist())


def test_moving_an_absent_joint_makes_it_visible() -> None:
    absent = edits.with_visibility_toggled(figure(0, 1), 4, Visibility.ABSENT)
    assert absent.visibility[4] == Visibility.ABSENT
    assert edits.with_joint_moved(absent, 4, (1.0, 2.0)).visibility[4] == Visibility.VISIBLE


def test_toggling_twice_is_visible_again_where_it_was() -> None:
    once = edits.with_visibility_toggled(figure(0, 1), 4, Visibility.OCCLUDED)
    twice = edits.with_visibility_toggled(once, 4, Visibility.OCCLUDED)
    assert twice.visibility[4] == Visibility.VISIBLE
    assert np.array_equal(twice.keypoints, figure(0, 1).keypoints)


def test_verifying_keeps_corrections_apart() -> None:
    person = edits.verified(edits.with_joint_moved(figure(0, 1), 2, (5.0, 5.0)))
    assert person.origin[2] == Origin.CORRECTED
    assert np.count_nonzero(person.origin == Origin.VERIFIED) == NUM_JOINTS - 1


@given(st.floats(-300, 300), st.floats(-300, 300))
def test_moving_a_person_moves_box_and_joints_alike(dx: float, dy: float) -> None:
    before = figure(0, 1)
    after = edits.moved_by(before, dx, dy)
    assert np.allclose(after.keypoints - before.keypoints, [dx, dy])
    assert np.allclose(np.array(after.bbox_xyxy) - np.array(before.bbox_xyxy), [dx, dy, dx, dy])


def test_a_new_person_has_a_place_for_each_joint_and_none_yet() -> None:
    person = edits.new_person(3, 9, (10.0, 20.0, 110.0, 320.0))
    assert (person.visibility == Visibility.ABSENT).all()
    assert (person.origin == Origin.NONE).all()
    assert (person.keypoints >= [10, 20]).all() and (person.keypoints <= [110, 320]).all()


@given(point, point)
def test_a_box_has_its_corners_in_order_or_is_none(first: tuple[float, float], second: tuple[float, float]) -> None:
    box = edits.box_between(first, second)
    if box is not None:
        assert box[2] - box[0] >= edits.MIN_BOX_SIDE
        assert box[3] - box[1] >= edits.MIN_BOX_SIDE
    else:
        assert min(abs(first[0] - second[0]), abs(first[1] - second[1])) < edits.MIN_BOX_SIDE + 1e-9


def test_a_dragged_joint_keeps_its_distance_to_the_cursor() -> None:
    person = figure(0, 1)
    x, y = person.keypoints[0]
    gesture = DragJoint(person, (x + 3, y - 2), 0)
    gesture.follow((x + 3, y - 2))
    assert np.allclose(gesture.preview.keypoints, person.keypoints)
    gesture.follow((x + 13, y + 8))
    assert np.allclose(gesture.preview.keypoints[0], [x + 10, y + 10])
    assert gesture.text == "Move right ankle"


def test_gestures_preview_without_changing_the_person() -> None:
    person = figure(0, 1)
    gesture = DragPerson(person, (0.0, 0.0))
    for step in range(5):
        gesture.follow((step, step))
    assert np.allclose(gesture.preview.keypoints - person.keypoints, 4)
    assert person == figure(0, 1)
    box = DrawBox((0.0, 0.0))
    box.follow((1.0, 1.0))
    assert box.bbox_xyxy is None
    box.follow((50.0, -40.0))
    assert box.bbox_xyxy == (0.0, -40.0, 50.0, 0.0)

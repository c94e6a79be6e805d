"""What a click means, for people anywhere in a picture."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.picture.hit_test import BboxEdgeHit, BboxHit, JointHit, LimbHit, distances_to_segments, hit_test
from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.skeleton import LIMBS, NUM_JOINTS
from tests.builders.stand_in_engine import figure

coordinates = st.floats(-2000, 2000)


@st.composite
def people(draw: st.DrawFn) -> Annotation:
    points = draw(st.lists(st.tuples(coordinates, coordinates), min_size=NUM_JOINTS, max_size=NUM_JOINTS))
    codes = draw(st.lists(st.sampled_from(list(Visibility)), min_size=NUM_JOINTS, max_size=NUM_JOINTS))
    return Annotation(
        frame_index=0,
        track_id=draw(st.integers(1, 9)),
        bbox_xyxy=(0.0, 0.0, 1.0, 1.0),
        keypoints=np.array(points),
        visibility=np.array(codes, np.uint8),
    )


@given(people(), st.integers(0, NUM_JOINTS - 1))
def test_a_click_on_a_joint_hits_a_joint_there_unless_it_is_absent(person: Annotation, joint: int) -> None:
    x, y = person.keypoints[joint].tolist()
    hit = hit_test([person], (x, y), radius=2.0)
    if person.visibility[joint] == Visibility.ABSENT:
        assert hit != JointHit(person.track_id, joint)
    else:
        assert isinstance(hit, JointHit)
        assert np.hypot(*(person.keypoints[hit.joint] - person.keypoints[joint])) <= 2.0
        assert person.visibility[hit.joint] != Visibility.ABSENT


@given(people(), st.tuples(coordinates, coordinates))
def test_no_joint_or_limb_is_hit_from_beyond_the_radius(person: Annotation, xy: tuple[float, float]) -> None:
    hit = hit_test([person], xy, radius=5.0)
    if isinstance(hit, JointHit):
        assert np.hypot(*(person.keypoints[hit.joint] - np.array(xy))) <= 5.0
    if isinstance(hit, LimbHit):
        first, second = LIMBS[hit.limb]
        ends = person.keypoints[[first]], person.keypoints[[second]]
        assert distances_to_segments(np.array(xy), *ends)[0] <= 5.0


def test_where_joints_lie_on_one_another_the_selected_one_is_meant() -> None:
    def hit_beside(apart: float, *, selected_joint: int | None, at: float = 0.0) -> object:
        person = figure(0, 1)
        x, y = person.keypoints[0].tolist()
        person = person.with_joint(5, xy=(x + apart, y))
        return hit_test([person], (x + at, y), radius=6, selected=1, selected_joint=selected_joint)

    assert hit_beside(2, selected_joint=None) == JointHit(1, 0)
    assert hit_beside(2, selected_joint=5) == JointHit(1, 5)
    assert hit_beside(4, selected_joint=5) == JointHit(1, 0)  # the other is nearer by more than half a radius
    assert hit_beside(0, selected_joint=5, at=6.5) != JointHit(1, 5)  # out of the hand's reach


def test_order_joint_limb_edge_inside() -> None:
    person = figure(0, 1)
    left, top, right, bottom = person.bbox_xyxy
    assert hit_test([person], tuple(person.keypoints[4] + 3), radius=6) == JointHit(1, 4)
    middle = (person.keypoints[0] + person.keypoints[1]) / 2
    assert hit_test([person], tuple(middle), radius=6) == LimbHit(1, LIMBS.index((1, 0)))
    assert hit_test([person], (left + 2, (top + bottom) / 2 + 90), radius=6) == BboxEdgeHit(1)
    assert hit_test([person], (left + 12, bottom - 30), radius=6) == BboxHit(1)
    assert hit_test([person], (left - 50, top), radius=6) is None
    assert hit_test([], (0, 0), radius=6) is None
    assert right > left


def test_the_selected_person_wins_where_two_overlap() -> None:
    one, other = figure(0, 1), figure(3, 1)
    other = Annotation(0, 2, other.bbox_xyxy, other.keypoints, other.visibility, other.confidence, other.origin)
    xy = tuple(one.keypoints[7])
    assert hit_test([one, other], xy, radius=6) == JointHit(1, 7)
    assert hit_test([one, other], xy, radius=6, selected=2) == JointHit(2, 7)


def test_distances_to_segments_of_no_length() -> None:
    points = np.array([[3.0, 4.0]])
    assert distances_to_segments(np.zeros(2), points, points).tolist() == [5.0]

from dataclasses import replace

import numpy as np
import pytest

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.skeleton import FLIP, JOINT_INDEX, JOINTS, LIMBS, POSETRACK18_SLOTS, SLOT_OF_JOINT


def person():
    return Annotation(3, 1, (0.0, 0.0, 10.0, 20.0), keypoints=np.arange(30.0).reshape(15, 2))


def test_moving_a_joint_leaves_the_original_alone():
    before = person()
    after = before.with_joint(4, xy=(1.5, 2.5), visibility=Visibility.OCCLUDED)
    assert tuple(after.keypoints[4]) == (1.5, 2.5)
    assert after.visibility[4] == Visibility.OCCLUDED
    assert after.origin[4] == Origin.CORRECTED
    assert after.touched.sum() == 1
    assert before == person()
    assert before != after


def test_arrays_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="read-only"):
        person().keypoints[0] = 1


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"keypoints: shape \(17, 2\)"):
        replace(person(), keypoints=np.zeros((17, 2)))


def test_swapping_sides_twice_gives_the_same_places():
    mirrored = person().mirrored_sides()
    np.testing.assert_array_equal(mirrored.keypoints[JOINT_INDEX["left_knee"]], person().keypoints[1])
    np.testing.assert_array_equal(mirrored.mirrored_sides().keypoints, person().keypoints)


def test_skeleton_is_consistent():
    assert [FLIP[FLIP[joint]] for joint in range(15)] == list(range(15))
    assert sum(FLIP[joint] == joint for joint in range(15)) == 3  # neck, nose, head top
    assert SLOT_OF_JOINT == (16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9, 1, 0, 2)  # docs/posetrack.md
    assert [POSETRACK18_SLOTS[slot] for slot in SLOT_OF_JOINT] == list(JOINTS)
    assert {joint for limb in LIMBS for joint in limb} == set(range(15))

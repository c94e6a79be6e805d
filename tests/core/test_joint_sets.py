import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.formats.joint_sets import COCO17, COCO_SIGMAS, JOINT_SETS, convert_keypoints, our_names
from jmpose_core.skeleton import JOINTS, POSETRACK18_SLOTS

SHARED = tuple(name for name in COCO17 if name in JOINTS)


def numbered(names):
    """Joint i at (i + 1, 10 i + 1), visible."""
    return np.array([(index + 1.0, 10.0 * index + 1, 1.0) for index in range(len(names))])


def test_13_joints_are_shared_with_coco():
    assert len(SHARED) == 13
    assert len(COCO17) == len(COCO_SIGMAS) == 17


def test_joints_go_by_name_and_nothing_is_made_up_unasked():
    result = convert_keypoints(numbered(COCO17), COCO17, JOINTS)
    for name in SHARED:
        assert result.keypoints[JOINTS.index(name), 0] == COCO17.index(name) + 1
    assert not result.keypoints[JOINTS.index("head_top")].any()
    assert result.synthesised == ()
    assert result.dropped == ("left_eye", "right_eye", "left_ear", "right_ear")


def test_the_heads_ends_are_derived_from_shoulders_and_nose():
    points = np.zeros((17, 4))
    points[COCO17.index("nose")] = (52, 20, 1, 0.9)
    points[COCO17.index("left_shoulder")] = (60, 40, 1, 0.5)
    points[COCO17.index("right_shoulder")] = (40, 44, 1, 0.7)
    result = convert_keypoints(points, COCO17, JOINTS, synthesise=True)
    assert result.keypoints[JOINTS.index("head_bottom")] == pytest.approx([50, 42, 1, 0.6])
    assert result.keypoints[JOINTS.index("head_top")] == pytest.approx([54, -2, 1, 0.6])
    assert set(result.synthesised) == {"head_bottom", "head_top"}


def test_without_both_shoulders_nothing_is_derived():
    points = numbered(COCO17)
    points[COCO17.index("left_shoulder")] = 0
    result = convert_keypoints(points, COCO17, JOINTS, synthesise=True)
    assert result.synthesised == ()


def test_a_neck_is_a_head_bottom():
    result = convert_keypoints(numbered(["neck", "top_head"]), ["neck", "top_head"], JOINTS)
    assert result.keypoints[JOINTS.index("head_bottom"), 0] == 1
    assert result.keypoints[JOINTS.index("head_top"), 0] == 2


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(list(JOINT_SETS.values())), st.lists(st.booleans(), min_size=17, max_size=17))
def test_there_and_back_keeps_what_both_sets_have(target, present):
    points = numbered(POSETRACK18_SLOTS) * np.array(present)[:, None]
    there = convert_keypoints(points, POSETRACK18_SLOTS, target)
    back = convert_keypoints(there.keypoints, target, POSETRACK18_SLOTS)
    for slot, name in enumerate(POSETRACK18_SLOTS):
        expected = points[slot] if name in target else np.zeros(3)
        assert np.array_equal(back.keypoints[slot], expected)
    assert set(there.dropped) == {
        name for slot, name in enumerate(POSETRACK18_SLOTS) if present[slot] and name not in target
    }


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("Right Shoulder", "right_shoulder"),
        ("rightShoulder", "right_shoulder"),
        ("RightShoulder", "right_shoulder"),
        ("RShoulder", "right_shoulder"),
        ("r_shoulder", "right_shoulder"),
        ("shoulder.R", "right_shoulder"),
        ("SHOULDER_RIGHT", "right_shoulder"),
        ("left-hip", "left_hip"),
        ("L HIP", "left_hip"),
        ("leftEar", "left_ear"),
        ("Neck", "head_bottom"),
        ("upper neck", "head_bottom"),
        ("Top Head", "head_top"),
        ("headTop", "head_top"),
        ("Nose", "nose"),
        ("1", "1"),
        ("pelvis", "pelvis"),
        ("left_hand", "left_hand"),
        ("Left Shoulder 2", "Left Shoulder 2"),
    ],
)
def test_other_spellings_of_a_joint_are_known(name: str, ours: str) -> None:
    assert our_names([name]) == (ours,)


def test_of_two_names_for_one_joint_the_programs_own_or_the_first_counts() -> None:
    assert our_names(["neck", "head_bottom"]) == ("neck", "head_bottom")
    assert our_names(["upper_neck", "Neck"]) == ("head_bottom", "Neck")


@given(st.permutations([*JOINTS, *COCO17]))
def test_the_programs_own_names_are_left_alone(names: list[str]) -> None:
    assert our_names(names) == tuple(names)

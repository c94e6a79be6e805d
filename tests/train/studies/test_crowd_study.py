"""The crowd study's own arithmetic: who is in a crowd, which joint is a neighbour's, and what an interval is over."""

from pathlib import Path

import numpy as np
import pytest

from jmpose_core.skeleton import JOINT_INDEX
from train.studies.crowd_sets import LIMBS, CrowdClip, coco, covered, synthetic
from train.studies.crowds import Judged, figures, judged

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
WRIST, NOSE = JOINT_INDEX["left_wrist"], JOINT_INDEX["nose"]


def two_people() -> CrowdClip:
    """Person 0 at x = 0, person 1 at x = 100; every limb joint counts, one pixel is a hundredth of their size."""
    keypoints = np.zeros((1, 2, 15, 2))
    keypoints[0, 1, :, 0] = 100
    counted = np.zeros((1, 2, 15), bool)
    counted[..., list(LIMBS)] = True
    return CrowdClip(
        name="two",
        frames=(np.zeros((8, 8, 3), np.uint8),),
        boxes=np.array([[[0, 0, 10, 10], [5, 0, 15, 10.0]]]),
        keypoints=keypoints,
        labelled=np.ones((1, 2, 15), bool),
        counted=counted,
        sizes=np.full((1, 2), 100.0),
        threshold=0.2,
    )


def test_a_box_is_covered_by_as_much_as_the_largest_other_box_hides_of_it() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [4, 0, 10, 10], [100, 0, 110, 10.0]])
    np.testing.assert_allclose(covered(boxes), [0.6, 0.5, 1.0, 0.0])


def test_a_joint_at_the_neighbours_is_wrong_and_a_neighbours_and_one_off_to_the_side_is_only_wrong() -> None:
    clip = two_people()
    poses = clip.keypoints.copy()
    poses[0, 0, WRIST] = (95, 0)
    poses[0, 1, WRIST] = (100, 30)
    poses[0, 1, NOSE] = (0, 0)  # not one of the twelve
    assert list(judged(clip, poses)) == [Judged(12, 11, 1), Judged(12, 11, 0)]


def test_a_person_who_was_not_found_has_no_right_joint_and_none_of_a_neighbours() -> None:
    clip = two_people()
    assert list(judged(clip, np.full_like(clip.keypoints, np.nan))) == [Judged(12, 0, 0)] * 2


def test_an_unlabelled_joint_of_a_neighbour_takes_nothing() -> None:
    clip = two_people()
    clip.labelled[0, 1, WRIST] = False
    poses = clip.keypoints.copy()
    poses[0, 0, WRIST] = (95, 0)
    assert next(judged(clip, poses)) == Judged(12, 11, 0)


def test_people_weigh_by_their_joints_and_the_interval_holds_the_figure() -> None:
    people = [Judged(10, 9, 1), Judged(2, 0, 2)] * 20
    of = figures(people)
    assert of["accuracy"] == pytest.approx(75)
    assert of["a neighbour's"] == pytest.approx(25)
    assert of["accuracy, from"] < 75 < of["accuracy, to"]


needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")


@needs_data
def test_synthetic_crowds_move_and_count_only_what_can_be_seen() -> None:
    first, again = next(synthetic(DATA, clips=1)), next(synthetic(DATA, clips=1))
    np.testing.assert_array_equal(first.frames[0], again.frames[0])
    assert len(first.frames) == 5
    assert np.abs(np.diff(first.keypoints, axis=0)).max() > 0
    assert (first.labelled | ~first.counted).all()
    assert first.counted.sum() < first.labelled.sum()


@needs_data
def test_cocos_crowds_are_held_out() -> None:
    names = [clip.name.split() for clip in coco(DATA)]
    assert {source for source, _ in names} == {"coco", "coco2"}
    assert all(int(number) % 5 == 0 for _, number in names)

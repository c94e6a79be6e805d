import cv2
import numpy as np
import pytest

from jmpose_core.skeleton import JOINT_INDEX, NUM_JOINTS
from train.people.poses import LabelledPerson
from train.studies.against_teachers import SHARED, accuracy, clips_of


def _person(image_id: int, shift: float) -> LabelledPerson:
    png = cv2.imencode(".png", np.zeros((60, 80, 3), np.uint8))[1].tobytes()
    keypoints = np.random.default_rng(0).uniform(5, 50, (NUM_JOINTS, 2)).astype(np.float32) + shift
    return LabelledPerson("coco", image_id, png, (0.0, 0.0, 60.0, 60.0), keypoints, np.ones(NUM_JOINTS, np.float32))


@pytest.fixture
def clips():
    return list(clips_of([_person(5, 0), _person(5, 10), _person(10, 3)]))


def test_people_of_one_picture_are_judged_together(clips):
    assert [clip.boxes.shape for clip in clips] == [(1, 2, 4), (1, 1, 4)]
    assert clips[0].name == "coco 5" and clips[0].frames[0].shape == (60, 80, 3)


def test_only_the_named_joints_count_and_a_missed_one_is_wrong(clips):
    poses = [clip.keypoints.copy() for clip in clips]
    assert accuracy(clips, poses, range(NUM_JOINTS)) == 100
    poses[0][0, 0, JOINT_INDEX["head_top"]] = np.nan
    assert accuracy(clips, poses, SHARED) == 100
    assert accuracy(clips, poses, range(NUM_JOINTS)) == pytest.approx(100 * 44 / 45)
    poses[1][0, 0, JOINT_INDEX["left_knee"]] += 500
    assert accuracy(clips, poses, SHARED) == pytest.approx(100 * (3 * len(SHARED) - 1) / (3 * len(SHARED)))

import numpy as np
import pytest

from jmpose_core.tracking import Detections, Tracker
from tests.builders.walks import seen, walker

FRAMES = range(50)


def test_ids_stay_through_a_crossing():
    people = [walker(180, 4, FRAMES), walker(420, -4, FRAMES, height=150)]
    tracker = Tracker()
    for f, found in seen(people, FRAMES).items():
        by_id = {t.track_id: t.bbox_xyxy for t in tracker.update(f, found.bboxes_xyxy, found.scores)}
        for track_id, person in enumerate(people):
            np.testing.assert_array_equal(by_id[track_id], person[f])


def test_person_hidden_for_a_second_keeps_the_id():
    person = walker(100, 3, FRAMES)
    tracker = Tracker()
    ids = set()
    for f, found in seen([person], FRAMES).items():
        chosen = found if not 10 <= f < 40 else Detections.none()
        ids |= {t.track_id for t in tracker.update(f, chosen.bboxes_xyxy, chosen.scores)}
    assert ids == {0}


def test_pose_tells_apart_people_in_one_box():
    rng = np.random.default_rng(0)
    boxes = np.array([[100.0, 100, 200, 300], [104.0, 100, 204, 300]])
    poses = np.concatenate([rng.uniform(100, 300, (2, 15, 2)), np.ones((2, 15, 1))], axis=2)
    tracker = Tracker()
    tracker.update(0, boxes, np.array([0.9, 0.9]), poses)
    swapped = tracker.update(1, boxes[::-1], np.array([0.9, 0.9]), poses)
    np.testing.assert_array_equal(swapped[0].bbox_xyxy, boxes[1])


def test_frames_out_of_order_are_refused():
    tracker = Tracker()
    tracker.update(5, np.array([[0.0, 0, 10, 10]]), np.array([0.9]))
    with pytest.raises(ValueError, match="frame 5"):
        tracker.update(5, np.array([[0.0, 0, 10, 10]]), np.array([0.9]))


def test_arrays_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="bboxes_xyxy"):
        Detections(np.zeros((2, 4)), np.zeros(3))
    with pytest.raises(ValueError, match="appearance"):
        Detections(np.zeros((2, 4)), np.zeros(2), appearance=np.zeros((1, 8)))

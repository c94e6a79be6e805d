import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.engine.confirmation import EVERY, confirmed, doubted, people_among, to_look_at
from jmpose_core.tracking import Detections

FRAMES = range(41)
BODY = np.column_stack([np.linspace(-20, 20, 15), np.linspace(-90, 90, 15)])


def boxes(x, frames=FRAMES):
    return dict.fromkeys(frames, (x - 40.0, 100.0, x + 40.0, 300.0))


def look(track_id, frame, x, confidence):
    return Annotation(
        frame, track_id, boxes(x)[0], keypoints=BODY + np.array([x, 200]), confidence=np.full(15, float(confidence))
    )


def seen():
    return {frame: Detections.none() for frame in FRAMES}


def kept(tracks, looks):
    return {frame: [box[0] for box in found.bboxes_xyxy] for frame, found in confirmed(tracks, looks, seen()).items()}


def test_looks_are_few_and_hold_both_ends():
    chosen = to_look_at({3: boxes(100, range(5, 30))})[3]
    assert {5, 29} <= set(chosen)
    assert len(chosen) <= 25 / EVERY + 2


def test_a_track_without_a_pose_goes_and_a_person_stays():
    tracks = {0: boxes(100), 1: boxes(500)}
    looks = [look(0, frame, 100, 0.6) for frame in FRAMES] + [look(1, frame, 500, 0.1) for frame in FRAMES]
    assert all(lefts == [60.0] for lefts in kept(tracks, looks).values())


def test_one_person_boxed_twice_is_kept_once_by_the_surer_pose():
    tracks = {0: boxes(100), 1: boxes(110)}
    looks = [look(0, frame, 100, 0.4) for frame in FRAMES] + [look(1, frame, 100, 0.7) for frame in FRAMES]
    assert all(lefts == [70.0] for lefts in kept(tracks, looks).values())


def test_two_people_side_by_side_both_stay():
    tracks = {0: boxes(100), 1: boxes(160)}
    looks = [look(0, frame, 100, 0.5) for frame in FRAMES] + [look(1, frame, 160, 0.5) for frame in FRAMES]
    assert all(lefts == [60.0, 120.0] for lefts in kept(tracks, looks).values())


def test_a_track_that_begins_on_a_tree_loses_its_beginning():
    looks = [look(0, frame, 100, 0.1 if frame < 20 else 0.6) for frame in FRAMES]
    found = kept({0: boxes(100)}, looks)
    assert not found[10]
    assert found[30] == [60.0]
    assert abs(min(frame for frame, lefts in found.items() if lefts) - 20) <= EVERY


def test_a_pose_that_only_the_witness_sees_is_nobody():
    told = [look(0, 3, 100, 0.8), look(1, 3, 500, 0.9)]
    alone = [look(1, 3, 480, 0.2), look(0, 3, 90, 0.7)]
    (person,) = people_among(doubted(told, alone))
    assert person.track_id == 0
    assert person.confidence.max() == 0.7
    assert (person.keypoints == told[0].keypoints).all()

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.tracking import Detections, Seed, link
from tests.builders.walks import owners, seen, walker

FRAMES = range(60)


def without(person, gone):
    return {f: box for f, box in person.items() if f not in gone}


def test_perfect_detections_give_perfect_tracks():
    people = [walker(100, 3, FRAMES), walker(400, -1, FRAMES), walker(250, 0, range(20, 60), y=500)]
    tracks = link(seen(people, FRAMES))
    assert list(tracks) == [0, 1, 2]
    assert owners(people, tracks) == [{0}, {1}, {2}]
    for person, boxes in zip(people, tracks.values(), strict=True):
        assert boxes.keys() == person.keys()
        for f, box in person.items():
            np.testing.assert_allclose(boxes[f], box, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_order_of_detections_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    people = [walker(float(rng.uniform(0, 600)), float(rng.uniform(-5, 5)), FRAMES) for _ in range(4)]
    detections = {}
    shuffled = {}
    for f, found in seen(people, FRAMES).items():
        boxes = found.bboxes_xyxy + rng.normal(0, 2, (len(found), 4))
        detections[f] = Detections(boxes, np.round(rng.uniform(0.2, 1, len(found)), 1))
        shuffled[f] = detections[f].select(rng.permutation(len(found)))
    assert link(detections) == link(shuffled)


@settings(max_examples=40, deadline=None)
@given(speed=st.floats(-6, 6), hidden=st.integers(2, 55), height=st.floats(40, 400), first=st.integers(10, 20))
def test_occlusion_is_bridged(speed, hidden, height, first):
    frames = range(first + hidden + 20)
    person = walker(1000, speed, frames, height=height)
    tracks = link(seen([without(person, range(first, first + hidden))], frames))
    assert list(tracks) == [0]
    assert tracks[0].keys() == person.keys()  # steady motion: the way between is known
    for f in range(first, first + hidden):
        np.testing.assert_allclose(tracks[0][f], person[f], atol=1e-6)


def test_long_absence_is_another_track():
    person = without(walker(100, 2, range(200)), range(40, 120))
    assert len(link(seen([person], range(200)))) == 2


def test_gap_with_a_turn_in_it_is_not_filled_but_keeps_the_id():
    away = walker(300, 4, range(30))
    back = walker(656, -4, range(60, 90))
    tracks = link(seen([away | back], range(90)))
    assert list(tracks) == [0]
    assert not set(range(30, 60)) & tracks[0].keys()


@settings(max_examples=40, deadline=None)
@given(first=st.floats(1, 6), second=st.floats(-6, -1), noise=st.floats(0, 1.5), seed=st.integers(0, 1000))
def test_crossing_people_keep_their_ids(first, second, noise, seed):
    rng = np.random.default_rng(seed)
    people = [walker(300 - 30 * first, first, FRAMES), walker(300 - 30 * second, second, FRAMES, height=140)]
    noisy = [{f: box + rng.normal(0, noise, 4) for f, box in person.items()} for person in people]
    assert owners(people, link(seen(noisy, FRAMES))) == [{0}, {1}]


@pytest.mark.parametrize("hidden", [4, 12, 25])
def test_crossing_person_who_is_hidden_meanwhile_keeps_the_id(hidden):
    behind, front = walker(300 - 120, 4, FRAMES), walker(300 + 120, -4, FRAMES, height=140)
    visible = without(behind, range(30 - hidden // 2, 30 + (hidden + 1) // 2))
    assert owners([behind, front], link(seen([visible, front], FRAMES))) == [{0}, {1}]


def test_colours_tell_apart_people_who_meet_and_turn_back():
    red, blue = np.array([0.9, 0.05, 0.05]), np.array([0.05, 0.05, 0.9])
    detections = {}
    for f in range(80):
        offset = 20 + 4 * abs(f - 40)
        boxes = np.array([[300 - offset, 100, 340 - offset, 220], [300 + offset, 100, 340 + offset, 220]])
        shown = [0, 1] if not 30 <= f < 50 else []
        detections[f] = Detections(boxes[shown], np.full(len(shown), 0.9), appearance=np.stack([red, blue])[shown])
    tracks = link(detections)
    assert len(tracks) == 2
    assert tracks[0][0][0] < tracks[1][0][0]
    assert tracks[0][79][0] < tracks[1][79][0]


def test_short_unsure_ghosts_are_dropped_and_short_sure_people_kept():
    person = walker(100, 1, FRAMES)
    ghost, guest = walker(500, 0, range(10, 13)), walker(800, 0, range(30, 33))
    detections = seen([person], FRAMES)
    for f in range(10, 13):
        detections[f] = Detections(np.stack([person[f], ghost[f]]), np.array([0.9, 0.55]))
    for f in range(30, 33):
        detections[f] = Detections(np.stack([person[f], guest[f]]), np.array([0.9, 0.95]))
    tracks = link(detections)
    assert [len(boxes) for boxes in tracks.values()] == [60, 3]


def test_unsure_detections_continue_a_track_a_little_at_both_ends_but_start_none():
    detections = seen([walker(100, 2, FRAMES)], FRAMES, score=0.2)
    assert link(detections) == {}
    for f in range(20, 40):
        detections[f] = Detections(detections[f].bboxes_xyxy, np.array([0.9]))
    assert link(detections)[0].keys() == set(range(11, 49))


def test_something_rarely_sure_is_nobody():
    detections = seen([walker(100, 0, FRAMES)], FRAMES, score=0.4)
    for f in range(0, 60, 10):
        detections[f] = Detections(detections[f].bboxes_xyxy, np.array([0.55]))
    assert link(detections) == {}


def test_second_boxes_about_one_person_are_dropped_and_neighbours_kept():
    person, neighbour = walker(100, 2, FRAMES), walker(130, 2, FRAMES)
    detections = {}
    for f in FRAMES:
        upper_body = person[f] * 1.0
        upper_body[3] -= 55
        boxes = np.stack([person[f], upper_body, neighbour[f]])
        detections[f] = Detections(boxes, np.array([0.9, 0.7, 0.8]))
    tracks = link(detections)
    assert len(tracks) == 2
    assert owners([person, neighbour], tracks) == [{0}, {1}]


def test_jitter_is_smoothed():
    rng = np.random.default_rng(0)
    person = walker(100, 3, FRAMES)
    noisy = {f: box + rng.normal(0, 3, 4) for f, box in person.items()}
    boxes = link(seen([noisy], FRAMES))[0]
    error = np.mean([np.abs(np.array(boxes[f]) - person[f]).mean() for f in FRAMES])
    assert error < 0.75 * np.mean([np.abs(noisy[f] - person[f]).mean() for f in FRAMES])


def test_drawn_box_names_the_track_in_both_directions_and_stays_as_drawn():
    person = walker(100, 2, FRAMES)
    drawn = tuple(person[30] + [1, 2, 3, 4])
    tracks = link(seen([person], FRAMES), seeds=[Seed(30, 7, drawn)])
    assert list(tracks) == [7]
    assert tracks[7].keys() == person.keys()
    assert tracks[7][30] == drawn


def test_drawn_box_is_accepted_where_the_detector_sees_nobody():
    tracks = link({f: Detections.none() for f in FRAMES}, seeds=[(12, 3, (10, 20, 50, 120))])
    assert tracks == {3: {12: (10.0, 20.0, 50.0, 120.0)}}


def test_drawn_box_follows_unsure_detections_both_ways():
    person = walker(100, 2, FRAMES)
    tracks = link(seen([person], FRAMES, score=0.2), seeds=[(30, 5, tuple(person[30]))])
    assert tracks[5].keys() == person.keys()


def test_boxes_drawn_before_and_after_an_occlusion_make_one_track():
    frames = range(200)
    person = without(walker(100, 2, frames), range(40, 160))
    seeds = [(10, 2, tuple(person[10])), (180, 2, tuple(person[180]))]
    tracks = link(seen([person], frames), seeds=seeds)
    assert tracks.keys() == {2}
    assert {0, 10, 39, 160, 180, 199} <= tracks[2].keys()


def test_two_people_drawn_at_once_keep_their_names_through_a_crossing():
    people = [walker(180, 4, FRAMES), walker(420, -4, FRAMES, height=140)]
    seeds = [(30, 8, tuple(people[0][30] + 1)), (30, 9, tuple(people[1][30] - 1)), (5, 8, tuple(people[0][5]))]
    seeds.append((50, 9, tuple(people[1][50])))
    assert owners(people, link(seen(people, FRAMES), seeds=seeds)) == [{8}, {9}]


def test_other_tracks_pass_over_drawn_ids():
    people = [walker(100, 1, FRAMES), walker(500, 1, FRAMES)]
    tracks = link(seen(people, FRAMES), seeds=[(0, 0, tuple(people[1][0]))])
    assert owners(people, tracks) == [{1}, {0}]


def test_two_boxes_for_one_track_on_one_frame_are_refused():
    with pytest.raises(ValueError, match="frame 3: two boxes drawn for track 1"):
        link({}, seeds=[(3, 1, (0, 0, 9, 9)), (3, 1, (5, 5, 20, 20))])


def test_no_frames_no_tracks():
    assert link({}) == {}


@pytest.mark.parametrize("fps", [2.0, 0.2, 0.01])
def test_people_who_stay_keep_their_ids_in_a_time_lapse(fps):
    people = [walker(100, 0, FRAMES), walker(400, 0.5, FRAMES)]
    tracks = link(seen(people, FRAMES), fps=fps)
    assert owners(people, tracks) == [{0}, {1}]


@pytest.mark.parametrize("fps", [2.0, 0.2])
def test_a_person_missed_for_a_few_frames_of_a_time_lapse_keeps_the_id(fps):
    person = walker(300, 0, FRAMES)
    tracks = link(seen([without(person, {10, 30, 31, 32, 33})], FRAMES), fps=fps)
    assert list(tracks) == [0]
    assert tracks[0].keys() >= set(FRAMES) - {30, 31, 32, 33}


def test_unsure_detections_continue_a_person_in_a_time_lapse():
    person = walker(300, 0, FRAMES)
    detections = seen([person], FRAMES)
    for frame in (10, 11, 12):
        detections[frame] = Detections(detections[frame].bboxes_xyxy, np.array([0.3]))
    tracks = link(detections, fps=0.2)
    assert tracks[0].keys() == set(FRAMES)

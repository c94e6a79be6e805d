import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.tracking import link
from jmpose_core.tracking.handover import Handover, same_people
from tests.builders.walks import owners, seen, walker

FRAMES = range(90)
PARTS = [range(30), range(30, 60), range(60, 90)]
OVERLAP = 12


def followed(people, order, fps=10.0):
    """People of FRAMES, linked part by part."""
    detections = seen(people, FRAMES)
    handover = Handover()
    whole = {}
    for own in order:
        window = range(max(own.start - OVERLAP, 0), min(own.stop + OVERLAP, FRAMES.stop))
        named = handover.named(link({frame: detections[frame] for frame in window}, fps=fps), own)
        for track_id, boxes in named.items():
            mine = whole.setdefault(track_id, {})
            mine |= {frame: box for frame, box in boxes.items() if frame in own}
    return whole


orders = pytest.mark.parametrize("order", [PARTS, [PARTS[1], PARTS[2], PARTS[0]], PARTS[::-1]])


@orders
def test_people_keep_their_ids_in_whatever_order_the_parts_come(order):
    people = [walker(100, 3, FRAMES), walker(500, -1, FRAMES), walker(250, 0, range(25, 80), y=500)]
    tracks = followed(people, order)
    assert [len(ids) for ids in owners(people, tracks)] == [1, 1, 1]
    assert sorted(len(boxes) for boxes in tracks.values()) == [55, 90, 90]


@orders
@settings(max_examples=8, deadline=None)
@given(meet=st.integers(24, 36), first=st.floats(1, 6), second=st.floats(-6, -1))
def test_people_who_cross_at_a_border_keep_their_ids(order, meet, first, second):
    people = [walker(300 - meet * first, first, FRAMES), walker(300 - meet * second, second, FRAMES, height=140)]
    assert sorted(map(len, owners(people, followed(people, order)))) == [1, 1]


@orders
@settings(max_examples=12, deadline=None)
@given(first=st.integers(12, 58), hidden=st.integers(1, 18), speed=st.floats(-6, 6))
def test_an_occlusion_over_a_border_is_survived(order, first, hidden, speed):
    person = walker(1000, speed, FRAMES)
    visible = {frame: box for frame, box in person.items() if not first <= frame < first + hidden}
    assert [len(ids) for ids in owners([visible], followed([visible], order))] == [1]


def test_somebody_else_after_the_border_is_somebody_else():
    people = [walker(100, 0, range(30)), walker(600, 0, range(30, 90))]
    assert owners(people, followed(people, PARTS)) == [{0}, {1}]


def test_who_was_gone_for_long_is_somebody_new_and_no_id_is_used_again():
    people = [walker(100, 0, range(20)), walker(100, 0, range(62, 90)), walker(600, 0, FRAMES)]
    ids = [next(iter(mine)) for mine in owners(people, followed(people, PARTS))]
    assert len(set(ids)) == 3


def test_where_linkings_differ_the_frames_at_the_border_decide():
    """Two people swapped far from the border in one of the linkings go on from where they are at the border."""
    left, right = (dict.fromkeys(range(20), (x, 0.0, x + 40.0, 100.0)) for x in (0.0, 300.0))
    early, late = range(12), range(12, 20)
    known = {5: left, 6: right}
    swapped = {
        0: {f: right[f] for f in early} | {f: left[f] for f in late},
        1: {f: left[f] for f in early} | {f: right[f] for f in late},
    }
    assert same_people(known, swapped, border=18) == {0: 5, 1: 6}
    assert same_people(known, swapped, border=2) == {0: 6, 1: 5}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_two_people_never_get_one_id(seed):
    rng = np.random.default_rng(seed)

    def tracks(count):
        frames = [sorted(rng.choice(24, rng.integers(1, 24), replace=False).tolist()) for _ in range(count)]
        corners = rng.uniform(0, 60, (count, 24, 2))
        return {i: {f: (*corners[i, f], *(corners[i, f] + 80)) for f in own} for i, own in enumerate(frames)}

    known, new = tracks(4), tracks(6)
    matched = same_people(known, new, border=12)
    assert len(set(matched.values())) == len(matched)
    assert matched.keys() <= new.keys()
    assert set(matched.values()) <= known.keys()


def test_nobody_is_nobody():
    assert same_people({}, {}, border=0) == {}
    assert same_people({}, {1: {0: (0.0, 0.0, 1.0, 1.0)}}, border=0) == {}

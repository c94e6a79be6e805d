from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.engine.stretches import STRETCH_FRAMES, by_need, overlap_frames, stretches
from jmpose_core.estimation.pose_estimator import CHUNK_FRAMES

LONG = STRETCH_FRAMES * 3 // 2
firsts = st.integers(0, 2000)
lengths = st.integers(1, 3000)


@settings(deadline=None)
@given(firsts, lengths, st.floats(1, 240))
def test_stretches_share_out_the_range_in_pieces_of_a_like_size(first, length, fps):
    frames = range(first, first + length)
    plan = stretches(frames, fps=fps)
    assert [frame for stretch in plan for frame in stretch.own] == list(frames)
    assert all(len(stretch.own) <= LONG for stretch in plan)
    assert len(plan) == 1 or all(len(stretch.own) >= STRETCH_FRAMES // 4 for stretch in plan)
    for stretch in plan:
        assert stretch.window.start == max(first, stretch.own.start - overlap_frames(fps))
        assert stretch.window.stop == min(frames.stop, stretch.own.stop + overlap_frames(fps))


@settings(deadline=None)
@given(firsts, firsts, lengths)
def test_borders_do_not_depend_on_where_the_range_begins(first, other, length):
    stop = 6000
    borders, others = ({stretch.own.start for stretch in stretches(range(f, stop), fps=25)} for f in (first, other))
    both = range(max(first, other) + STRETCH_FRAMES // 2, stop)
    assert {border for border in borders if border in both} == {border for border in others if border in both}


@settings(deadline=None)
@given(firsts, lengths)
def test_no_chunk_of_poses_is_cut(first, length):
    assert all(s.own.start % CHUNK_FRAMES == 0 for s in stretches(range(first, first + length), fps=30)[1:])


@settings(deadline=None)
@given(firsts, st.integers(1, LONG))
def test_a_range_little_longer_than_a_stretch_is_one(first, length):
    assert [stretch.own for stretch in stretches(range(first, first + length), fps=30)] == [
        range(first, first + length)
    ]


@settings(deadline=None)
@given(st.integers(0, 3000), st.integers(1, 2000))
def test_frames_that_belong_together_are_not_parted(first, length):
    together = range(first, first + length)
    plan = stretches(range(3000), fps=30, together=together)
    assert sum(any(frame in stretch.own for frame in together if frame < 3000) for stretch in plan) <= 1


@settings(deadline=None)
@given(firsts, lengths, st.integers(-100, 6000))
def test_the_visible_frame_comes_first_and_the_done_frames_are_always_one_run(first, length, visible_frame):
    plan = stretches(range(first, first + length), fps=30)
    ordered = list(by_need(plan, lambda: visible_frame))
    assert sorted(ordered, key=lambda stretch: stretch.own.start) == plan
    nearest = min(max(visible_frame, first), first + length - 1)
    assert nearest in ordered[0].own
    done = ordered[0].own
    for stretch in ordered[1:]:
        assert stretch.own.start == done.stop or stretch.own.stop == done.start
        done = range(min(done.start, stretch.own.start), max(done.stop, stretch.own.stop))


def test_nothing_asked_for_is_nothing_to_do():
    assert list(by_need(stretches(range(5, 5), fps=30), lambda: 3)) == []

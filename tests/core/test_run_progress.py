"""One bar over stages that take turns and cost different times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core.engine import run_progress
from jmpose_core.engine.run_progress import RunProgress


class Clock:
    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(run_progress, "time", clock)
    return clock


def test_time_left_counts_every_stage_at_its_own_cost(clock):
    told = []
    progress = RunProgress({"search": 0.1, "poses": 1.0}, 100, told.append)
    for stretch in range(2):
        for stage, secs in (("search", 0.1), ("poses", 1.0)):
            tell = progress.part(stage, 50)
            for frame in range(50):
                clock.now += secs
                tell(frame + 1, 50)
                expected = 110 - clock.now
                assert told[-1].seconds_left == pytest.approx(expected), (stretch, stage, frame)
                assert told[-1].done == pytest.approx(clock.now / 110 * 100, abs=1.001)
    assert told[-1].done == 100


def test_a_stage_that_is_slower_than_expected_is_believed_after_two_seconds(clock):
    told = []
    tell = RunProgress({"poses": 0.1}, 100, told.append).part("poses", 100)
    for frame in range(10):
        clock.now += 1.0
        tell(frame + 1, 100)
    assert told[-1].seconds_left == pytest.approx(90.0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 10), st.integers(1, 20)), max_size=30))
def test_the_bar_never_goes_back_and_ends_only_with_the_work(turns):
    told = []
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_progress, "time", clock)
        progress = RunProgress({"a": 0.1, "b": 1.0, "c": 0.01}, 1000, told.append)
        for stage, secs, frames in turns:
            tell = progress.part(stage, frames)
            clock.now += secs
            tell(1, 1)
    counts = [entry.done for entry in told]
    assert counts == sorted(counts)
    assert all(count < 1000 for count in counts)

"""Frame times where timestamps repeat, are missing, begin again, or are coarser than the frames."""

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core.video import open_video
from jmpose_core.video.frame_times import NO_STAMP, frame_times
from jmpose_core.video.gif import with_delays
from tests.builders.numbered_clips import numbers, write_clip


def times_of(stamps, *, secs_per_unit=0.001, declared_fps=25.0):
    array = np.array(stamps, np.int64)
    return frame_times(array, array, np.arange(array.size), secs_per_unit=secs_per_unit, declared_fps=declared_fps)


def test_one_repeated_timestamp_leaves_all_other_times_as_they_are():
    times, fps = times_of([0, 40, 80, 80, 1000, 1040])
    np.testing.assert_allclose(times, [0, 0.04, 0.08, 0.08 + 1 / fps, 1.0, 1.04])


def test_frames_faster_than_the_timestamps_are_spread_between_them():
    stamps = [frame * 2 // 5 for frame in range(60)]  # 2,500 frames a second in whole milliseconds
    times, fps = times_of(stamps, declared_fps=2500.0)
    assert fps == 2500.0
    np.testing.assert_allclose(times, np.arange(60) / 2500, atol=0.001)
    assert (np.diff(times) > 0).all()


def test_a_pause_stays_a_pause():
    times, fps = times_of([0, 40, 80, 60_000, 60_040])
    np.testing.assert_allclose(times, [0, 0.04, 0.08, 60, 60.04])
    assert fps == 25.0  # the rate is that of the recording, not of the pause


def test_a_time_lapse_has_its_own_rate():
    times, fps = times_of(range(0, 80_000, 5000), declared_fps=0.2)
    assert (fps, times[-1]) == (0.2, 75.0)


def test_a_missing_timestamp_is_taken_from_its_neighbours():
    times, _ = times_of([0, 40, NO_STAMP, 120, 160])
    np.testing.assert_allclose(times, [0, 0.04, 0.08, 0.12, 0.16])


def test_timestamps_that_begin_again_go_on_after_the_end():
    times, _ = times_of([*range(0, 2000, 40), *range(0, 2000, 40)])
    np.testing.assert_allclose(times, np.arange(100) * 0.04, atol=1e-9)


def test_no_timestamps_at_all_give_even_times():
    times, fps = times_of([NO_STAMP] * 5, declared_fps=0.0)
    assert fps == 25.0
    np.testing.assert_allclose(times, np.arange(5) / 25)


@given(st.lists(st.one_of(st.just(NO_STAMP), st.integers(-(10**9), 10**9)), min_size=1, max_size=60))
def test_times_never_go_back_and_start_at_zero(stamps):
    times, fps = times_of(stamps)
    assert times[0] == 0
    assert (np.diff(times) >= 0).all()
    assert 0 < fps < np.inf


def test_2500_frames_a_second_in_matroska(tmp_path):
    write_clip(tmp_path / "fast.mkv", range(60), rate=2500, options={"bf": "0"})
    with open_video(tmp_path / "fast.mkv") as video:
        assert numbers(video.frames()) == list(range(60))
        assert video.fps == pytest.approx(2500, rel=0.05)
        assert video.times[-1] == pytest.approx(59 / 2500, abs=0.001)


def plain_gif(tmp_path, count: int) -> bytes:
    """A GIF of eight bits a pixel without one Graphic Control Extension."""
    path = tmp_path / "made.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray"
        for number in range(count):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64), 20 * number, np.uint8), format="gray")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    content = path.read_bytes()
    while (start := content.find(b"\x21\xf9\x04")) >= 0:
        content = content[:start] + content[start + 8 :]
    return content


def test_a_gif_without_delays_has_all_its_frames(tmp_path):
    (tmp_path / "zero.gif").write_bytes(plain_gif(tmp_path, 8))
    with open_video(tmp_path / "zero.gif") as video:
        assert (video.frame_count, video.fps) == (8, pytest.approx(10))
        assert [round(video.frame(index).mean()) for index in range(8)] == [20 * number for number in range(8)]


@pytest.mark.parametrize("cut", [0, 3, 12, 14, 100, 500])
def test_a_torn_gif_is_given_back(tmp_path, cut):
    content = plain_gif(tmp_path, 2)[:cut]
    assert with_delays(content).startswith(content[:13])


def test_a_gif_with_delays_is_left_alone(tmp_path):
    plain_gif(tmp_path, 3)
    content = (tmp_path / "made.gif").read_bytes()
    assert with_delays(content) == content

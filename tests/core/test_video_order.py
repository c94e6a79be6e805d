"""Frame N is picture N, whatever the file's timestamps say and wherever a seek lands."""

import random
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from jmpose_core.errors import VideoError
from jmpose_core.video import open_video, stream_reader, video_file
from tests.builders.numbered_clips import HEIGHT, WIDTH, number_of, numbers, restamped_copy, write_clip

COUNT = 40
B_FRAMES = {"bf": "3"}


def reached_by_fresh_opening(path: Path, indices: range) -> list[int]:
    found = []
    for index in indices:
        with open_video(path) as video:
            found.append(number_of(video.frame(index)))
    return found


@pytest.mark.parametrize("name", ["copy.mp4", "copy.mkv", "copy.flv"])
def test_timestamps_in_the_order_of_decoding_do_not_change_the_order_of_frames(tmp_path, name):
    write_clip(tmp_path / "clip.mp4", range(COUNT), options=B_FRAMES)
    restamped_copy(tmp_path / "clip.mp4", tmp_path / name, lambda number, _: number * 40)
    with open_video(tmp_path / name) as video:
        assert numbers(video.frames()) == list(range(COUNT))
        np.testing.assert_allclose(video.times, np.arange(COUNT) * 0.04, atol=0.002)
    assert reached_by_fresh_opening(tmp_path / name, range(0, COUNT, 5)) == list(range(0, COUNT, 5))


def test_mpeg4_with_timestamps_in_the_order_of_decoding(tmp_path):
    write_clip(tmp_path / "clip.mp4", range(COUNT), codec="mpeg4", options={"bf": "2", "b": "2000000"})
    restamped_copy(tmp_path / "clip.mp4", tmp_path / "copy.mp4", lambda number, _: number * 40)
    with open_video(tmp_path / "copy.mp4") as video:
        assert numbers(video.frames()) == list(range(COUNT))


def test_timestamps_that_are_right_at_first_and_in_the_order_of_decoding_later(tmp_path):
    write_clip(tmp_path / "clip.mp4", range(60), options=B_FRAMES, b_frames_from=36)
    restamped_copy(tmp_path / "clip.mp4", tmp_path / "copy.mp4", lambda number, _: number * 40)
    with open_video(tmp_path / "copy.mp4") as video:
        assert numbers(video.frames()) == list(range(60))
    assert reached_by_fresh_opening(tmp_path / "copy.mp4", range(30, 60, 3)) == list(range(30, 60, 3))


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mpg", "mpeg2video", {"bf": "2", "b": "2000000"}),
        ("plain.mpg", "mpeg2video", {"bf": "0", "b": "2000000"}),
        ("old.mpg", "mpeg1video", {"bf": "2", "b": "2000000"}),
        ("clip.vob", "mpeg2video", {"bf": "2", "b": "2000000"}),
        ("clip.ts", "mpeg2video", {"bf": "2", "b": "2000000"}),
        ("open.ts", "libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=12"}),
    ],
)
def test_a_frame_reached_by_a_seek_is_the_one_that_reading_in_order_gives(tmp_path, monkeypatch, name, codec, options):
    monkeypatch.setattr(video_file, "_CACHE_BYTES", 1)
    count = 100
    path = tmp_path / name
    write_clip(path, range(count), codec=codec, rate=25, options=options)
    with open_video(path) as video:
        assert video.frame_count == count
        for index in random.Random(0).sample(range(count), 60):
            assert number_of(video.frame(index)) == index


def test_a_program_stream_is_sought_in_and_not_read_from_the_start_each_time(tmp_path, monkeypatch):
    write_clip(tmp_path / "clip.mpg", range(200), codec="mpeg2video", rate=25, options={"bf": "2", "b": "2000000"})
    opened = []
    start = stream_reader.StreamReader.__init__
    monkeypatch.setattr(
        stream_reader.StreamReader, "__init__", lambda self, *args, **how: opened.append(1) or start(self, *args, **how)
    )
    with open_video(tmp_path / "clip.mpg") as video:
        opened.clear()
        for index in (190, 100, 150, 60, 170, 40):
            assert number_of(video.frame(index)) == index
    assert len(opened) <= 2


def test_a_file_that_was_replaced_while_it_was_open_says_so(tmp_path):
    write_clip(tmp_path / "clip.mp4", range(COUNT), options=B_FRAMES)
    write_clip(tmp_path / "other.mp4", range(COUNT), options={"crf": "40"})
    with open_video(tmp_path / "clip.mp4") as video:
        video.close()  # the window's reader lets go of the file now and then
        (tmp_path / "other.mp4").replace(tmp_path / "clip.mp4")
        with pytest.raises(VideoError, match="was changed while it was open"):
            video.frame(30)


def test_the_default_stream_is_shown_though_it_is_the_second(tmp_path):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for width, height, default in ((64, 48, False), (WIDTH, HEIGHT, True)):
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.disposition = Disposition.default if default else Disposition(0)
            streams.append(stream)
        for stream, count in zip(streams, (5, 12), strict=True):
            for _ in range(count):
                picture = np.zeros((stream.height, stream.width, 3), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
    with open_video(path) as video:
        assert (video.width, video.height, video.frame_count) == (WIDTH, HEIGHT, 12)


def test_a_stream_is_asked_for_nothing_after_its_container_is_closed(tmp_path, monkeypatch):
    write_clip(tmp_path / "clip.mp4", range(COUNT), rate=25, options=B_FRAMES)
    close = stream_reader.StreamReader.close

    def close_and_forget(reader):
        close(reader)
        del reader.stream  # a closed container leaves freed memory here

    monkeypatch.setattr(stream_reader.StreamReader, "close", close_and_forget)
    with open_video(tmp_path / "clip.mp4") as video:
        assert (video.fps, video.times[-1]) == (25.0, pytest.approx(1.56))
        assert number_of(video.frame(20)) == 20

"""What is damaged is named, and all the rest is there: cut-off recordings, torn packets, sizes that change."""

import random
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jmpose_core.errors import VideoError
from jmpose_core.video import Video, open_video
from tests.builders.numbered_clips import HEIGHT, WIDTH, number_of, numbered, numbers, write_clip

COUNT = 40
EVEN = range(COUNT)


@pytest.mark.parametrize("name", ["torn.mp4", "torn walk (1).mp4", "torn.mov"])
def test_a_video_that_is_cut_off_gives_the_frames_it_has_and_says_how_many_are_missing(tmp_path, name):
    write_clip(tmp_path / "whole.mp4", EVEN, options={"bf": "3"}, container_options={"movflags": "faststart"})
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) * 2 // 3])
    with open_video(tmp_path / name) as video:
        assert 5 < video.frame_count < COUNT
        assert numbers(video.frames()) == list(range(video.frame_count))
        assert f"the video is cut off after {video.frame_count} of {COUNT} frames" in video.damage


def test_the_cure_for_a_cut_video_quotes_names_with_spaces(tmp_path):
    write_clip(tmp_path / "whole.mp4", EVEN, container_options={"movflags": "faststart"})
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "my walk.mp4").write_bytes(content[: -len(content) // 3])
    with open_video(tmp_path / "my walk.mp4") as video:
        count = video.frame_count
        assert f"ffmpeg -i 'my walk.mp4' -c copy -frames:v {count} 'my walk-repaired.mp4'" in video.damage


def test_what_the_cure_for_a_cut_video_does_gives_a_sound_one(tmp_path):
    write_clip(tmp_path / "whole.mp4", EVEN, options={"bf": "3"}, container_options={"movflags": "faststart"})
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: -len(content) // 3])
    with open_video(tmp_path / "cut.mp4") as video:
        count = video.frame_count
    with av.open(str(tmp_path / "cut.mp4")) as reading, av.open(str(tmp_path / "repaired.mp4"), "w") as writing:
        stream = writing.add_stream_from_template(reading.streams.video[0])
        for number, packet in enumerate(reading.demux(video=0)):
            if number < count:  # ffmpeg -c copy -frames:v COUNT
                packet.stream = stream
                writing.mux(packet)
    with open_video(tmp_path / "repaired.mp4") as video:
        assert numbers(video.frames()) == list(range(count))
        assert not video.damage


def test_a_sound_video_has_nothing_to_say(tmp_path):
    for name in ("clip.mp4", "clip.mkv", "clip.avi", "clip.ts", "clip.mpg"):
        codec = "mpeg2video" if name.endswith("mpg") else "libx264"
        write_clip(tmp_path / name, EVEN, codec=codec, rate=25)
        with open_video(tmp_path / name) as video:
            list(video.frames())
            assert (video.damage, video.damaged_frames) == ("", set())


def test_a_finished_matroska_file_that_was_cut_off_says_so(tmp_path):
    write_clip(tmp_path / "clip.mkv", EVEN, options={"crf": "5"})
    content = (tmp_path / "clip.mkv").read_bytes()
    (tmp_path / "clip.mkv").write_bytes(content[: len(content) // 2])
    with open_video(tmp_path / "clip.mkv") as video:
        assert "is cut off" in video.damage


def frame_or_none(video: Video, index: int) -> int | None:
    try:
        return zlib.crc32(video.frame(index).tobytes())
    except VideoError as error:
        assert f"frame {index + 1} is damaged" in str(error)
        return None


def damage(path: Path, number: int) -> None:
    """Wipe out most of a packet."""
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][number]
    assert packet.pos is not None
    content = bytearray(path.read_bytes())
    content[packet.pos + 20 : packet.pos + packet.size] = bytes(packet.size - 20)
    path.write_bytes(content)


@pytest.mark.parametrize("number", [13, 15, 24])
def test_damage_gives_errors_for_the_damaged_frames_alone_and_never_a_wrong_picture(tmp_path, number):
    path = tmp_path / "damaged.mp4"
    write_clip(path, EVEN, options={"bf": "0", "crf": "5"})
    with open_video(path) as video:
        whole = [zlib.crc32(rgb.tobytes()) for _, rgb in video.frames()]
    damage(path, number)
    with open_video(path) as video:
        in_order = [frame_or_none(video, index) for index in EVEN]
        end_of_group = number // 12 * 12 + 12
        assert video.damaged_frames == set(range(number, min(end_of_group, COUNT)))
    assert [found or right for found, right in zip(in_order, whole, strict=True)] == whole
    with open_video(path) as video:
        for index in random.Random(0).sample(EVEN, COUNT):
            assert frame_or_none(video, index) == in_order[index]


def test_damage_among_b_frames_stays_in_its_group(tmp_path):
    path = tmp_path / "damaged.mp4"
    write_clip(path, EVEN, options={"bf": "3", "crf": "5"})
    with open_video(path) as video:
        whole = [zlib.crc32(rgb.tobytes()) for _, rgb in video.frames()]
    damage(path, 14)
    with open_video(path) as video:
        sound = [index for index in EVEN if frame_or_none(video, index) == whole[index]]
    assert set(EVEN) - set(range(13, 24)) <= set(sound)
    assert len(sound) < COUNT


def test_damage_before_an_open_group_takes_the_frames_that_lean_on_it_along(tmp_path):
    path = tmp_path / "damaged.mp4"
    write_clip(path, EVEN, options={"bf": "3", "crf": "5", "x264-params": "open-gop=1:keyint=12"})
    with open_video(path) as video:
        whole = [zlib.crc32(rgb.tobytes()) for _, rgb in video.frames()]
    damage(path, 14)
    with open_video(path) as video:
        found = [frame_or_none(video, index) for index in EVEN]
    assert found[:13] + found[24:] == whole[:13] + whole[24:]
    assert found[14:16] == [None, None]  # the damaged frame, and the one after it
    assert found[17:24] == [None] * 7


def test_damage_in_the_first_packet_does_not_cost_the_rest(tmp_path):
    path = tmp_path / "damaged.mp4"
    write_clip(path, EVEN, options={"bf": "0", "crf": "5"})
    damage(path, 0)
    with open_video(path) as video:
        assert (video.width, video.height) == (WIDTH, HEIGHT)
        assert numbers(video.frames()) == list(range(12, COUNT))
        assert "12 frames are damaged and left out" in video.damage


def test_the_frame_nearest_to_a_damaged_one_stands_in_for_it(tmp_path):
    path = tmp_path / "damaged.mp4"
    write_clip(path, EVEN, options={"bf": "0", "crf": "5"})
    damage(path, 20)
    with open_video(path) as video:
        assert [number_of(video.nearest_frame(index)) for index in (19, 20, 21, 22, 23, 24)] == [19, 19, 19, 24, 24, 24]
        assert video.damaged_frames == {20, 21, 22, 23}


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_size_that_changes_midway_is_shown_at_the_first_size(tmp_path, codec):
    path = tmp_path / "change.ts"
    with av.open(str(path), "w") as container:
        stamp = 0
        stream = None
        for width, height in ((WIDTH, HEIGHT), (WIDTH * 3 // 2, HEIGHT)):
            part = tmp_path / f"{width}.ts"
            with av.open(str(part), "w") as encoding:
                encoder = encoding.add_stream(codec, rate=25, options={"g": "12", "bf": "0", "crf": "5"})
                encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
                for number in range(12):
                    picture = av.VideoFrame.from_ndarray(numbered(number, width, height), format="rgb24")
                    encoding.mux(encoder.encode(picture))
                encoding.mux(encoder.encode(None))
            with av.open(str(part)) as reading:
                stream = stream or container.add_stream_from_template(reading.streams.video[0])
                for packet in reading.demux(video=0):
                    if packet.size:
                        copy = av.Packet(bytes(packet))
                        copy.pts = copy.dts = stamp
                        copy.time_base, copy.is_keyframe, copy.stream = Fraction(1, 90_000), packet.is_keyframe, stream
                        stamp += 3600
                        container.mux(copy)
    with open_video(path) as video:
        assert (video.width, video.height, video.frame_count) == (WIDTH, HEIGHT, 24)
        assert all(rgb.shape == (HEIGHT, WIDTH, 3) for _, rgb in video.frames())
        assert numbers(video.frames()) == [*range(12), *range(12)]


def test_damage_is_no_reason_to_read_a_group_again_and_again(tmp_path, monkeypatch):
    path = tmp_path / "damaged.mp4"
    write_clip(path, EVEN, options={"bf": "0", "crf": "5", "g": "1000"})
    damage(path, 10)
    with open_video(path) as video:
        with pytest.raises(VideoError):
            video.frame(12)
        monkeypatch.setattr(type(video), "_start_at", lambda *_, **__: pytest.fail("decoded again"))
        for index in range(11, COUNT):
            with pytest.raises(VideoError):
                video.frame(index)


def test_times_do_not_depend_on_damage(tmp_path):
    path = tmp_path / "damaged.mp4"
    write_clip(path, EVEN, rate=25, options={"bf": "3", "crf": "5"})
    damage(path, 14)
    with open_video(path) as video:
        np.testing.assert_allclose(video.times, np.arange(COUNT) / 25, atol=0.001)

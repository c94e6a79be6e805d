"""Frame N is the same picture however it is reached; bad files give errors that name the file and the cure."""

import hashlib
import random
import shutil
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.errors import VideoError
from jmpose_core.video import ImageFolder, open_video, video_file, write_video
from jmpose_core.video.frame_cache import FrameCache
from tests.builders.numbered_clips import HEIGHT, WIDTH, copy_clip, number_of, numbered, numbers, write_clip

REPO = Path(__file__).parents[2]
DEMO = REPO / "resources" / "demo" / "demo.mp4"
COUNT = 40
EVEN = range(COUNT)
UNEVEN = np.cumsum([0] + [1, 1, 5, 2] * 10)[:COUNT].tolist()

CLIPS = {
    "B-frames": ("clip.mp4", EVEN, {"options": {"bf": "3"}}),
    "one key frame": ("clip.mp4", EVEN, {"options": {"bf": "3", "g": "1000"}}),
    "open GOP": ("clip.mp4", EVEN, {"options": {"bf": "3", "x264-params": "open-gop=1:keyint=12"}}),
    "intra refresh": ("clip.mp4", EVEN, {"options": {"x264-params": "intra-refresh=1:keyint=12"}}),
    "variable rate": ("clip.mp4", UNEVEN, {"options": {"bf": "3"}}),
    "variable rate, mkv": ("clip.mkv", UNEVEN, {"options": {"bf": "3"}}),
    "start offset": ("clip.mp4", range(90, 90 + COUNT), {"options": {"bf": "3"}}),
    "start offset, mkv": ("clip.mkv", range(90, 90 + COUNT), {"options": {"bf": "3"}}),
    "transport stream": ("clip.ts", EVEN, {"options": {"bf": "3"}}),
    "no timestamps": ("clip.h264", EVEN, {"options": {"bf": "3"}, "container_format": "h264"}),
    "AVI with B-frames": ("clip.avi", EVEN, {"options": {"bf": "3"}}),
    "AVI, MPEG-4 part 2": ("clip.avi", EVEN, {"codec": "mpeg4", "options": {"bf": "2", "b": "2000000"}}),
    "AVI, MJPEG": ("clip.avi", EVEN, {"codec": "mjpeg", "pixels": "yuvj420p"}),
}


@pytest.fixture(params=CLIPS)
def clip(request, tmp_path) -> Path:
    name, stamps, how = CLIPS[request.param]
    write_clip(tmp_path / name, stamps, **how)
    return tmp_path / name


@pytest.fixture
def plain_clip(tmp_path) -> Path:
    write_clip(tmp_path / "plain.mp4", EVEN, options={"bf": "3"})
    return tmp_path / "plain.mp4"


def test_every_frame_is_there_in_order(clip):
    with open_video(clip) as video:
        assert (video.width, video.height, video.frame_count) == (WIDTH, HEIGHT, COUNT)
        assert numbers(video.frames()) == list(EVEN)


def test_any_order_gives_the_pictures_of_reading_in_order(clip, monkeypatch):
    monkeypatch.setattr(video_file, "_CACHE_BYTES", 3 * WIDTH * HEIGHT)  # two pictures: nearly all is decoded again
    with open_video(clip) as video:
        in_order = [zlib.crc32(rgb.tobytes()) for _, rgb in video.frames()]
    order = random.Random(0).choices(EVEN, k=60) + list(reversed(EVEN))
    with open_video(clip) as video:
        for index in order:
            assert zlib.crc32(video.frame(index).tobytes()) == in_order[index]


def test_times_follow_the_timestamps(tmp_path):
    for name in ("clip.mp4", "clip.mkv"):
        write_clip(tmp_path / name, [stamp + 60 for stamp in UNEVEN], options={"bf": "3"})
        with open_video(tmp_path / name) as video:
            np.testing.assert_allclose(video.times, np.array(UNEVEN) / 30, atol=0.001)
            assert video.fps == pytest.approx((COUNT - 1) / (UNEVEN[-1] / 30), rel=0.01)


def test_times_without_timestamps_are_even(tmp_path):
    write_clip(tmp_path / "clip.h264", EVEN, container_format="h264")
    with open_video(tmp_path / "clip.h264") as video:
        np.testing.assert_allclose(video.times, np.arange(COUNT) / video.fps)


def test_frames_cut_off_by_an_edit_list_are_not_shown(plain_clip, tmp_path):
    cut = tmp_path / "cut.mp4"
    with av.open(str(plain_clip)) as container:
        time_base = container.streams.video[0].time_base
    assert time_base is not None
    copy_clip(plain_clip, cut, shift=round(-5 / 30 / time_base))
    with av.open(str(cut)) as container:
        assert any(packet.is_discard for packet in container.demux(video=0)), "the test lost its point"
    with open_video(cut) as video:
        assert numbers(video.frames()) == list(range(5, COUNT))
        assert number_of(video.frame(0)) == 5
        assert video.times[1] == pytest.approx(1 / 30)


def test_stream_that_begins_between_key_frames(tmp_path):
    write_clip(tmp_path / "whole.ts", EVEN, options={"bf": "0"})
    copy_clip(tmp_path / "whole.ts", tmp_path / "late.ts", skip=5)
    with open_video(tmp_path / "late.ts") as video:
        assert numbers(video.frames()) == list(range(12, COUNT))
        assert number_of(video.frame(0)) == 12


def test_packets_that_show_nothing_are_not_frames(tmp_path):
    write_clip(tmp_path / "all.webm", EVEN, codec="libvpx", options={"b": "1000000"})
    copy_clip(tmp_path / "all.webm", tmp_path / "some.webm", hide=(5, 20))
    with open_video(tmp_path / "some.webm") as video:
        assert numbers(video.frames()) == [number for number in EVEN if number not in (5, 20)]
        assert number_of(video.frame(5)) == 6


def test_timestamps_that_start_again(tmp_path):
    write_clip(tmp_path / "a.ts", EVEN, options={"bf": "3"})
    copy_clip(tmp_path / "a.ts", tmp_path / "b.ts", shift=1500)  # half a frame: no timestamp twice
    twice = tmp_path / "twice.ts"
    twice.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    with open_video(twice) as video:
        assert numbers(video.frames()) == [*EVEN, *EVEN]
        assert number_of(video.frame(COUNT + 7)) == 7
        assert (np.diff(video.times) > 0).all()


def test_colours_are_those_written(tmp_path):
    colours = np.array([(200, 40, 90), (30, 180, 60), (40, 60, 220)], dtype=np.uint8)
    picture = np.repeat(np.repeat(colours[None], 32, 1), 64, 0)
    write_video(tmp_path / "colours.mp4", [picture] * 3, 25, (96, 64))
    with open_video(tmp_path / "colours.mp4") as video:
        assert np.abs(video.frame(1)[32, [16, 48, 80]].astype(int) - colours).max() <= 4


class CountingStarts:
    """Counts how often a video file jumps to another place."""

    def __init__(self, monkeypatch):
        self.positions = []
        start_at = video_file.VideoFile._start_at

        def counting(video, position, **how):
            self.positions.append(position)
            start_at(video, position, **how)

        monkeypatch.setattr(video_file.VideoFile, "_start_at", counting)


def test_reading_in_order_does_not_jump(plain_clip, monkeypatch):
    starts = CountingStarts(monkeypatch)
    with open_video(plain_clip) as video:
        list(video.frames())
    assert starts.positions == [0]


def test_stepping_backwards_decodes_each_group_once(plain_clip, monkeypatch):
    starts = CountingStarts(monkeypatch)
    with open_video(plain_clip) as video:
        for index in reversed(EVEN):
            assert number_of(video.frame(index)) == index
    assert starts.positions == [0, 36, 24, 12, 0]  # the first 0 is the opening


def test_frames_may_be_written_on(plain_clip):
    with open_video(plain_clip) as video:
        video.frame(3)[:] = 0
        assert number_of(video.frame(3)) == 3


@pytest.mark.parametrize("size", [(98, 50), (130, 70), (640, 360)])
def test_frames_are_contiguous(tmp_path, size):
    write_video(tmp_path / "clip.mp4", [numbered(0, *size)] * 2, 25, size)
    with open_video(tmp_path / "clip.mp4") as video:
        assert video.frame(1).flags.c_contiguous
        assert video.frame(1).shape == (*size[::-1], 3)


def test_index_outside(plain_clip):
    with open_video(plain_clip) as video:
        for index in (-1, COUNT):
            with pytest.raises(IndexError, match=r"plain\.mp4"):
                video.frame(index)


def test_reading_goes_on_after_closing_twice(plain_clip):
    video = open_video(plain_clip)
    video.close()
    video.close()
    assert number_of(video.frame(20)) == 20
    video.close()


def test_demo_clip():
    with open_video(DEMO) as video:
        assert (video.width, video.height, video.frame_count, video.fps) == (1280, 720, 230, 30.0)
        late = video.frame(200)
        assert video.image_name(12) == "000012.jpg"
        assert all(rgb.shape == (720, 1280, 3) and rgb.dtype == np.uint8 for _, rgb in video.frames(196, 200))
        np.testing.assert_array_equal(video.frame(200), late)


def test_avi_of_old():
    path = REPO.parent / "shared" / "data" / "videos" / "vtest" / "vtest.avi"
    if not path.exists():
        pytest.skip("needs the shared videos beside the checkout")
    with open_video(path) as video:
        assert (video.frame_count, video.fps) == (795, 10.0)
        picture = video.frame(100)
        *_, (_, in_order) = video.frames(90, 101)
        np.testing.assert_array_equal(in_order, picture)


# Fingerprints


def test_fingerprint_survives_renaming_and_remuxing_only(plain_clip, tmp_path):
    shutil.copy(plain_clip, tmp_path / "renamed.mp4")
    copy_clip(plain_clip, tmp_path / "remuxed.mkv")
    write_clip(tmp_path / "other.mp4", EVEN, options={"bf": "3", "crf": "30"})

    def fingerprint(path):
        with open_video(path) as video:
            return video.fingerprint()

    original = fingerprint(plain_clip)
    assert fingerprint(tmp_path / "renamed.mp4") == original
    assert fingerprint(tmp_path / "remuxed.mkv") == original
    assert fingerprint(tmp_path / "other.mp4") != original
    assert len(original.digest) == hashlib.sha256().digest_size * 2


# Files that are not sound


def test_file_without_its_index(tmp_path):
    write_clip(tmp_path / "whole.mp4", EVEN)
    torn = tmp_path / "torn.mp4"
    torn.write_bytes((tmp_path / "whole.mp4").read_bytes()[:4000])
    with pytest.raises(VideoError, match=r"torn\.mp4: the video is cut off.*Copy it again"):
        open_video(torn)


@pytest.mark.parametrize("name", ["clip.ts", "clip.mkv"])
@pytest.mark.parametrize("kept", [0.45, 0.5, 0.7])
def test_recording_that_just_ends_gives_the_frames_it_has(tmp_path, name, kept):
    write_clip(tmp_path / name, EVEN, options={"bf": "3", "crf": "5"})
    with open_video(tmp_path / name) as video:
        whole = {number_of(rgb): zlib.crc32(rgb.tobytes()) for _, rgb in video.frames()}
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * kept)])
    with open_video(tmp_path / name) as video:
        assert 10 < video.frame_count < COUNT
        for _, rgb in video.frames():
            assert zlib.crc32(rgb.tobytes()) == whole[number_of(rgb)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "empty"),
        ("notes.txt", b"not a video\n" * 50, "not a video"),
        ("noise.mp4", bytes(range(256)) * 20, "not a video that can be read"),
        ("picture.png", cv2.imencode(".png", numbered(1))[1].tobytes(), "this is a picture"),
    ],
)
def test_files_that_are_no_videos(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VideoError, match=f"{name}: .*{message}"):
        open_video(tmp_path / name)


def test_missing_file(tmp_path):
    with pytest.raises(VideoError, match=r"gone\.mp4: there is no such file"):
        open_video(tmp_path / "gone.mp4")


def test_sound_only(tmp_path):
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(VideoError, match=r"sound\.wav: the file has no video stream"):
        open_video(tmp_path / "sound.wav")


# Writing


def test_written_frames_come_back(tmp_path):
    write_video(tmp_path / "out.mp4", (numbered(i) for i in range(20)), 30000 / 1001, (WIDTH, HEIGHT))
    with open_video(tmp_path / "out.mp4") as video:
        assert numbers(video.frames()) == list(range(20))
        assert video.fps == pytest.approx(30000 / 1001)
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]


def test_odd_sizes_grow_by_one(tmp_path):
    write_video(tmp_path / "out.mp4", (numbered(i, 127, 95) for i in range(3)), 25, (127, 95))
    with open_video(tmp_path / "out.mp4") as video:
        assert (video.width, video.height) == (128, 96)
        assert numbers(video.frames()) == [0, 1, 2]


def test_what_was_there_stays_when_writing_fails(tmp_path):
    def failing():
        yield numbered(0)
        raise RuntimeError("the source failed")

    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(RuntimeError, match="the source failed"):
        write_video(tmp_path / "out.mp4", failing(), 25, (WIDTH, HEIGHT))
    with pytest.raises(ValueError, match="shape"):
        write_video(tmp_path / "out.mp4", [numbered(0, 64, 64)], 25, (WIDTH, HEIGHT))
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [b"old"]


def test_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(VideoError, match=r"out\.mp4: the video cannot be written .*another folder"):
            write_video(folder / "out.mp4", [numbered(0)], 25, (WIDTH, HEIGHT))


def test_full_disk(tmp_path):
    resource = pytest.importorskip("resource", reason="a limit on file sizes stands in for a full disk")
    noise = np.random.default_rng(0).integers(0, 255, (20, HEIGHT, WIDTH, 3), dtype=np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(VideoError, match=r"out\.mp4: the video cannot be written .*Free space"):
            write_video(tmp_path / "out.mp4", noise, 25, (WIDTH, HEIGHT))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


# The cache


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 5))
def test_cache_keeps_what_was_used_last(indices, room):
    picture = av.VideoFrame(64, 32, "gray")
    cache = FrameCache(room * sum(plane.buffer_size for plane in picture.planes))
    for index in indices:
        if cache.get(index) is None:
            cache.put(index, picture)
    recent = list(dict.fromkeys(reversed(indices)))[:room]
    assert [index for index in range(10) if cache.get(index) is not None] == sorted(recent)


def test_an_open_folder_is_a_video_too(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), numbered(1))
    assert isinstance(open_video(tmp_path), ImageFolder)

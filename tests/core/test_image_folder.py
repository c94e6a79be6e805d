"""Folders of images: natural order, one size, errors that name the file."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.errors import VideoError
from jmpose_core.video import ImageFolder, image_files, list_images, open_video
from jmpose_core.video.image_files import read_image_size
from jmpose_core.video.image_folder import natural_key
from tests.core.numbered_clips import HEIGHT, WIDTH, number_of, numbered

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
sizes = st.integers(1, 700)


def encoded(suffix: str, rgb: np.ndarray, *parameters: int) -> bytes:
    return cv2.imencode(suffix, np.ascontiguousarray(rgb[..., ::-1]), parameters)[1].tobytes()


def with_exif(jpeg: bytes, orientation: int, padding: int = 0) -> bytes:
    """The JPEG with an EXIF segment that holds only an orientation, and `padding` bytes."""
    tiff = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, 3, 1, orientation, 0) + bytes(padding)
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


@pytest.fixture
def folder(tmp_path) -> Path:
    """Frames 0 to 11 named without leading zeros, in a folder with a name beyond ASCII."""
    folder = tmp_path / "Bilder – 写真"
    folder.mkdir()
    for number in range(12):
        (folder / f"img{number}.png").write_bytes(encoded(".png", numbered(number)))
    return folder


def test_frames_are_in_natural_order(folder):
    with open_video(folder) as video:
        assert (video.width, video.height, video.frame_count, video.fps) == (WIDTH, HEIGHT, 12, 25.0)
        assert [number_of(rgb) for _, rgb in video.frames()] == list(range(12))
        assert [video.image_name(i) for i in (2, 10)] == ["img2.png", "img10.png"]
        np.testing.assert_allclose(video.times, np.arange(12) / 25)


def test_pixels_are_rgb_and_exact(folder):
    with open_video(folder) as video:
        np.testing.assert_array_equal(video.frame(7), numbered(7))


def test_other_files_and_hidden_files_are_left_out(folder):
    (folder / "._img3.png").write_bytes(b"a resource fork of macOS")
    (folder / "notes.txt").touch()
    (folder / "sub.jpg").mkdir()
    (folder / "IMG3b.PNG").write_bytes(encoded(".png", numbered(3)))
    assert list_images(folder)[3:6] == ["img3.png", "IMG3b.PNG", "img4.png"]
    assert len(list_images(folder)) == 13


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), unique=True), st.integers(0, 7), st.randoms())
def test_numbers_sort_by_value_padded_or_not(values, digits, randomly):
    names = [f"frame{value:0{digits}d}.jpg" for value in sorted(values)]
    shuffled = names.copy()
    randomly.shuffle(shuffled)
    assert sorted(shuffled, key=natural_key) == names


@settings(deadline=None)
@given(st.lists(st.text(max_size=8), unique=True, max_size=10))
def test_any_names_have_one_order(names):
    backwards = names[::-1]
    assert sorted(names, key=natural_key) == sorted(backwards, key=natural_key)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(deadline=None, max_examples=30)
@given(width=sizes, height=sizes)
def test_header_gives_the_size_without_decoding(suffix, width, height, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"size{suffix}"
    path.write_bytes(encoded(suffix, np.zeros((height, width, 3), np.uint8)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_files, "read_image", lambda path: pytest.fail("decoded"))
        assert read_image_size(path) == (width, height)


@pytest.mark.parametrize(
    "content",
    [
        encoded(".jpg", numbered(5), cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        with_exif(encoded(".jpg", numbered(5)), 1, padding=60_000),
        encoded(".webp", numbered(5), cv2.IMWRITE_WEBP_QUALITY, 101),
        encoded(".webp", np.dstack([numbered(5), numbered(5)[..., :1]])),
    ],
    ids=["progressive", "EXIF before the frame header", "lossless WebP", "WebP with alpha"],
)
def test_other_headers(tmp_path, content, monkeypatch):
    monkeypatch.setattr(image_files, "read_image", lambda path: pytest.fail("decoded"))
    (tmp_path / "a.jpg").write_bytes(content)
    assert read_image_size(tmp_path / "a.jpg") == (WIDTH, HEIGHT)


def test_exif_orientation_is_ignored(tmp_path):
    (tmp_path / "a.jpg").write_bytes(with_exif(encoded(".jpg", numbered(5)), 6))
    with open_video(tmp_path) as video:
        assert video.frame(0).shape == (video.height, video.width, 3) == (HEIGHT, WIDTH, 3)


def test_mixed_sizes_name_the_first_that_differs(folder):
    for number in (9, 10):
        (folder / f"img{number}.png").write_bytes(encoded(".png", numbered(number, 64, 32)))
    with pytest.raises(VideoError, match=rf"img9\.png: 64 x 32 pixels, but img0\.png has {WIDTH} x {HEIGHT}.*--stills"):
        open_video(folder)


def test_named_files_alone_make_a_clip(folder):
    (folder / "img10.png").write_bytes(encoded(".png", numbered(10, 64, 32)))
    with ImageFolder(folder, ["img10.png"]) as still:
        assert (still.frame_count, still.width, still.height) == (1, 64, 32)
        assert still.image_name(0) == "img10.png"


def test_image_replaced_by_another_size_after_opening(folder):
    with open_video(folder) as video:
        (folder / "img4.png").write_bytes(encoded(".png", numbered(4, 64, 32)))
        with pytest.raises(VideoError, match=r"img4\.png: 64 x 32"):
            video.frame(4)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_torn_image(tmp_path, suffix, capfd):
    noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    content = encoded(suffix, noise)
    (tmp_path / f"0{suffix}").write_bytes(content)
    (tmp_path / f"1{suffix}").write_bytes(content[: len(content) * 2 // 3])
    with open_video(tmp_path) as video, pytest.raises(VideoError, match=rf"1\{suffix}: the image is empty, torn"):
        video.frame(1)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"BM", b"text, not an image"])
def test_no_image_inside(folder, content, capfd):
    (folder / "img5.png").write_bytes(content)
    with pytest.raises(VideoError, match=r"img5\.png: the image is empty, torn, or not an image"):
        open_video(folder)


def test_folder_without_images(tmp_path):
    with pytest.raises(VideoError, match="holds no images"):
        open_video(tmp_path)


def test_fingerprint_follows_the_content_of_sampled_files(folder):
    with open_video(folder) as video:
        before = video.fingerprint()
        assert video.fingerprint() == before
        (folder / "img11.png").write_bytes(encoded(".png", numbered(1)))
        assert video.fingerprint() != before


def test_header_is_read_not_the_suffix(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded(".png", numbered(3)))
    with open_video(tmp_path) as video:
        np.testing.assert_array_equal(video.frame(0), numbered(3))

"""Folders of images: natural order, one size, errors that name the file."""

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from jmpose_core.errors import VideoError
from jmpose_core.video import ImageFolder, image_files, list_images, open_video
from jmpose_core.video.image_files import read_image_size
from jmpose_core.video.image_folder import natural_key
from tests.builders.numbered_clips import HEIGHT, WIDTH, number_of, numbered

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
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


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stored_turned_is_shown_upright(tmp_path, suffix, orientation):
    """What an EXIF orientation means, compared with another library."""
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    tags: dict[str, Any] = {"tiffinfo": {0x0112: orientation}} if suffix == ".tif" else {"exif": exif}
    Image.fromarray(numbered(5)).save(path, quality=95, **tags)
    with Image.open(path) as stored:
        shown = np.asarray(ImageOps.exif_transpose(stored))
    with open_video(tmp_path) as video:
        assert video.frame(0).shape == (video.height, video.width, 3) == shown.shape
        assert np.abs(video.frame(0).astype(int) - shown).mean() < 2  # decoders of JPEG round differently


@pytest.mark.parametrize("exif", [b"", b"II*\0", b"II*\0\x08\0\0\0\xff\xff", b"II*\0\xff\xff\xff\x7f", bytes(40)])
def test_exif_that_is_torn_says_nothing(tmp_path, exif):
    jpeg = encoded(".jpg", numbered(5))
    segment = b"Exif\0\0" + exif
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:])
    with open_video(tmp_path) as video:
        assert video.frame(0).shape == (HEIGHT, WIDTH, 3)


def test_tiff_among_the_frames_is_a_frame(folder):
    (folder / "img3.png").unlink()
    (folder / "img3.tif").write_bytes(encoded(".tif", numbered(3)))
    with open_video(folder) as video:
        assert [number_of(rgb) for _, rgb in video.frames()] == list(range(12))
        assert video.image_name(3) == "img3.tif"


def test_a_tiff_of_16_bits_a_channel_is_read(tmp_path):
    (tmp_path / "a.tif").write_bytes(encoded(".tif", numbered(3).astype(np.uint16) * 256))
    with open_video(tmp_path) as video:
        np.testing.assert_allclose(video.frame(0).astype(int), numbered(3), atol=1)


def test_a_tiff_that_holds_several_pictures_is_refused_and_named(folder):
    pages = [Image.fromarray(numbered(number)) for number in range(3)]
    pages[0].save(folder / "stack.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(VideoError, match=r"stack\.tif: the file holds several pictures"):
        open_video(folder)


@pytest.mark.parametrize("name", ["img3.heic", "img3.gif", "IMG3.DNG"])
def test_a_picture_that_cannot_be_read_is_named_and_not_left_out_in_silence(folder, name):
    (folder / "img3.png").unlink()
    (folder / name).write_bytes(b"a picture")
    with pytest.raises(VideoError, match=rf"{name}: pictures of a kind that cannot be read.*move them out"):
        open_video(folder)


def test_a_broken_link_is_a_damaged_frame_and_later_frames_keep_their_places(folder):
    (folder / "img3.png").unlink()
    (folder / "img3.png").symlink_to(folder / "gone.png")
    with open_video(folder) as video:
        assert (video.frame_count, number_of(video.frame(4))) == (12, 4)
        with pytest.raises(VideoError, match=r"img3\.png: the link leads nowhere"):
            video.frame(3)
        assert video.damaged_frames == {3}
        assert video.fingerprint() == video.fingerprint()


@pytest.mark.parametrize("where", [0, 5])
def test_an_image_that_may_not_be_read_is_a_damaged_frame(folder, where, monkeypatch):
    denied = folder / f"img{where}.png"
    read, opened = Path.read_bytes, Path.open

    def refusing(of):
        def call(path, *args, **how):
            if path == denied:
                raise PermissionError(13, "Permission denied")
            return of(path, *args, **how)

        return call

    monkeypatch.setattr(Path, "read_bytes", refusing(read))
    monkeypatch.setattr(Path, "open", refusing(opened))
    with open_video(folder) as video:
        assert (video.width, video.height, video.frame_count) == (WIDTH, HEIGHT, 12)
        with pytest.raises(VideoError, match=rf"img{where}\.png: cannot be read \(Permission denied\)"):
            video.frame(where)


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
def test_what_is_no_image_inside_is_a_damaged_frame(folder, content, capfd):
    (folder / "img5.png").write_bytes(content)
    with open_video(folder) as video:
        assert (video.frame_count, number_of(video.frame(6))) == (12, 6)
        with pytest.raises(VideoError, match=r"img5\.png: the image is empty, torn, or not an image"):
            video.frame(5)


def test_a_folder_without_one_sound_image_is_refused(tmp_path):
    (tmp_path / "1.png").touch()
    (tmp_path / "2.png").touch()
    with pytest.raises(VideoError, match=r"1\.png: the image is empty"):
        open_video(tmp_path)


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

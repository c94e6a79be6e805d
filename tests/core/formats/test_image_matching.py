"""Which image is which frame: by name, by number, else refused; by position only where it is asked for."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.errors import FormatError
from jmpose_core.formats.document import ImageRecord, PoseTrackDocument
from jmpose_core.formats.image_matching import BY_FRAME, BY_NAME, Frames, match_images

FILE = Path("labels.json")
VIDEO = Frames("walk.mp4", [f"{frame:06d}.jpg" for frame in range(30)], real_names=False)


def folder(first: int = 0, name: str = "{:06d}.jpg", count: int = 30) -> Frames:
    return Frames("walk", [name.format(number) for number in range(first, first + count)], real_names=True)


def document(*names: str, **columns: list[object]) -> PoseTrackDocument:
    """Images of these names; each column is a key of every image."""
    images = [ImageRecord(id=100 + index, file_name=name) for index, name in enumerate(names)]
    for key, values in columns.items():
        for image, value in zip(images, values, strict=True):
            if key in ("frame_id", "frame_index"):
                setattr(image, key, value)
            else:
                image.extra[key] = value
    return PoseTrackDocument(images, [])


def frames_of(*names: str, frames: Frames, **columns: list[object]) -> tuple[int | None, ...]:
    return match_images(document(*names, **columns), frames, FILE).frames


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["images/walk/000010.jpg", "images/walk/000003.jpg"], (10, 3)),
        (["000010.png", "000020.PNG"], (10, 20)),  # another extension
        (["images\\walk\\000010.JPG"], (10,)),  # written on Windows
        (["000010_jpg.rf.5a1b2c3d4e.jpg", "000020_jpg.rf.aabbccdd.jpg"], (10, 20)),  # through Roboflow
        (["000010", "000011"], (10, 11)),  # CVAT names some images without their extension
        (["train/000002.jpg", "valid/000001.jpg"], (2, 1)),  # parts of a data set, not videos
    ],
)
def test_a_folders_images_go_by_their_names(names: list[str], expected: tuple[int, ...]) -> None:
    match = match_images(document(*names), folder(), FILE)
    assert match.frames == expected and match.by == BY_NAME


def test_names_that_are_no_frames_are_misfits_where_others_are() -> None:
    match = match_images(document("clipA_01.jpg", "clipA_02.jpg", "000010.jpg"), folder(), FILE)
    assert match.frames == (None, None, 10)
    assert match.left_out == ("clipA_01.jpg", "clipA_02.jpg")


@pytest.mark.parametrize(
    ("names", "frames", "expected"),
    [
        (["frame_000010.PNG", "frame_000020.PNG"], VIDEO, (10, 20)),  # CVAT's names count from 0
        (["frame_000002.png", "frame_000000.png", "frame_000001.png"], VIDEO, (2, 0, 1)),
        ([f"img_{n:04d}.png" for n in range(30, 0, -1)], VIDEO, tuple(range(29, -1, -1))),  # one a frame, from 1
        ([f"img_{n:04d}.png" for n in range(101, 131)], VIDEO, tuple(range(30))),  # one a frame, from 101
        (["img_10.png", "img_30.png"], VIDEO, (9, 29)),  # 30 can only be the last of 30
        (["img_0.png", "img_10.png"], VIDEO, (0, 10)),  # 0 can only be the first
        (["cam2_take7_0.png", "cam2_take7_9.png"], VIDEO, (0, 9)),  # the number that tells them apart
        (["cam_0_left.png", "cam_9_left.png"], folder(), (0, 9)),
        (["f10.png", "f20.png"], folder(), (10, 20)),  # the folder's own numbers count from 0 too
    ],
)
def test_where_names_do_not_fit_the_numbers_in_them_do(
    names: list[str], frames: Frames, expected: tuple[int, ...]
) -> None:
    match = match_images(document(*names), frames, FILE)
    assert match.frames == expected and match.by.startswith("the numbers in the image names")


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("frame_id", [10, 20], (10, 20)),
        ("frame_index", [10.0, 20.0], (10, 20)),
        ("frame_number", ["10", "20"], (10, 20)),
        ("imgnum", [10, 20], (9, 19)),  # PoseTrack17 counts from 1
        ("imgnum", [0, 20], (0, 20)),  # unless there is a 0
        ("frame_id", [1, 30], (0, 29)),  # 30 is no frame of 30 that count from 0
    ],
)
def test_keys_for_the_frame_come_before_numbers_in_names(
    key: str, values: list[object], expected: tuple[int, ...]
) -> None:
    if key == "frame_index":
        images = document("img_5.jpg", "img_6.jpg", frame_idx=values)
    else:
        images = document("img_5.jpg", "img_6.jpg", **{key: values})
    match = match_images(images, VIDEO, FILE)
    assert match.frames == expected and key[:6] in match.by


def test_a_key_counts_frames_also_in_a_folder_whose_files_count_otherwise() -> None:
    assert frames_of("a.jpg", "b.jpg", frames=folder(first=1), frame_id=[10, 20]) == (10, 20)
    assert frames_of("a.jpg", "b.jpg", frames=folder(), imgnum=[10, 20]) == (9, 19)


def test_an_image_id_in_frame_id_is_no_frame_number() -> None:
    images = document("frame_000004.PNG", "frame_000002.PNG")
    for image in images.images:
        image.frame_id = image.id
    assert match_images(images, VIDEO, FILE).frames == (4, 2)


def test_formats_that_count_frames_are_taken_at_their_word_in_a_folder_from_1() -> None:
    counted = document("000004.jpg", "000005.jpg", frame_index=[4, 5])
    counted.names_made_up = True
    match = match_images(counted, folder(first=1), FILE)
    assert match.frames == (4, 5) and match.by == BY_FRAME
    assert frames_of("000004.jpg", "000005.jpg", frames=folder(first=1)) == (3, 4)  # real names are of files


@pytest.mark.parametrize(
    ("names", "frames", "words"),
    [
        (["img_0010.png", "img_0020.png"], VIDEO, "fit the 30 frames of walk.mp4 in two ways"),  # from 0, or from 1?
        (["f10.png", "f20.png"], folder(first=1), "in two ways"),
        (["a.png", "b.png"], VIDEO, "neither the names (a.png, b.png) nor numbers"),
        (["img_100.png", "img_200.png"], VIDEO, "neither the names"),
        (["x_1.png", "y_1.png"], VIDEO, "neither the names"),
        (["frame_000000.PNG", "frame_000001.PNG", "frame_000000.PNG"], VIDEO, "is images[0] too: of which video"),
        (["a/000000.jpg", "b/000000.jpg"], folder(), "images of 2 folders (a, b), none of which is walk"),
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_refused(names: list[str], frames: Frames, words: str) -> None:
    with pytest.raises(FormatError) as refused:
        match_images(document(*names), frames, FILE)
    assert words in str(refused.value) and str(refused.value).startswith("labels.json: images")


def test_the_first_number_settles_what_is_unclear() -> None:
    unclear = document("img_0010.png", "img_0020.png")
    for first, expected in ((0, (10, 20)), (1, (9, 19)), (5, (5, 15))):
        assert match_images(unclear, VIDEO, FILE, first_number=first).frames == expected


def test_position_counts_only_where_it_is_asked_for_and_every_frame_has_an_image() -> None:
    names = [f"picture {letter}.png" for letter in "abcdefghijklmnopqrstuvwxyzäöüß"]
    with pytest.raises(FormatError, match="--by-position"):
        match_images(document(*names), VIDEO, FILE)
    match = match_images(document(*names), VIDEO, FILE, by_position=True)
    assert match.frames == tuple(range(30)) and "position" in match.by
    with pytest.raises(FormatError, match=r"29 images, but walk\.mp4 has 30 frames"):
        match_images(document(*names[1:]), VIDEO, FILE, by_position=True)


def test_images_of_other_videos_are_no_misfits() -> None:
    names = [f"images/{video}/{frame:06d}.jpg" for video in ("walk", "run") for frame in range(3)]
    match = match_images(document(*names), folder(), FILE)
    assert match.frames == (0, 1, 2, None, None, None)
    assert match.left_out == () and match.other_videos == 3


@settings(max_examples=60, deadline=None)
@given(
    chosen=st.sets(st.integers(0, 29), min_size=1),
    first=st.integers(0, 200),
    pattern=st.sampled_from(["{:06d}.jpg", "img{:d}.png", "a 7 {:04d}_x.jpeg"]),
    seed=st.integers(0, 99),
)
def test_any_choice_of_a_folders_images_in_any_order_goes_to_its_frames(
    chosen: set[int], first: int, pattern: str, seed: int
) -> None:
    frames = folder(first, pattern)
    order = sorted(chosen)
    random.Random(seed).shuffle(order)
    assert frames_of(*(f"x/{frames.names[frame]}" for frame in order), frames=frames) == tuple(order)

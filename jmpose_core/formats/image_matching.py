"""Which image of a file is which frame of a video: by name, else by number, and by position only where it is asked for.

A file's list of images may leave frames out, be in any order, or hold several videos. So the n-th image is not the
n-th frame unless something says so. What was gone by is named in `FrameMatch.by`; where nothing says which image is
which frame, or two readings differ, the file is refused.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from jmpose_core.formats.document import ImageRecord, PoseTrackDocument
from jmpose_core.formats.files import fault
from jmpose_core.formats.numerals import whole_number
from jmpose_core.video.image_files import IMAGE_SUFFIXES

BY_NAME: Final = "the names of the image files"
BY_FRAME: Final = "the file's frame numbers"
BY_POSITION: Final = "position, as was asked for: the first image is the first frame"

# Keys under which writers of JSON give a frame's number, and where they count from.
_NUMBER_KEYS: Final[Mapping[str, int]] = {
    "frame_id": 0, "frame_index": 0, "frame_idx": 0, "frame_number": 0, "frame_num": 0, "frame_no": 0, "frameIndex": 0,
    "frame": 0, "imgnum": 1,
}  # fmt: skip
# Image names that are known to count from 0: this program's own for a video's frames, and CVAT's.
_FROM_ZERO: Final = re.compile(r"\d{6}\.jpg|frame_\d{6}(\.PNG)?")
_ROBOFLOW: Final = re.compile(r"(?:_(?:jpe?g|png|bmp|webp|tiff?))?\.rf\.\w+$", re.IGNORECASE)  # a_jpg.rf.HASH.jpg
_SPLITS: Final = frozenset(("train", "val", "valid", "validation", "test", "images", "frames", "."))


@dataclass(frozen=True, slots=True)
class FrameMatch:
    """For each image of a document its frame."""

    frames: tuple[int | None, ...]  # None: no frame of the video
    by: str  # what an image and its frame have in common, for the user
    left_out: tuple[str, ...] = ()  # names of the images that should be frames of this video, and are none
    other_videos: int = 0  # images in the folders of other videos, of a file that holds several


class _Numbering(NamedTuple):
    """One kind of number that every image has."""

    what: str  # for the user
    numbers: list[int]
    counted_from: int | None  # where that is known
    in_names: bool = False  # then the numbers in the names of a folder's files are another reading


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames that a file's images may be.

    real_names: the names are those of files. A video file has none: what stands for them is made from numbers.
    """

    video_name: str
    names: Sequence[str]  # by frame, without folder
    real_names: bool


def match_images(
    document: PoseTrackDocument,
    frames: Frames,
    path: Path,
    *,
    by_position: bool = False,
    first_number: int | None = None,
) -> FrameMatch:
    """Find the frame of each image: by its name, else by the number that the file or its name gives.

    Args:
        path: the document's file, for messages.
        by_position: image N is frame N. The counts must agree.
        first_number: the number that the file gives the video's first frame, where it is not clear.

    Raises:
        FormatError: several videos in the file and none has this one's name; an image twice; or nothing that says
            which image is which frame.
    """
    places = [PurePosixPath(image.file_name.replace("\\", "/")) for image in document.images]
    chosen = _of_one_video(places, frames, path)
    if by_position:
        found, by = _by_position(chosen, document, frames, path), BY_POSITION
    else:
        found, by = _found([document.images[index] for index in chosen], chosen, document, frames, path, first_number)
    matched: list[int | None] = [None] * len(places)
    for index, frame in found.items():
        matched[index] = frame
    left_out = tuple(document.images[index].file_name for index in chosen if matched[index] is None)
    return FrameMatch(tuple(matched), by, left_out, len(places) - len(chosen))


def folders_of(document: PoseTrackDocument) -> set[str]:
    """Names of the folders that the images lie in, but for those that only tell the parts of a data set apart."""
    folders = {PurePosixPath(image.file_name.replace("\\", "/")).parent.name for image in document.images}
    return {name for name in folders if name and name not in _SPLITS}


def _of_one_video(places: Sequence[PurePosixPath], frames: Frames, path: Path) -> list[int]:
    """Positions of the images of this video."""
    folders = dict.fromkeys(place.parent.name for place in places)
    if len(folders) <= 1:
        return list(range(len(places)))
    for wanted in (frames.video_name, Path(frames.video_name).stem):
        if wanted in folders:
            return [index for index, place in enumerate(places) if place.parent.name == wanted]
    if folders.keys() <= _SPLITS | {""} and len({place.name for place in places}) == len(places):
        return list(range(len(places)))
    some = ", ".join(list(folders)[:3]) + ("…" if len(folders) > 3 else "")
    what = f"images of {len(folders)} folders ({some}), none of which is {frames.video_name}"
    raise fault(path, "images", what, cure="import a file of this video alone, or name the folder as the video")


def _by_position(chosen: Sequence[int], document: PoseTrackDocument, frames: Frames, path: Path) -> dict[int, int]:
    count = document.frame_count or len(chosen)
    if count != len(frames.names):
        what = f"{count} images, but {frames.video_name} has {len(frames.names)} frames"
        raise fault(path, "images", what, cure="by position there must be an image for every frame")
    if document.names_made_up:
        return {index: document.images[index].frame_index or 0 for index in chosen}
    return {index: frame for frame, index in enumerate(chosen)}


def _found(
    images: Sequence[ImageRecord],
    chosen: Sequence[int],
    document: PoseTrackDocument,
    frames: Frames,
    path: Path,
    first_number: int | None,
) -> tuple[dict[int, int], str]:
    """The frame by position in the document of those images that are one, and what was gone by."""
    if not images:
        return {}, BY_NAME
    _refuse_twins(images, chosen, path)
    if frames.real_names and not document.names_made_up and first_number is None:
        by_name = _by_name(images, frames.names)
        if by_name:
            return {chosen[place]: frame for place, frame in by_name.items()}, BY_NAME
    count = len(frames.names)
    stated = [image.frame_index for image in images if image.frame_index is not None]
    if len(stated) == len(images) and len(set(stated)) == len(stated):
        return {i: frame for i, frame in zip(chosen, stated, strict=True) if 0 <= frame < count}, BY_FRAME
    unclear = ""
    for numbering in _numberings(images):
        found = _by_number(numbering, frames, first_number)
        if isinstance(found, str):
            unclear = unclear or found
        elif found is not None:
            by_number, first = found
            return {chosen[place]: frame for place, frame in by_number.items()}, _said(numbering.what, first)
    if unclear:
        raise fault(path, "images", unclear, cure="say the number of the first frame (--first-number)")
    names = ", ".join(image.file_name for image in images[:3]) + ("…" if len(images) > 3 else "")
    what = f"neither the names ({names}) nor numbers say which frames of {frames.video_name} they are"
    raise fault(path, "images", what, cure=_cure(len(images), count))


def _said(what: str, first: int | None) -> str:
    return what if first is None else f"{what}, counted from {first}"


def _cure(images: int, frames: int) -> str:
    if images == frames:
        return "name them as the frames, or have image N taken for frame N (--by-position)"
    return f"name them as the frames ({images} images are not {frames} frames, so position does not help)"


def _refuse_twins(images: Sequence[ImageRecord], chosen: Sequence[int], path: Path) -> None:
    owner: dict[str, int] = {}
    for index, image in zip(chosen, images, strict=True):
        before = owner.setdefault(image.file_name, index)
        if before != index:
            what = f"{image.file_name} is images[{before}] too: of which video is which?"
            raise fault(path, f"images[{index}].file_name", what, cure="import a file of one video")


def _by_name(images: Sequence[ImageRecord], names: Sequence[str]) -> dict[int, int]:
    """The frame of each image that has a frame's name; letters' case, extensions, Roboflow's endings may differ."""
    best: dict[int, int] = {}
    keys: tuple[Callable[[str], str], ...] = (str, str.casefold, lambda name: _stem(name).casefold())
    for key in keys:
        frame_of = {key(name): frame for frame, name in enumerate(names)}
        if len(frame_of) < len(names):
            continue  # such a key does not tell the frames apart
        wanted = [key(PurePosixPath(image.file_name.replace("\\", "/")).name) for image in images]
        found = {place: frame_of[name] for place, name in enumerate(wanted) if name in frame_of}
        if len(found) > len(best) and len(set(found.values())) == len(found):
            best = found
    return best


def _stem(name: str) -> str:
    """A file's name without the extension of a picture and what Roboflow puts before it."""
    end = PurePosixPath(name).suffix
    stem = name[: -len(end)] if end.lower() in IMAGE_SUFFIXES else name
    return _ROBOFLOW.sub("", stem)


def _numberings(images: Sequence[ImageRecord]) -> list[_Numbering]:
    """The numbers that all images have."""
    found: list[_Numbering] = []
    for key, counted_from in _NUMBER_KEYS.items():
        values = [image.frame_id if key == "frame_id" else image.extra.get(key) for image in images]
        numbers = [number for value in values if (number := _whole(value)) is not None]
        is_id = key == "frame_id" and all(image.frame_id == image.id for image in images)
        if len(numbers) == len(images) and not is_id:
            found.append(_Numbering(key, numbers, counted_from))
    names = [PurePosixPath(image.file_name.replace("\\", "/")).name for image in images]
    in_names = _numbers_in([_stem(name) for name in names])
    if in_names is not None:
        known = 0 if all(_FROM_ZERO.fullmatch(name) for name in names) else None
        found.append(_Numbering("the numbers in the image names", in_names, known, in_names=True))
    return found


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else whole_number(value) if isinstance(value, str) else None


def _numbers_in(stems: Sequence[str]) -> list[int] | None:
    """The numbers in names that tell them apart: of several in each name, the last that does."""
    groups = [re.findall(r"\d{1,9}", stem) for stem in stems]
    fewest = min(map(len, groups))
    for back in range(1, fewest + 1):
        numbers = [int(group[-back]) for group in groups]
        if len(set(numbers)) == len(numbers):
            return numbers
    return None


def _by_number(
    numbering: _Numbering, frames: Frames, first_number: int | None
) -> tuple[dict[int, int], int | None] | str | None:
    """The frame of each number, and the number of the first frame; a sentence where two readings differ."""
    what, numbers, counted_from, in_names = numbering
    if len(set(numbers)) < len(numbers):
        return None
    count = len(frames.names)
    readings: dict[tuple[int, ...], int | None] = {}
    in_folder = _file_numbers(frames) if in_names and first_number is None else {}
    firsts, whole = _first_numbers(numbers, count, counted_from) if first_number is None else ([first_number], False)
    if in_folder and len(firsts) > 1:
        firsts = [0]  # the other reading would be the folder's own numbers
    for first in firsts:
        found = tuple(number - first for number in numbers)
        inside = [0 <= frame < count for frame in found]
        if all(inside) or (any(inside) and not whole):
            readings[found] = first
    if in_folder and all(number in in_folder for number in numbers):
        readings.setdefault(tuple(in_folder[number] for number in numbers), None)
    if len(readings) > 1:
        return f"{what} ({', '.join(map(str, numbers[:3]))}) fit the {count} frames of {frames.video_name} in two ways"
    for found, first in readings.items():
        return {place: frame for place, frame in enumerate(found) if 0 <= frame < count}, first
    return None


def _file_numbers(frames: Frames) -> dict[int, int]:
    """The frame of each number that a folder's image names have."""
    numbers = _numbers_in([_stem(name) for name in frames.names]) if frames.real_names else None
    return {number: frame for frame, number in enumerate(numbers or ())}


def _first_numbers(numbers: Sequence[int], count: int, counted_from: int | None) -> tuple[list[int], bool]:
    """What the first frame's number may be, and whether every number must then be a frame."""
    low, high = min(numbers), max(numbers)
    if len(numbers) == count and high - low + 1 == count:
        return [low], True  # one for every frame
    if low == 0:
        return [0], False
    if counted_from is not None:
        return ([counted_from], False) if high - counted_from < count else ([1 - counted_from], True)
    return [0, 1], True

"""HiEve's labels, only read: a folder a video with a JSON file a frame, as humaninevents.org/format.html has them.

    {"annotation": {"folder": "hm_in_fighting1", "filename": "0.jpg", "size": {"width": "1920", "height": "1080"},
     "object": [{"name": "P-1", "bndbox": {"xmin": "747", "ymin": "103", "xmax": "1044", "ymax": "1079",
                                           "Nose": "928,185,0", "Chest": "943,278,0", ...}}]}}

A file is named by its frame, counted from 0: 000000.xml or 000000.json, JSON in both cases. A joint is x, y and a flag:
0 visible, 1 hidden, -1 not labelled. The chest has no counterpart among PoseTrack's joints, since it lies below
head_bottom, and HiEve has no head_top. "P-1" is the person's track in the video. Actions are not kept.
"""

import contextlib
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from jmpose_core.errors import FormatError
from jmpose_core.formats.document import Category, ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.files import converted, fault, read_json, read_text
from jmpose_core.formats.numerals import LARGEST_FRAME, coordinate
from jmpose_core.formats.people import FIRST_IMAGE_ID

JOINTS_OF_HIEVE: Final = (
    "Nose", "Chest", "Right-shoulder", "Right-elbow", "Right-wrist", "Left-shoulder", "Left-elbow", "Left-wrist",
    "Right-hip", "Right-knee", "Right-ankle", "Left-hip", "Left-knee", "Left-ankle",
)  # fmt: skip
_CORNERS: Final = ("xmin", "ymin", "xmax", "ymax")
_SUFFIXES: Final = (".json", ".xml")
_THIRD_VALUE: Final[Mapping[str, float]] = {"0": 1.0, "1": 0.0}  # PoseTrack21's, where 0 is hidden
_NOT_LABELLED: Final = "-1"
_PERSON: Final = re.compile(r"\D*(\d{1,18})")


class _Size(msgspec.Struct):
    width: int | None = None
    height: int | None = None


class _Object(msgspec.Struct):
    name: str | int
    bndbox: dict[str, str | float]


class _Annotation(msgspec.Struct):
    filename: str
    folder: str = ""
    size: _Size | None = None
    object: list[_Object] | _Object | None = None  # made from XML, where a single element and a list look the same


def frame_files(folder: Path) -> dict[int, Path]:
    """The files of HiEve's labels in a folder, by their frame and in its order; empty where it has none.

    Raises:
        FormatError: two files are of one frame.
    """
    if not folder.is_dir():
        return {}
    files = [path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.stem.isdecimal()]
    found: dict[int, Path] = {}
    for path in sorted(files, key=lambda path: (int(path.stem), path.name)):
        before = found.setdefault(int(path.stem), path)
        if before != path:
            raise FormatError(f"{path}: {before.name} is of frame {int(path.stem)} too; keep one of them in the folder")
    return found


def is_hieve(path: Path) -> bool:
    """Whether it is a folder of one video's labels.

    Raises:
        FormatError: two files are of one frame, or the first frame's is not JSON.
    """
    first = next(iter(frame_files(path).values()), None)
    raw = None if first is None else _values(first)
    return isinstance(raw, dict) and "annotation" in raw


def read_hieve(folder: Path) -> PoseTrackDocument:
    """The labels of one video; a frame without a file is no image of it.

    Raises:
        FormatError: no file of a frame, or a broken one; names the file, the place in it and the cure.
    """
    files = frame_files(folder)
    if not files:
        raise FormatError(f"{folder}: no 000000.json or 000000.xml in it; give the folder of one video's frames")
    document = PoseTrackDocument([], [], [Category(keypoints=JOINTS_OF_HIEVE, skeleton=None)])
    others: dict[str, int] = {}
    for frame, path in files.items():
        if frame > LARGEST_FRAME:
            raise FormatError(f"{path}: frame {frame} is out of range; name the file by its frame, as in 000000.json")
        annotation = _annotation(path)
        image = _image(annotation, frame)
        document.images.append(image)
        objects = annotation.object or []
        for index, entry in enumerate(objects if isinstance(objects, list) else [objects]):
            place = f"annotation.object[{index}]"
            document.people.append(_person(entry, image.id, path, place))
            for name in entry.bndbox.keys() - {*_CORNERS, *JOINTS_OF_HIEVE}:
                others[name] = others.get(name, 0) + 1
    document.notes += [f"no joint of HiEve's: {name} ({count} left out)" for name, count in sorted(others.items())]
    return document


def _values(path: Path) -> Any:
    """The plain values of a file; Windows paths may have single backslashes, as in the example of HiEve's page."""
    try:
        return read_json(path)
    except FormatError:
        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.json.decode(read_text(path).replace("\\", "\\\\"))
        raise


def _annotation(path: Path) -> _Annotation:
    raw = _values(path)
    if not isinstance(raw, dict) or "annotation" not in raw:
        raise fault(path, "annotation", "missing", cure="a folder of HiEve's holds nothing but its frames' files")
    return converted(raw["annotation"], _Annotation, path=path, place="annotation")


def _image(annotation: _Annotation, frame: int) -> ImageRecord:
    size = annotation.size or _Size()
    return ImageRecord(
        id=FIRST_IMAGE_ID + frame,
        file_name=f"{annotation.folder}/{annotation.filename}" if annotation.folder else annotation.filename,
        is_labeled=True,
        width=size.width,
        height=size.height,
        frame_index=frame,
    )


def _person(entry: _Object, image_id: int, path: Path, place: str) -> PersonRecord:
    number = _PERSON.fullmatch(str(entry.name))
    if number is None:
        raise fault(path, f"{place}.name", f'"{entry.name}" has no number', cure='name the person as in "P-1"')
    left, top, right, bottom = (_corner(entry.bndbox, name, path, place) for name in _CORNERS)
    if right < left or bottom < top:
        raise fault(path, f"{place}.bndbox", "its maximum is below its minimum", cure="exchange the corners")
    joints = [_joint(entry.bndbox.get(name), path, f"{place}.bndbox.{name}") for name in JOINTS_OF_HIEVE]
    return PersonRecord(
        image_id=image_id,
        keypoints=np.array(joints),
        track_id=int(number[1]),
        bbox_xywh=(left, top, right - left, bottom - top),
    )


def _corner(bndbox: Mapping[str, Any], name: str, path: Path, place: str) -> float:
    value = coordinate(str(bndbox.get(name, "")))
    if math.isnan(value):
        what = f'"{bndbox[name]}" is no number of pixels' if name in bndbox else "missing"
        raise fault(path, f"{place}.bndbox.{name}", what, cure="correct it, or download the labels again")
    return value


def _joint(written: str | float | None, path: Path, place: str) -> npt.NDArray[np.float64]:
    """x, y and third value (3,) of "928,185,0"; zeros where it is not labelled or not there."""
    if written is None:
        return np.zeros(3)
    x, y, flag = ([part.strip() for part in str(written).split(",")] + ["", ""])[:3]
    if flag == _NOT_LABELLED:
        return np.zeros(3)
    point = np.array([coordinate(x), coordinate(y), _THIRD_VALUE.get(flag, math.nan)])
    if np.isnan(point).any() or str(written).count(",") != 2:
        cure = 'write "x,y,flag" in pixels, the flag 0 (visible), 1 (hidden) or -1 (not labelled)'
        raise fault(path, place, f'"{written}"', cure=cure)
    return point

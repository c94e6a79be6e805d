"""PoseTrack17 annolist JSON, one file a video, in which every scalar is a list of one.

A person's x1, y1, x2, y2 are the corners of the head's box. Joints that were not
annotated are not in the file. Scalars that other writers leave bare are read too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from jmpose_core.formats.document import ExportSummary, Polygon
from jmpose_core.formats.files import converted, encode_json, fault, read_json, write_atomically
from jmpose_core.formats.numerals import LARGEST_COORDINATE
from jmpose_core.geometry import Xyxy
from jmpose_core.skeleton import NUM_JOINTS

_One: TypeAlias = list[float] | float
_MaybeOne: TypeAlias = list[float] | float | UnsetType


@dataclass(slots=True)
class Point17:
    """One annotated or predicted joint."""

    id: int  # 0..14, the position in skeleton.JOINTS
    x: float
    y: float
    is_visible: float | None = None
    score: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Person17:
    """An `annorect`: a person, or a head box alone."""

    track_id: int | None = None
    head_xyxy: Xyxy | None = None
    score: float | None = None
    points: list[Point17] | None = None  # None where `annopoints` is empty
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Frame17:
    """One image."""

    image_name: str
    imgnum: int | None = None  # from 1
    is_labeled: bool | None = None
    people: list[Person17] = field(default_factory=list)
    ignore_regions: tuple[Polygon, ...] | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class PoseTrack17Document:
    """One file."""

    frames: list[Frame17]
    extra: dict[str, Any] = field(default_factory=dict)


class _File(msgspec.Struct):
    annolist: list[dict[str, Any]]


class _Image(msgspec.Struct):
    name: str


class _Frame(msgspec.Struct):
    image: list[_Image] | _Image  # openpifpaf writes a bare object
    annorect: list[dict[str, Any]]
    imgnum: _MaybeOne = UNSET
    is_labeled: list[bool | float] | bool | float | UnsetType = UNSET
    ignore_regions: "list[_PointList] | UnsetType" = UNSET


class _Corner(msgspec.Struct):
    x: _One
    y: _One


class _PointList(msgspec.Struct):
    point: list[_Corner]


class _RawPoints(msgspec.Struct):
    point: list[dict[str, Any]]


class _Person(msgspec.Struct):
    annopoints: list[_RawPoints] | UnsetType = UNSET
    track_id: _MaybeOne = UNSET
    score: _MaybeOne = UNSET
    x1: _MaybeOne = UNSET
    y1: _MaybeOne = UNSET
    x2: _MaybeOne = UNSET
    y2: _MaybeOne = UNSET


class _Point(msgspec.Struct):
    id: _One
    x: _One
    y: _One
    is_visible: list[bool | float] | bool | float | UnsetType = UNSET
    score: _MaybeOne = UNSET


def read_posetrack17(path: Path) -> PoseTrack17Document:
    """A PoseTrack17 file with every field it has.

    Raises:
        FormatError: not such a file; the message names the place in it.
    """
    return document17_of(read_json(path), path)


def document17_of(raw: Any, path: Path) -> PoseTrack17Document:
    """The document in a file's plain values.

    Raises:
        FormatError: naming `path` and the place in it.
    """
    file = converted(raw, _File, path=path, place="")
    return PoseTrack17Document(
        frames=[_frame(path, f"annolist[{index}]", entry) for index, entry in enumerate(file.annolist)],
        extra=_unknown(raw, _File),
    )


def write_posetrack17(document: PoseTrack17Document, path: Path) -> ExportSummary:
    """Write the document whole or not at all.

    Raises:
        FormatError: the file cannot be written.
    """
    write_atomically(path, encode_json(as_posetrack17(document)))
    return ExportSummary(people=sum(len(frame.people) for frame in document.frames), images=len(document.frames))


def as_posetrack17(document: PoseTrack17Document) -> dict[str, Any]:
    """The file's content as plain values."""
    return {"annolist": [_frame_values(frame) for frame in document.frames]} | document.extra


def _frame(path: Path, place: str, raw: dict[str, Any]) -> Frame17:
    frame = converted(raw, _Frame, path=path, place=place)
    images = [frame.image] if isinstance(frame.image, _Image) else frame.image
    if len(images) != 1:
        raise fault(path, f"{place}.image", f"{len(images)} images, one expected")
    labelled = _maybe(path, f"{place}.is_labeled", frame.is_labeled)
    return Frame17(
        image_name=images[0].name,
        imgnum=_whole(path, f"{place}.imgnum", frame.imgnum),
        is_labeled=None if labelled is None else bool(labelled),
        people=[_person(path, f"{place}.annorect[{index}]", entry) for index, entry in enumerate(frame.annorect)],
        ignore_regions=_polygons(path, place, frame.ignore_regions),
        extra=_unknown(raw, _Frame),
    )


def _polygons(path: Path, place: str, regions: "list[_PointList] | UnsetType") -> tuple[Polygon, ...] | None:
    if regions is UNSET:
        return None
    return tuple(
        tuple(
            (
                _number(path, f"{place}.ignore_regions[{index}].point[{corner}].x", point.x),
                _number(path, f"{place}.ignore_regions[{index}].point[{corner}].y", point.y),
            )
            for corner, point in enumerate(region.point)
        )
        for index, region in enumerate(regions)
    )


def _person(path: Path, place: str, raw: dict[str, Any]) -> Person17:
    person = converted(raw, _Person, path=path, place=place)
    corners = [_maybe(path, f"{place}.{name}", getattr(person, name)) for name in ("x1", "y1", "x2", "y2")]
    given = [corner for corner in corners if corner is not None]
    if len(given) not in (0, 4):
        raise fault(path, place, "of the head box's x1, y1, x2, y2 some are missing")
    groups = [] if person.annopoints is UNSET else person.annopoints
    if len(groups) > 1:
        raise fault(path, f"{place}.annopoints", f"{len(groups)} point lists, one expected")
    return Person17(
        track_id=_whole(path, f"{place}.track_id", person.track_id),
        head_xyxy=(given[0], given[1], given[2], given[3]) if given else None,
        score=_maybe(path, f"{place}.score", person.score),
        points=_points(path, f"{place}.annopoints[0]", groups[0].point) if groups else None,
        extra=_unknown(raw, _Person),
    )


def _points(path: Path, place: str, raw: list[dict[str, Any]]) -> list[Point17]:
    points = [
        _point(
            path, f"{place}.point[{index}]", entry, converted(entry, _Point, path=path, place=f"{place}.point[{index}]")
        )
        for index, entry in enumerate(raw)
    ]
    seen: set[int] = set()
    for index, point in enumerate(points):
        if not 0 <= point.id < NUM_JOINTS or point.id in seen:
            raise fault(path, f"{place}.point[{index}].id", f"{point.id} is repeated or not one of 0..14")
        seen.add(point.id)
    return points


def _point(path: Path, place: str, raw: dict[str, Any], point: _Point) -> Point17:
    visible = _maybe(path, f"{place}.is_visible", point.is_visible)
    joint = _whole(path, f"{place}.id", point.id)
    if joint is None:
        raise fault(path, f"{place}.id", "missing")
    return Point17(
        id=joint,
        x=_number(path, f"{place}.x", point.x),
        y=_number(path, f"{place}.y", point.y),
        is_visible=visible,
        score=_maybe(path, f"{place}.score", point.score),
        extra=_unknown(raw, _Point),
    )


def _maybe(path: Path, place: str, value: Sequence[float] | float | UnsetType) -> float | None:
    """The number in a list of one; an empty list is no number."""
    if value is UNSET:
        return None
    if isinstance(value, Sequence):
        if len(value) > 1:
            raise fault(path, place, f"{len(value)} numbers, one expected")
        if not value:
            return None
        value = value[0]
    if abs(value) > LARGEST_COORDINATE:
        raise fault(path, place, f"{value} is beyond {LARGEST_COORDINATE:g}")
    return value


def _number(path: Path, place: str, value: _One) -> float:
    number = _maybe(path, place, value)
    if number is None:
        raise fault(path, place, "missing")
    return number


def _whole(path: Path, place: str, value: _MaybeOne) -> int | None:
    number = _maybe(path, place, value)
    if number is not None and number != int(number):
        raise fault(path, place, f"{number} is not a whole number")
    return None if number is None else int(number)


def _frame_values(frame: Frame17) -> dict[str, Any]:
    values: dict[str, Any] = {"image": [{"name": frame.image_name}]}
    values |= _lists(imgnum=frame.imgnum, is_labeled=None if frame.is_labeled is None else int(frame.is_labeled))
    values["annorect"] = [_person_values(person) for person in frame.people]
    if frame.ignore_regions is not None:
        values["ignore_regions"] = [
            {"point": [{"x": [x], "y": [y]} for x, y in polygon]} for polygon in frame.ignore_regions
        ]
    return values | frame.extra


def _person_values(person: Person17) -> dict[str, Any]:
    corners = dict(zip(("x1", "y1", "x2", "y2"), person.head_xyxy or (), strict=False))
    points = [] if person.points is None else [{"point": [_point_values(point) for point in person.points]}]
    return _lists(**corners, track_id=person.track_id, score=person.score) | {"annopoints": points} | person.extra


def _point_values(point: Point17) -> dict[str, Any]:
    return _lists(id=point.id, x=point.x, y=point.y, is_visible=point.is_visible, score=point.score) | point.extra


def _lists(**values: float | None) -> dict[str, Any]:
    return {name: [value] for name, value in values.items() if value is not None}


def _unknown(raw: dict[str, Any], known: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in known.__struct_fields__}

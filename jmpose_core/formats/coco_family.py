"""The JSON family of COCO: images, annotations and categories, as PoseTrack18, PoseTrack21 and COCO share it.

The records of `document` say which keys there are: a key of a file is the field of the same name, or one of those
named in `_KEYS_OF`. Every other key ends up in `extra`. A key whose value is null counts as missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints

import msgspec
import numpy as np
import numpy.typing as npt

from jmpose_core.formats.document import Category, ImageRecord, PersonRecord, Polygon, PoseTrackDocument, Xywh
from jmpose_core.formats.files import converted, fault
from jmpose_core.formats.numerals import LARGEST_COORDINATE
from jmpose_core.skeleton import POSETRACK18_SLOTS

T = TypeVar("T")

PERSON_NAMES: Final = frozenset(("person", "people", "human", "pedestrian"))  # of the category, in small letters

_IN_MEMORY: Final = frozenset(("extra", "synthesised", "frame_index"))  # fields that no key holds
_KEYS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "bbox_xywh": ("bbox",),
    "bbox_head_xywh": ("bbox_head",),
    "ignore_regions": ("ignore_regions_x", "ignore_regions_y"),
}
# Fields whose values a file writes in another form. Numbers may be null, where a writer knew none.
_WRITTEN_AS: Final[Mapping[str, Any]] = {
    "bbox_xywh": list[float | None],
    "bbox_head_xywh": list[float | None],
    "ignore_regions": list[list[float]],
    "keypoints": list[float | None],
    "scores": list[float | None],
}


def _keys_of(field_name: str) -> tuple[str, ...]:
    return _KEYS_OF.get(field_name, (field_name,))


def _struct(record: type, written_as: Mapping[str, Any] = _WRITTEN_AS) -> Any:
    """A msgspec struct of a record's keys; those of fields without a default are demanded."""
    hints = get_type_hints(record)
    entries: list[Any] = []
    for entry in fields(record):
        if entry.name not in _IN_MEMORY:
            kind = written_as.get(entry.name, hints[entry.name])
            kind = kind | float if kind == bool | None else kind  # NumPy's flags end up as 1.0
            needed = entry.default is MISSING and entry.default_factory is MISSING
            entries += [(key, kind) if needed else (key, kind | None, None) for key in _keys_of(entry.name)]
    return msgspec.defstruct(f"_{record.__name__}", sorted(entries, key=len))


class _File(msgspec.Struct):
    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: list[dict[str, Any]] | None = None


_Image: Any = _struct(ImageRecord)
_Person: Any = _struct(PersonRecord)
_Category: Any = _struct(Category, {"keypoints": list[str], "skeleton": list[list[int]]})


def document_of(raw: Any, path: Path) -> PoseTrackDocument:
    """The document in a file's plain values.

    Raises:
        FormatError: naming `path` and the place in it.
    """
    file = converted(raw, _File, path=path, place="")
    images = converted(file.images, list[_Image], path=path, place="images")
    people = converted(file.annotations, list[_Person], path=path, place="annotations")
    categories = None if file.categories is None else _categories(path, file.categories)
    names = categories[0].keypoints if categories else POSETRACK18_SLOTS
    _check_image_ids(path, images, people)
    points = _points(path, people, len(names))
    return PoseTrackDocument(
        images=[_image(path, i, image, raw) for i, (image, raw) in enumerate(zip(images, file.images, strict=True))],
        people=[
            _person(path, index, person, raw, points.get(index), len(names))
            for index, (person, raw) in enumerate(zip(people, file.annotations, strict=True))
        ],
        categories=categories,
        extra=_unknown(raw, _File),
        key_order={
            "": tuple(raw),
            "images": _keys(file.images),
            "annotations": _keys(file.annotations),
            "categories": _keys(file.categories or []),
        },
    )


def values_of(document: PoseTrackDocument) -> dict[str, Any]:
    """The file's content as plain values, keys in the document's order."""
    order = document.key_order
    values: dict[str, Any] = {
        "images": [_ordered(_values(image), order.get("images", ())) for image in document.images],
        "annotations": [_ordered(_values(person), order.get("annotations", ())) for person in document.people],
    }
    if document.categories is not None:
        values["categories"] = [
            _ordered(_values(category), order.get("categories", ())) for category in document.categories
        ]
    return _ordered(values | document.extra, order.get("", ()))


def _categories(path: Path, raw: list[dict[str, Any]]) -> list[Category]:
    categories = converted(raw, list[_Category], path=path, place="categories")
    if len(categories) != 1 or str(categories[0].name).casefold() not in PERSON_NAMES:
        raise fault(path, "categories", f"{len(raw)} given", cure='one is expected, named "person"')
    (category,) = categories
    names = category.keypoints
    if not names or len(set(names)) != len(names):
        raise fault(path, "categories[0].keypoints", "joint names are missing or repeated")
    return [
        Category(
            supercategory=category.supercategory,
            id=1 if category.id is None else category.id,
            name=category.name,
            keypoints=tuple(names),
            skeleton=None if category.skeleton is None else tuple(tuple(edge) for edge in category.skeleton),
            extra=_unknown(raw[0], _Category),
        )
    ]


def _check_image_ids(path: Path, images: Sequence[Any], people: Sequence[Any]) -> None:
    seen: dict[int, int] = {}
    for index, image in enumerate(images):
        if image.id in seen:
            raise fault(path, f"images[{index}].id", f"{image.id} is the id of images[{seen[image.id]}] too")
        seen[image.id] = index
    for index, person in enumerate(people):
        if person.image_id not in seen:
            raise fault(path, f"annotations[{index}].image_id", f"no image has the id {person.image_id}")


def _points(path: Path, people: Sequence[Any], joints: int) -> dict[int, npt.NDArray[np.float64]]:
    """Keypoints (K, 3) by the person's position in the file; views of one array. An empty list is nobody's joints."""
    rows: list[list[float | None]] = []
    owners: list[int] = []
    for index, person in enumerate(people):
        if not person.keypoints:
            continue
        if len(person.keypoints) != 3 * joints:
            raise fault(
                path, f"annotations[{index}].keypoints", f"{len(person.keypoints)} numbers, {3 * joints} expected"
            )
        rows.append(person.keypoints)
        owners.append(index)
    points = np.array(rows, np.float64).reshape(-1, joints, 3)
    unknown = np.isnan(points)  # null in the file
    points[unknown[..., 2], 2] = 1
    points[unknown[..., :2].any(axis=-1)] = 0
    for row in np.flatnonzero((np.abs(points) > LARGEST_COORDINATE).any(axis=(1, 2)))[:1]:
        raise fault(path, f"annotations[{owners[row]}].keypoints", f"a number beyond {LARGEST_COORDINATE:g} pixels")
    return dict(zip(owners, points, strict=True))


def _image(path: Path, index: int, image: Any, raw: dict[str, Any]) -> ImageRecord:
    given = _fields_of(image, ImageRecord)
    return ImageRecord(**given, ignore_regions=_polygons(path, index, image), extra=_unknown(raw, _Image))


def _polygons(path: Path, index: int, image: Any) -> tuple[Polygon, ...] | None:
    columns: list[list[float]] | None = image.ignore_regions_x
    rows: list[list[float]] | None = image.ignore_regions_y
    if columns is None and rows is None:
        return None
    place = f"images[{index}].ignore_regions"
    if columns is None or rows is None or [len(xs) for xs in columns] != [len(ys) for ys in rows]:
        raise fault(path, place, "the x and y lists differ in length", cure="each x needs its y")
    if any(abs(number) > LARGEST_COORDINATE for polygon in (*columns, *rows) for number in polygon):
        raise fault(path, place, f"a number beyond {LARGEST_COORDINATE:g} pixels")
    return tuple(tuple(zip(xs, ys, strict=True)) for xs, ys in zip(columns, rows, strict=True))


def _person(
    path: Path,
    index: int,
    person: Any,
    raw: dict[str, Any],
    keypoints: npt.NDArray[np.float64] | None,
    joints: int,
) -> PersonRecord:
    scores = None if person.scores is None else tuple(score or 0.0 for score in person.scores)
    if scores and len(scores) != joints:
        raise fault(path, f"annotations[{index}].scores", f"{len(scores)} numbers, {joints} expected, or none")
    return PersonRecord(
        **_fields_of(person, PersonRecord),
        keypoints=keypoints,
        scores=scores,
        bbox_xywh=_box(path, f"annotations[{index}].bbox", person.bbox),
        bbox_head_xywh=_box(path, f"annotations[{index}].bbox_head", person.bbox_head),
        extra=_unknown(raw, _Person),
    )


def _box(path: Path, place: str, numbers: Sequence[float | None] | None) -> Xywh | None:
    """A box; none where the list is empty or holds null."""
    if not numbers or None in numbers:
        return None
    if len(numbers) != 4:
        raise fault(path, place, f"{len(numbers)} numbers, four expected: left, top, width, height")
    left, top, width, height = (float(number or 0) for number in numbers)
    if max(map(abs, (left, top, width, height))) > LARGEST_COORDINATE:
        raise fault(path, place, f"a number beyond {LARGEST_COORDINATE:g} pixels")
    return left, top, width, height


def _fields_of(struct: Any, record: type) -> dict[str, Any]:
    """The fields of a record that the file writes as they are."""
    values = {name: getattr(struct, name) for name in _PLAIN[record]}
    for name in _FLAGS[record]:
        values[name] = None if values[name] is None else bool(values[name])
    return values


_PLAIN: Final[Mapping[type, tuple[str, ...]]] = {
    record: tuple(e.name for e in fields(record) if e.name not in _IN_MEMORY and e.name not in _WRITTEN_AS)
    for record in (ImageRecord, PersonRecord)
}


_FLAGS: Final[Mapping[type, tuple[str, ...]]] = {
    record: tuple(name for name in names if get_type_hints(record)[name] == bool | None)
    for record, names in _PLAIN.items()
}


def _values(record: ImageRecord | PersonRecord | Category) -> dict[str, Any]:
    """The keys and values of a record, in the order of its fields; keys that no field names come last."""
    values: dict[str, Any] = {}
    for entry in fields(record):
        value = getattr(record, entry.name)
        if value is None or entry.name in _IN_MEMORY:
            continue
        if entry.name == "ignore_regions":
            for axis, key in enumerate(_keys_of(entry.name)):
                values[key] = [[corner[axis] for corner in polygon] for polygon in value]
        else:
            (key,) = _keys_of(entry.name)
            values[key] = value.ravel().tolist() if isinstance(value, np.ndarray) else value
    return values | record.extra


def _ordered(values: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    """The same values, first those that `order` names."""
    if not order:
        return values
    return {name: values[name] for name in order if name in values} | values


def _unknown(raw: Mapping[str, Any], known: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in known.__struct_fields__}


def _keys(records: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Every key, in the order of first appearance."""
    return tuple(dict.fromkeys(name for record in records for name in record))

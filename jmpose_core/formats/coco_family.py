"""The JSON family of COCO: images, annotations and categories, as PoseTrack18, PoseTrack21 and COCO share it.

Every key of a file ends up in a field of the document or in its `extra`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import UNSET, UnsetType

from jmpose_core.formats.document import (
    Category,
    ImageRecord,
    PersonRecord,
    Polygon,
    PoseTrackDocument,
    Xywh,
)
from jmpose_core.formats.files import converted, fault
from jmpose_core.formats.numerals import LARGEST_COORDINATE
from jmpose_core.skeleton import POSETRACK18_SLOTS

T = TypeVar("T")
Optional: TypeAlias = T | UnsetType


class _File(msgspec.Struct):
    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: Optional[list[dict[str, Any]]] = UNSET


class _Image(msgspec.Struct):
    id: int
    file_name: str
    frame_id: Optional[int] = UNSET
    nframes: Optional[int] = UNSET
    vid_id: Optional[str | int] = UNSET
    is_labeled: Optional[bool] = UNSET
    has_labeled_person: Optional[bool] = UNSET
    has_no_densepose: Optional[bool] = UNSET
    ignore_regions_x: Optional[list[list[float]]] = UNSET
    ignore_regions_y: Optional[list[list[float]]] = UNSET
    width: Optional[int] = UNSET
    height: Optional[int] = UNSET


class _Person(msgspec.Struct):
    image_id: int
    keypoints: Optional[list[float]] = UNSET
    track_id: Optional[int] = UNSET
    id: Optional[int] = UNSET
    bbox: Optional[Xywh] = UNSET
    bbox_head: Optional[Xywh] = UNSET
    category_id: Optional[int] = UNSET
    scores: Optional[list[float]] = UNSET
    score: Optional[float] = UNSET
    person_id: Optional[int] = UNSET
    iscrowd: Optional[bool | int] = UNSET
    area: Optional[float] = UNSET
    num_keypoints: Optional[int] = UNSET


class _Category(msgspec.Struct):
    id: int
    name: str
    keypoints: list[str]
    supercategory: Optional[str] = UNSET
    skeleton: Optional[list[list[int]]] = UNSET


def document_of(raw: Any, path: Path) -> PoseTrackDocument:
    """The document in a file's plain values.

    Raises:
        FormatError: naming `path` and the place in it.
    """
    file = converted(raw, _File, path=path, place="")
    images = converted(file.images, list[_Image], path=path, place="images")
    people = converted(file.annotations, list[_Person], path=path, place="annotations")
    categories = None if file.categories is UNSET else _categories(path, file.categories)
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
        "images": [_ordered(_image_values(image), order.get("images", ())) for image in document.images],
        "annotations": [_ordered(_person_values(person), order.get("annotations", ())) for person in document.people],
    }
    if document.categories is not None:
        values["categories"] = [
            _ordered(_category_values(category), order.get("categories", ())) for category in document.categories
        ]
    return _ordered(values | document.extra, order.get("", ()))


def _categories(path: Path, raw: list[dict[str, Any]]) -> list[Category]:
    categories = converted(raw, list[_Category], path=path, place="categories")
    if [category.name for category in categories] != ["person"]:
        raise fault(path, "categories", f"{len(raw)} given", cure='one is expected, named "person"')
    names = categories[0].keypoints
    if not names or len(set(names)) != len(names):
        raise fault(path, "categories[0].keypoints", "joint names are missing or repeated")
    return [
        Category(
            id=category.id,
            name=category.name,
            supercategory=_or_none(category.supercategory),
            keypoints=tuple(category.keypoints),
            skeleton=None if category.skeleton is UNSET else tuple(tuple(edge) for edge in category.skeleton),
            extra=_unknown(entry, _Category),
        )
        for category, entry in zip(categories, raw, strict=True)
    ]


def _check_image_ids(path: Path, images: list[_Image], people: list[_Person]) -> None:
    seen: dict[int, int] = {}
    for index, image in enumerate(images):
        if image.id in seen:
            raise fault(path, f"images[{index}].id", f"{image.id} is the id of images[{seen[image.id]}] too")
        seen[image.id] = index
    for index, person in enumerate(people):
        if person.image_id not in seen:
            raise fault(path, f"annotations[{index}].image_id", f"no image has the id {person.image_id}")


def _points(path: Path, people: list[_Person], joints: int) -> dict[int, npt.NDArray[np.float64]]:
    """Keypoints (K, 3) by the person's position in the file; views of one array."""
    rows: list[list[float]] = []
    owners: list[int] = []
    for index, person in enumerate(people):
        if person.keypoints is UNSET:
            continue
        if len(person.keypoints) != 3 * joints:
            raise fault(
                path, f"annotations[{index}].keypoints", f"{len(person.keypoints)} numbers, {3 * joints} expected"
            )
        rows.append(person.keypoints)
        owners.append(index)
    points = np.array(rows, np.float64).reshape(-1, joints, 3)
    for row in np.flatnonzero((np.abs(points) > LARGEST_COORDINATE).any(axis=(1, 2)))[:1]:
        raise fault(path, f"annotations[{owners[row]}].keypoints", f"a number beyond {LARGEST_COORDINATE:g} pixels")
    return dict(zip(owners, points, strict=True))


def _image(path: Path, index: int, image: _Image, raw: dict[str, Any]) -> ImageRecord:
    return ImageRecord(
        id=image.id,
        file_name=image.file_name,
        frame_id=_or_none(image.frame_id),
        nframes=_or_none(image.nframes),
        vid_id=_or_none(image.vid_id),
        is_labeled=_or_none(image.is_labeled),
        has_labeled_person=_or_none(image.has_labeled_person),
        has_no_densepose=_or_none(image.has_no_densepose),
        ignore_regions=_polygons(path, index, image),
        width=_or_none(image.width),
        height=_or_none(image.height),
        extra=_unknown(raw, _Image),
    )


def _polygons(path: Path, index: int, image: _Image) -> tuple[Polygon, ...] | None:
    columns, rows = image.ignore_regions_x, image.ignore_regions_y
    if columns is UNSET and rows is UNSET:
        return None
    place = f"images[{index}].ignore_regions"
    if columns is UNSET or rows is UNSET or [len(xs) for xs in columns] != [len(ys) for ys in rows]:
        raise fault(path, place, "the x and y lists differ in length", cure="each x needs its y")
    if any(abs(number) > LARGEST_COORDINATE for polygon in (*columns, *rows) for number in polygon):
        raise fault(path, place, f"a number beyond {LARGEST_COORDINATE:g} pixels")
    return tuple(tuple(zip(xs, ys, strict=True)) for xs, ys in zip(columns, rows, strict=True))


def _person(
    path: Path,
    index: int,
    person: _Person,
    raw: dict[str, Any],
    keypoints: npt.NDArray[np.float64] | None,
    joints: int,
) -> PersonRecord:
    scores = None if person.scores is UNSET else tuple(person.scores)
    if scores and len(scores) != joints:
        raise fault(path, f"annotations[{index}].scores", f"{len(scores)} numbers, {joints} expected, or none")
    for name, bbox in (("bbox", person.bbox), ("bbox_head", person.bbox_head)):
        if bbox is not UNSET and max(map(abs, bbox)) > LARGEST_COORDINATE:
            raise fault(path, f"annotations[{index}].{name}", f"a number beyond {LARGEST_COORDINATE:g} pixels")
    return PersonRecord(
        image_id=person.image_id,
        keypoints=keypoints,
        track_id=_or_none(person.track_id),
        id=_or_none(person.id),
        bbox_xywh=_or_none(person.bbox),
        bbox_head_xywh=_or_none(person.bbox_head),
        category_id=_or_none(person.category_id),
        scores=scores,
        score=_or_none(person.score),
        person_id=_or_none(person.person_id),
        iscrowd=_or_none(person.iscrowd),
        area=_or_none(person.area),
        num_keypoints=_or_none(person.num_keypoints),
        extra=_unknown(raw, _Person),
    )


def _image_values(image: ImageRecord) -> dict[str, Any]:
    regions = image.ignore_regions
    return _present(
        has_no_densepose=image.has_no_densepose,
        is_labeled=image.is_labeled,
        file_name=image.file_name,
        nframes=image.nframes,
        frame_id=image.frame_id,
        vid_id=image.vid_id,
        ignore_regions_x=None if regions is None else [[x for x, _ in polygon] for polygon in regions],
        ignore_regions_y=None if regions is None else [[y for _, y in polygon] for polygon in regions],
        id=image.id,
        has_labeled_person=image.has_labeled_person,
        width=image.width,
        height=image.height,
    ) | dict(image.extra)


def _person_values(person: PersonRecord) -> dict[str, Any]:
    return _present(
        bbox_head=person.bbox_head_xywh,
        keypoints=None if person.keypoints is None else person.keypoints.ravel().tolist(),
        track_id=person.track_id,
        image_id=person.image_id,
        bbox=person.bbox_xywh,
        scores=person.scores,
        category_id=person.category_id,
        id=person.id,
        score=person.score,
        person_id=person.person_id,
        iscrowd=person.iscrowd,
        area=person.area,
        num_keypoints=person.num_keypoints,
    ) | dict(person.extra)


def _category_values(category: Category) -> dict[str, Any]:
    return _present(
        supercategory=category.supercategory,
        id=category.id,
        name=category.name,
        keypoints=category.keypoints,
        skeleton=category.skeleton,
    ) | dict(category.extra)


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _ordered(values: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    """The same values, first those that `order` names."""
    if not order:
        return values
    return {name: values[name] for name in order if name in values} | values


def _or_none(value: T | UnsetType) -> T | None:
    return None if value is UNSET else value  # type: ignore[return-value]


def _unknown(raw: Mapping[str, Any], known: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in known.__struct_fields__}


def _keys(records: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Every key, in the order of first appearance."""
    return tuple(dict.fromkeys(name for record in records for name in record))

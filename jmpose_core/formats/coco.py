"""COCO keypoints JSON, with track ids.

COCO's third value is 0 not labelled, 1 labelled but hidden, 2 visible. In the document it
is PoseTrack's: 1 visible, 0 with a position hidden. A track id is read from `track_id`
or, as CVAT writes it, from `attributes.track_id`.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from jmpose_core.annotations import Visibility
from jmpose_core.formats.coco_family import PERSON_NAMES, document_of, values_of
from jmpose_core.formats.document import Category, ExportSummary, PersonRecord, PoseTrackDocument, summary_of
from jmpose_core.formats.files import converted, encode_json, fault, read_json, write_atomically
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.numerals import whole_number
from jmpose_core.formats.people import BBOX_OF_KEYPOINTS, visibility_of, xywh_of
from jmpose_core.geometry import bbox_of_points

OTHER_ANNOTATIONS: Final = "annotations_of_other_categories"
OTHER_CATEGORIES: Final = "other_categories"


class Result(msgspec.Struct):
    """One entry of a COCO results list, which has no images and no categories of its own."""

    image_id: int
    keypoints: list[float]
    score: float
    category_id: int | None = None
    bbox: list[float] | None = None  # left, top, width, height


def read_coco(path: Path) -> PoseTrackDocument:
    """The people of a COCO keypoints file; categories without keypoints are kept aside in `extra`.

    Raises:
        FormatError: not such a file, or no category named "person" with keypoints. (A file without categories is
            read as COCO's 17 joints where its people have 17 with a third value of 2; a note says so.)
    """
    return coco_document_of(read_json(path), path)


def coco_document_of(raw: Any, path: Path) -> PoseTrackDocument:
    """The document in a COCO file's plain values.

    Raises:
        FormatError: naming `path` and the place in it.
    """
    people_only, notes = _people_only(raw, path)
    document = document_of(people_only, path)
    document.notes += notes
    for index, person in enumerate(document.people):
        if person.keypoints is not None:
            third = person.keypoints[:, 2]
            if not np.isin(third, (0, 1, 2)).all():
                wrong = third[~np.isin(third, (0, 1, 2))][0]
                cure = "scores belong into a results list, or a PoseTrack18 file"
                raise fault(path, f"annotations[{index}].keypoints", f"visibility {wrong:g}, not 0, 1 or 2", cure=cure)
            person.keypoints = person.keypoints * (third > 0)[:, None]
            person.keypoints[:, 2] = third == 2
        if person.track_id is None:
            person.track_id = _cvat_track_id(person)
    return document


def read_coco_results(path: Path) -> list[Result]:
    """A COCO keypoints results list.

    Raises:
        FormatError: not such a list.
    """
    return converted(read_json(path), list[Result], path=path, place="results")


def write_coco(document: PoseTrackDocument, path: Path) -> ExportSummary:
    """Write the document whole or not at all. Keys that COCO does not know are written beside its own.

    The category keeps the document's joint names; see joint_sets for COCO's own 17.

    Raises:
        FormatError: the file cannot be written.
    """
    summary = summary_of(document)
    extra = dict(document.extra)
    other_annotations, other_categories = extra.pop(OTHER_ANNOTATIONS, []), extra.pop(OTHER_CATEGORIES, [])
    people = [_coco_person(person, index, summary) for index, person in enumerate(document.people)]
    written = replace(document, people=people, extra=extra, categories=document.categories or [Category()])
    values = values_of(written)
    values["annotations"] += other_annotations
    values["categories"] += other_categories
    write_atomically(path, encode_json(values))
    return summary


def has_coco_visibility(entry: Any) -> bool:
    """Whether a person's third values are COCO's: a 2, or a count of labelled joints that leaves out those of 0."""
    keypoints = entry.get("keypoints") if isinstance(entry, dict) else None
    if not isinstance(keypoints, list) or len(keypoints) % 3:
        return False
    third = keypoints[2::3]
    if 2 in third:
        return True
    count = entry.get("num_keypoints")
    placed = any(v == 0 and (x, y) != (0, 0) for x, y, v in zip(keypoints[::3], keypoints[1::3], third, strict=True))
    return placed and isinstance(count, int) and count == sum(v == 1 for v in third)


def _people_only(raw: Any, path: Path) -> tuple[dict[str, Any], list[str]]:
    """The file's values with everything of other categories moved aside, and what was supposed."""
    file = converted(raw, dict[str, Any], path=path, place="")
    categories = converted(file.get("categories") or [], list[dict[str, Any]], path=path, place="categories")
    annotations = converted(file.get("annotations"), list[dict[str, Any]], path=path, place="annotations")
    people = [entry for entry in categories if str(entry.get("name")).casefold() in PERSON_NAMES]
    notes = []
    with_joints = [entry for entry in people if entry.get("keypoints")]
    if not with_joints and len(people or categories) <= 1 and _all_coco17(annotations):
        with_joints = [{"id": 1, "name": "person", **(people or [{}])[0], "keypoints": list(COCO17)}]
        notes.append("the file names no joints: read as COCO's 17, as each person has 17 with COCO's visibility")
    if len(with_joints) != 1:
        raise fault(path, "categories", 'no category "person" with keypoints', cure="use a person_keypoints file")
    if not categories:
        return file | {"categories": with_joints}, notes
    people_id = _number(with_joints[0].get("id"))
    people_ids = {people_id, _number(None)} if len(categories) == 1 else {people_id}  # of one class, none need be named
    others = [entry for entry in annotations if _number(entry.get("category_id")) not in people_ids]
    other_categories = [entry for entry in categories if _number(entry.get("id")) != people_id]
    moved: dict[str, Any] = {OTHER_CATEGORIES: other_categories} if other_categories else {}
    if others:
        moved[OTHER_ANNOTATIONS] = others
        names = {_number(entry.get("id")): str(entry.get("name")) for entry in categories}
        kinds = Counter(names.get(_number(entry.get("category_id")), "unknown category") for entry in others)
        notes.append("not persons, left out: " + ", ".join(f"{kind} ({count})" for kind, count in kinds.items()))
    persons = [entry for entry in annotations if _number(entry.get("category_id")) in people_ids]
    return file | {"categories": with_joints, "annotations": persons} | moved, notes


def _number(value: Any) -> object:
    """An id, which some write as 1.0 or "1"."""
    number = whole_number(str(value).removesuffix(".0"))
    return str(value) if number is None else number


def _all_coco17(annotations: list[dict[str, Any]]) -> bool:
    """Whether every person has 17 joints, and the third values are COCO's."""
    given = [entry["keypoints"] for entry in annotations if isinstance(entry.get("keypoints"), list)]
    lengths = {len(keypoints) for keypoints in given if keypoints}
    return lengths == {3 * len(COCO17)} and any(map(has_coco_visibility, annotations))


def _cvat_track_id(person: PersonRecord) -> int | None:
    attributes = person.extra.get("attributes")
    value = attributes.get("track_id") if isinstance(attributes, dict) else None
    number = whole_number(str(value))
    return None if isinstance(value, bool) else number


def _coco_person(person: PersonRecord, index: int, summary: ExportSummary) -> PersonRecord:
    """The person with COCO's third values and the fields that COCO demands."""
    keypoints, bbox, labelled = person.keypoints, person.bbox_xywh, 0
    if keypoints is not None:
        visibility = visibility_of(keypoints)
        present = visibility != Visibility.ABSENT
        labelled = int(present.sum())
        summary.drop("third values that are scores", int(((keypoints[:, 2] % 1) != 0).sum()))
        if bbox is None and labelled:
            bbox = xywh_of(bbox_of_points(keypoints[present, :2], enlarge=BBOX_OF_KEYPOINTS))
            summary.synthesise("bbox")
        keypoints = np.column_stack([keypoints[:, :2], visibility])
    if person.area is None:
        summary.synthesise("area")
    return replace(
        person,
        keypoints=keypoints,
        bbox_xywh=bbox,
        id=index + 1 if person.id is None else person.id,
        category_id=1 if person.category_id is None else person.category_id,
        iscrowd=0 if person.iscrowd is None else person.iscrowd,
        area=(bbox[2] * bbox[3] if bbox else 0.0) if person.area is None else person.area,
        num_keypoints=labelled if person.num_keypoints is None else person.num_keypoints,
    )

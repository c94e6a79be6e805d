"""CSV: one row a person and frame, for spreadsheets and data frames.

Columns: frame (position in the video, from 0), file_name, track_id, bbox_x, bbox_y, bbox_w,
bbox_h, score, then x, y, v and score of each joint. Empty cells are values that are not
known; v is 1 visible, 0 hidden. An image without people has a row with frame and file_name alone.
"""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from jmpose_core.errors import FormatError
from jmpose_core.formats.document import (
    Category,
    ExportSummary,
    ImageRecord,
    PersonRecord,
    PoseTrackDocument,
    fields_but,
    summary_of,
)
from jmpose_core.formats.files import fault, read_text, write_atomically
from jmpose_core.formats.numerals import LARGEST_FRAME, coordinate, whole_number
from jmpose_core.formats.people import FIRST_IMAGE_ID

_BBOX: Final = ("bbox_x", "bbox_y", "bbox_w", "bbox_h")
_FIXED: Final = ("frame", "file_name", "track_id", *_BBOX, "score")
KEPT: Final = (
    "images.file_name",
    "annotations.track_id",
    "annotations.bbox_xywh",
    "annotations.scores",
    "annotations.score",
)


def read_csv(path: Path) -> PoseTrackDocument:
    """A table as `write_csv` makes it, or as a spreadsheet or pandas saves that: other columns are left alone.

    Cells may be parted by comma, semicolon (then with decimal commas too) or tab; whole numbers may be written 3.0.
    The images are those that the table has a row for, each with its frame.

    Raises:
        FormatError: a column is missing, or a cell is no number; names the line.
    """
    try:
        text = read_text(path)
        delimiter = _delimiter(text)
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
        header = list(reader.fieldnames or ())
        missing = [name for name in _FIXED if name not in header]
        if missing:
            raise FormatError(f"{path}: line 1: no column {missing[0]}; export the table with `jmpose export`")
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise FormatError(f"{path}: not a CSV table ({error}); export it again as UTF-8") from error
    joints = tuple(name.removesuffix("_x") for name in header if name.endswith("_x") and name != "bbox_x")
    absent = [f"{joint}_{part}" for joint in joints for part in "yv" if f"{joint}_{part}" not in header]
    if absent:
        raise FormatError(f"{path}: line 1: no column {absent[0]}; each joint needs x, y and v")
    if not joints:
        raise FormatError(f"{path}: line 1: no joint; columns such as nose_x, nose_y and nose_v hold them")
    if delimiter != ",":
        numbers = [name for name in header if name != "file_name"]
        rows = [(line, row | {name: (row[name] or "").replace(",", ".") for name in numbers}) for line, row in rows]
    return _document(path, rows, joints)


def _delimiter(text: str) -> str:
    """What parts the names in the first line."""
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def write_csv(document: PoseTrackDocument, path: Path) -> ExportSummary:
    """Write the table whole or not at all.

    Raises:
        FormatError: the file cannot be written.
    """
    buffer = io.StringIO(newline="")
    joints = document.joint_names
    writer = csv.writer(buffer)
    writer.writerow([*_FIXED, *(f"{joint}_{part}" for joint in joints for part in ("x", "y", "v", "score"))])
    for place, (image, people) in enumerate(zip(document.images, document.people_by_image(), strict=True)):
        frame = place if image.frame_index is None else image.frame_index
        if not people:
            writer.writerow([frame, image.file_name])
        for _, person in people:
            bbox = person.bbox_xywh or ("",) * 4
            track_id = "" if person.track_id is None else person.track_id
            score = "" if person.score is None else person.score
            writer.writerow([frame, image.file_name, track_id, *bbox, score, *_joint_cells(person, len(joints))])
    write_atomically(path, buffer.getvalue().encode())
    return summary_of(document, drops=fields_but(*KEPT))


def _joint_cells(person: PersonRecord, count: int) -> list[float | str]:
    cells: list[float | str] = []
    for slot in range(count):
        point = None if person.keypoints is None else person.keypoints[slot].tolist()
        cells += point if point is not None and any(point) else ("", "", "")
        cells.append(person.scores[slot] if person.scores else "")
    return cells


def _document(path: Path, rows: list[tuple[int, dict[str, str]]], joints: tuple[str, ...]) -> PoseTrackDocument:
    names: dict[int, str] = {}
    people: list[PersonRecord] = []
    for line, row in rows:
        frame = _whole(path, line, row, "frame")
        if frame is None or not 0 <= frame <= LARGEST_FRAME:
            raise fault(path, f"line {line}", "column frame is not a whole number from 0")
        names[frame] = names.get(frame) or row["file_name"] or ""
        person = _person(path, line, row, joints, FIRST_IMAGE_ID + frame)
        if person is not None:
            people.append(person)
    images = [
        ImageRecord(id=FIRST_IMAGE_ID + frame, file_name=names[frame] or f"{frame:06d}.jpg", frame_index=frame)
        for frame in sorted(names)
    ]
    made_up = not any(names.values())
    return PoseTrackDocument(images, people, [Category(keypoints=joints, skeleton=None)], names_made_up=made_up)


def _person(
    path: Path, line: int, row: Mapping[str, str], joints: tuple[str, ...], image_id: int
) -> PersonRecord | None:
    """The row's person, or None where it holds an image alone."""
    track_id, score = _whole(path, line, row, "track_id"), _number(path, line, row, "score")
    box = [_number(path, line, row, name) for name in _BBOX]
    points = np.zeros((len(joints), 3))
    scores: list[float | None] = []
    for slot, joint in enumerate(joints):
        cells = [_number(path, line, row, f"{joint}_{part}") for part in "xyv"]
        if None not in cells:
            points[slot] = cells
        elif cells != [None] * 3:
            raise fault(path, f"line {line}", f"{joint}: some of x, y and v are empty")
        scores.append(_number(path, line, row, f"{joint}_score"))
    known = [value for value in box if value is not None]
    if track_id is None and score is None and not known and not points.any():
        return None
    if len(known) not in (0, 4):
        raise fault(path, f"line {line}", "some of the box's cells are empty")
    return PersonRecord(
        image_id=image_id,
        keypoints=points,
        track_id=track_id,
        bbox_xywh=(known[0], known[1], known[2], known[3]) if known else None,
        scores=() if None in scores else tuple(value for value in scores if value is not None),
        score=score,
    )


def _number(path: Path, line: int, row: Mapping[str, str], column: str) -> float | None:
    text = (row.get(column) or "").strip()
    if not text:
        return None
    value = coordinate(text)
    if math.isnan(value):
        raise fault(path, f"line {line}", f'column {column}: "{text[:40]}" is not a number in range')
    return value


def _whole(path: Path, line: int, row: Mapping[str, str], column: str) -> int | None:
    """A whole number, also as 3.0: pandas turns a column with gaps into that."""
    text = (row.get(column) or "").strip()
    if not text:
        return None
    number = whole_number(text)
    if number is None:
        value = coordinate(text)
        number = int(value) if value.is_integer() else None
    if number is None:
        raise fault(path, f"line {line}", f'column {column}: "{text[:40]}" is not a whole number')
    return number

"""The table of formats: what a row says of a format is so."""

from pathlib import Path

import numpy as np
import pytest

from jmpose_core.annotations import Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.document import ALL_FIELDS, PoseTrackDocument
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.table import (
    FORMAT_NAMES,
    FORMATS,
    QUESTIONS,
    SUFFIXES,
    Format,
    format_of,
    read_named_document,
    write_document,
)
from tests.core.formats.fuzzing import seed_document

ROWS = pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)


def values(document: PoseTrackDocument, field: str) -> list[object]:
    owner, _, name = field.partition(".")
    records = document.images if owner == "images" else document.people
    return [getattr(record, name) for record in records]


def full_document() -> PoseTrackDocument:
    """Every field has a value; whoever has a score has one for each joint."""
    document = seed_document()
    for index, image in enumerate(document.images):
        image.has_labeled_person, image.has_no_densepose, image.extra = True, True, {"note": index}
        image.file_name = f"000001_mpii_test/{index:06d}.jpg"
        if index:
            image.ignore_regions = ()
    for person in document.people:
        person.iscrowd, person.area, person.num_keypoints, person.extra = 0, 1200.0, 15, {"note": 1}
        person.scores, person.score = (0.5,) * 17, 0.5
    document.people.sort(key=lambda person: person.image_id)
    return document


@ROWS
def test_what_a_format_keeps_comes_back_and_what_it_does_not_is_counted(tmp_path: Path, row: Format) -> None:
    document = full_document()
    path = tmp_path / f"out{row.suffix}"
    summary = write_document(document, path, row.name)
    name, back = read_named_document(path)
    assert name == ("posetrack21" if row.name == "posetrack18" else row.name)  # for its has_labeled_person
    for field in ALL_FIELDS:
        if field not in row.keeps:
            assert field.endswith("is_labeled") or summary.dropped[field] > 0, field
        elif field == "images.file_name" and row.name == "yolo-pose":
            assert [Path(str(name)).name for name in values(document, field)] == values(back, field)
        elif field in ("images.width", "images.height"):
            assert set(values(back, field)) == set(values(document, field))
        elif field in ("annotations.scores", "annotations.bbox_xywh"):
            assert np.allclose(_numbers(values(back, field)), _numbers(values(document, field)), atol=1e-3)
        elif field not in ("images.ignore_regions",):
            assert values(back, field) == values(document, field), field
        else:
            assert [regions or () for regions in values(back, field)] == values(document, field)


def _numbers(entries: list[object]) -> np.ndarray:
    """The scores of ears that nobody has are not kept everywhere."""
    numbers = np.array(entries, float)
    return np.delete(numbers, [3, 4], axis=1) if numbers.shape[1] == 17 else numbers


@ROWS
def test_every_format_keeps_occluded_joints(tmp_path: Path, row: Format) -> None:
    path = tmp_path / f"out{row.suffix}"
    write_document(seed_document(), path, row.name)
    before, after = annotations_of(seed_document()), annotations_of(row.read(path))
    assert sum(int((p.visibility == Visibility.OCCLUDED).sum()) for p in before) > 0
    key = lambda person: (person.frame_index, float(person.keypoints[13, 0]))  # noqa: E731 - formats differ in order
    for ours, theirs in zip(sorted(before, key=key), sorted(after, key=key), strict=True):
        assert np.array_equal(ours.visibility, theirs.visibility)


def test_names_and_titles_tell_the_rows_apart_and_what_they_hold_is_said_in_words() -> None:
    assert len(set(FORMAT_NAMES)) == len({row.title for row in FORMATS}) == len(FORMATS)
    assert set(SUFFIXES) == {row.suffix for row in FORMATS} - {""}
    assert format_of("posetrack18").holds == tuple(QUESTIONS)
    assert format_of("cvat").holds == ("track numbers", "image sizes")
    assert format_of("csv").holds == ("track numbers", "confidences", "boxes", "image names")
    assert set(QUESTIONS.values()) <= set(ALL_FIELDS)


@pytest.mark.parametrize("name", ["notes.txt", "folder.json/x.docx", "data", "a.yaml"])
def test_what_is_of_no_format_is_refused_with_the_kinds_that_are(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("hello")
    with pytest.raises(FormatError, match=r"can be read|not the settings of a data set"):
        read_named_document(tmp_path / name)


@ROWS
def test_an_image_name_that_is_not_utf8_is_refused_by_every_format_that_keeps_names(
    tmp_path: Path, row: Format
) -> None:
    document = seed_document()
    document.images[0].file_name = "caf\udce9.jpg"
    out = tmp_path / f"out{row.suffix}"
    if "image names" not in row.holds:
        write_document(document, out, row.name)
        return
    with pytest.raises(FormatError, match="not UTF-8"):
        write_document(document, out, row.name)
    assert list(tmp_path.iterdir()) == []

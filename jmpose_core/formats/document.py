"""What a PoseTrack file says, in memory: every field kept, by the file's own words. No Qt, no torch.

The model is PoseTrack18's and PoseTrack21's, which the other formats are read into
and written from. `None` means that the file has no such key. Keys this program does
not know are kept in `extra` and written back. Positions and boxes are image pixels.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from jmpose_core.skeleton import POSETRACK18_SLOTS

Xywh: TypeAlias = tuple[float, float, float, float]
Polygon: TypeAlias = tuple[tuple[float, float], ...]  # corners x, y

# One-based, as PoseTrack18 files carry it: COCO's list, of which the edges at the ears make no sense there.
POSETRACK18_SKELETON: tuple[tuple[int, int], ...] = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9),
    (8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class ImageRecord:
    """One frame of a file. The fields are PoseTrack's and COCO's keys, in the order in which they are written."""

    has_no_densepose: bool | None = None
    is_labeled: bool | None = None  # PoseTrack21: has keypoints
    file_name: str
    nframes: int | None = None
    frame_id: int | None = None
    vid_id: str | int | None = None
    ignore_regions: tuple[Polygon, ...] | None = None
    id: int
    has_labeled_person: bool | None = None  # PoseTrack21: has boxes, with keypoints or without
    width: int | None = None
    height: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    # Position in the video, from 0, where the format itself counts frames (CVAT, CSV, PoseTrack17). Never written.
    frame_index: int | None = field(default=None, compare=False)


@dataclass(slots=True, eq=False, kw_only=True)
class PersonRecord:
    """One person in one image, an entry of `annotations`. The fields are the file's keys, in the order of writing."""

    bbox_head_xywh: Xywh | None = None
    keypoints: npt.NDArray[np.float64] | None = None  # (K, 3) x, y, third value; K names of the document's joints
    track_id: int | None = None
    image_id: int
    bbox_xywh: Xywh | None = None
    scores: tuple[float, ...] | None = None  # one a keypoint; empty in PoseTrack18's ground truth
    category_id: int | None = None
    id: int | None = None
    score: float | None = None  # of the person
    person_id: int | None = None  # PoseTrack21: identity across videos
    iscrowd: bool | int | None = None  # COCO: a group of people, drawn as one
    area: float | None = None  # square pixels
    num_keypoints: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    synthesised: tuple[str, ...] = ()  # names of fields and joints that were made up, not read; never written

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PersonRecord):
            return NotImplemented
        return _same_points(self.keypoints, other.keypoints) and all(
            getattr(self, name) == getattr(other, name) for name in _PERSON_FIELDS
        )

    __hash__ = None  # type: ignore[assignment]


_PERSON_FIELDS = tuple(entry.name for entry in fields(PersonRecord) if entry.name != "keypoints")


def _same_points(first: npt.NDArray[np.float64] | None, second: npt.NDArray[np.float64] | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)


@dataclass(slots=True)
class Category:
    """The kind of thing that is annotated: the person and the names of its joints."""

    supercategory: str | None = "person"
    id: int = 1
    name: str = "person"
    keypoints: tuple[str, ...] = POSETRACK18_SLOTS
    skeleton: tuple[tuple[int, ...], ...] | None = POSETRACK18_SKELETON
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class PoseTrackDocument:
    """One file: images in the order of the video, people in the order of the file."""

    images: list[ImageRecord]
    people: list[PersonRecord]
    categories: list[Category] | None = field(default_factory=lambda: [Category()])  # absent in some predictions
    extra: dict[str, Any] = field(default_factory=dict)
    # Order of keys by place ("", "images", "annotations", "categories"), so that a file is written back as it was.
    key_order: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    # Frames of the video, of a format that counts frames and lists only those with people (CVAT, SLEAP).
    frame_count: int | None = field(default=None, compare=False)
    # The format has no image names: those in `images` stand for numbers, and say nothing about a folder's files.
    names_made_up: bool = field(default=False, compare=False)
    notes: list[str] = field(default_factory=list, compare=False)  # what the reader left out or supposed, for the user

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the K keypoints; PoseTrack18's 17 slots where the file names none."""
        return self.categories[0].keypoints if self.categories else POSETRACK18_SLOTS

    def without_crowds(self) -> "PoseTrackDocument":
        """The document without the groups that COCO marks as `iscrowd`: they are no persons. A note counts them."""
        people = [person for person in self.people if not person.iscrowd]
        crowds = len(self.people) - len(people)
        if not crowds:
            return self
        note = f"{crowds} {'group' if crowds == 1 else 'groups'} of people (iscrowd) left out"
        return replace(self, people=people, notes=[*self.notes, note])

    def people_by_image(self) -> list[list[tuple[int, PersonRecord]]]:
        """For each image, in order: its people with their positions in `people`."""
        position = {image.id: index for index, image in enumerate(self.images)}
        grouped: list[list[tuple[int, PersonRecord]]] = [[] for _ in self.images]
        for index, person in enumerate(self.people):
            grouped[position[person.image_id]].append((index, person))
        return grouped


@dataclass(slots=True)
class ExportSummary:
    """What a written file does not say, or says without anyone having labelled it: field or joint -> how often."""

    people: int = 0
    images: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    synthesised: dict[str, int] = field(default_factory=dict)

    def drop(self, what: str, count: int = 1) -> None:
        """Note that `count` values of `what` have no place in the format."""
        if count:
            self.dropped[what] = self.dropped.get(what, 0) + count

    def synthesise(self, what: str, count: int = 1) -> None:
        """Note that `count` values of `what` were derived from others."""
        if count:
            self.synthesised[what] = self.synthesised.get(what, 0) + count

    def drop_fractions(self, keypoints: npt.NDArray[np.float64]) -> None:
        """Note the third values of keypoints (K, 3) that are scores, where a format has only visibility."""
        self.drop("third values that are scores", int(((keypoints[:, 2] % 1) != 0).sum()))

    def lines(self) -> Iterator[str]:
        """The summary as sentences for the user."""
        yield f"{self.people} people in {self.images} images written"
        yield from (f"not in this format: {what} ({count} left out)" for what, count in self.dropped.items())
        yield from (f"derived, not labelled: {what} ({count})" for what, count in self.synthesised.items())


def fields_but(*kept: str) -> tuple[str, ...]:
    """All fields of images and people, as `images.width` or `annotations.score`, but those that a format keeps."""
    if unknown := set(kept) - set(ALL_FIELDS):
        raise ValueError(f"no such fields: {', '.join(sorted(unknown))}")
    return tuple(name for name in ALL_FIELDS if name not in kept)


# Not those that every format keeps, nor what is known of the document rather than of the person.
ALL_FIELDS = tuple(
    f"{owner}.{entry.name}"
    for owner, record in (("images", ImageRecord), ("annotations", PersonRecord))
    for entry in fields(record)
    if entry.name not in ("image_id", "keypoints", "synthesised", "frame_index")
)


def summary_of(document: PoseTrackDocument, *, drops: Collection[str] = ()) -> ExportSummary:
    """A summary that counts what is synthesised, and the named fields of images and people that are dropped."""
    summary = ExportSummary(people=len(document.people), images=len(document.images))
    left_out = {name.removeprefix("annotations.").removesuffix("_xywh") for name in drops}
    for person in document.people:
        for what in person.synthesised:
            if what not in left_out:  # else it is not in the file
                summary.synthesise(what)
    for name in drops:
        owner, _, attribute = name.partition(".")
        records: list[Any] = {"images": document.images, "annotations": document.people}[owner]
        summary.drop(name, sum(_is_set(getattr(record, attribute)) for record in records))
    return summary


def _is_set(value: object) -> bool:
    return value is not None and value != () and value != {}

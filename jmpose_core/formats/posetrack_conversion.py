"""PoseTrack17 to PoseTrack18 and back, as poseval's own converter does it.

Its frame ids are built from file names: T SSSSSS FFFF, with T = 1 mpii, 2 bonn,
3 mpiinew. PoseTrack17 counts its file names from 1, so frame ids are one more than
PoseTrack18's own.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

import numpy as np

from jmpose_core.formats.document import (
    ExportSummary,
    ImageRecord,
    PersonRecord,
    PoseTrackDocument,
    fields_but,
    summary_of,
)
from jmpose_core.formats.people import BBOX_OF_KEYPOINTS, FIRST_IMAGE_ID, xywh_of, xyxy_of
from jmpose_core.formats.posetrack17 import Frame17, Person17, Point17, PoseTrack17Document
from jmpose_core.geometry import bbox_of_points
from jmpose_core.skeleton import JOINT_INDEX, JOINTS, POSETRACK18_SLOTS, SLOT_OF_JOINT

SOURCES: Final = {"mpii": 1, "bonn": 2, "mpiinew": 3}
_FOLDER = re.compile(r"^(?P<sequence>\d{1,6})_(?P<source>mpiinew|mpii|bonn)(?:_|$)")
KEPT_IN_17: Final = (
    "images.file_name", "images.is_labeled", "images.ignore_regions",
    "annotations.track_id", "annotations.bbox_head_xywh", "annotations.scores", "annotations.score",
)  # fmt: skip


class ImageName(NamedTuple):
    """What a PoseTrack image name says."""

    source: int
    sequence: int
    number: int  # the file name's number: from 0 in PoseTrack18, from 1 in PoseTrack17

    @property
    def frame_id(self) -> int:
        """T SSSSSS FFFF."""
        return (self.source * 1_000_000 + self.sequence) * 10_000 + self.number


def parsed_image_name(file_name: str) -> ImageName | None:
    """The parts of ".../SSSSSS_mpii_test/000000.jpg"; None for a name of another make."""
    path = PurePosixPath(file_name.replace("\\", "/"))
    match = _FOLDER.match(path.parent.name)
    if match is None or not (path.stem.isascii() and path.stem.isdigit()) or len(path.stem) > 9:
        return None
    return ImageName(SOURCES[match["source"]], int(match["sequence"]), int(path.stem))


def posetrack17_from_18(document: PoseTrackDocument) -> tuple[PoseTrack17Document, ExportSummary]:
    """The document as PoseTrack17 can hold it, and what it cannot.

    Joints go by name; imgnum is the file name's number plus 1 (the position plus 1 for
    names without one); is_labeled says whether the frame has people.
    """
    summary = summary_of(document, drops=fields_but(*KEPT_IN_17))
    for name in set(document.joint_names) - set(JOINTS):
        slot = document.joint_names.index(name)
        summary.drop(
            name, sum(bool((p.keypoints[slot] != 0).any()) for p in document.people if p.keypoints is not None)
        )
    frames = []
    for index, (image, people) in enumerate(zip(document.images, document.people_by_image(), strict=True)):
        name = parsed_image_name(image.file_name)
        frames.append(
            Frame17(
                image_name=image.file_name,
                imgnum=(name.number if name is not None else index) + 1,
                is_labeled=bool(people),
                people=[_person17(person, document.joint_names) for _, person in people],
                ignore_regions=image.ignore_regions or None,
            )
        )
    return PoseTrack17Document(frames), summary


def posetrack18_from_17(document: PoseTrack17Document) -> PoseTrackDocument:
    """The document in PoseTrack18's terms. Person boxes are the joints' extent x1.3, and marked as synthesised.

    Images whose names do not follow PoseTrack get ids by position.
    """
    ids = _image_ids([frame.image_name for frame in document.frames])
    numbered = len({frame.imgnum for frame in document.frames if frame.imgnum}) == len(document.frames)
    images, people = [], []
    for frame, image_id in zip(document.frames, ids, strict=True):
        name = parsed_image_name(frame.image_name)
        images.append(
            ImageRecord(
                id=image_id,
                file_name=frame.image_name,
                frame_id=image_id,
                nframes=len(document.frames),
                vid_id=f"{name.sequence if name is not None else 1:06d}",
                is_labeled=frame.is_labeled,
                has_no_densepose=True,
                ignore_regions=frame.ignore_regions,
                frame_index=frame.imgnum - 1 if numbered and frame.imgnum else None,
            )
        )
        people += [_person18(person, image_id, index) for index, person in enumerate(frame.people)]
    return PoseTrackDocument(images, people)


def _image_ids(names: Sequence[str]) -> list[int]:
    parsed = [parsed_image_name(name) for name in names]
    ids = [name.frame_id for name in parsed if name is not None]
    if len(set(ids)) == len(names):
        return ids
    return [FIRST_IMAGE_ID + index for index in range(len(names))]


def _person17(person: PersonRecord, names: tuple[str, ...]) -> Person17:
    return Person17(
        track_id=person.track_id,
        head_xyxy=None if person.bbox_head_xywh is None else xyxy_of(person.bbox_head_xywh),
        score=person.score,
        points=None if person.keypoints is None else _points17(person, names),
    )


def _points17(person: PersonRecord, names: tuple[str, ...]) -> list[Point17]:
    assert person.keypoints is not None  # the caller's branch
    return [
        Point17(JOINT_INDEX[name], x, y, is_visible=value, score=person.scores[slot] if person.scores else None)
        for slot, (name, (x, y, value)) in enumerate(zip(names, person.keypoints.tolist(), strict=True))
        if name in JOINT_INDEX and (x, y, value) != (0, 0, 0)
    ]


def _person18(person: Person17, image_id: int, index: int) -> PersonRecord:
    keypoints = np.zeros((len(POSETRACK18_SLOTS), 3))
    scores = np.zeros(len(POSETRACK18_SLOTS))
    points = person.points or []
    for point in points:
        slot = SLOT_OF_JOINT[point.id]
        keypoints[slot] = (point.x, point.y, 1.0 if point.is_visible is None else point.is_visible)
        scores[slot] = point.score or 0.0
    bbox = None
    if points:
        bbox = xywh_of(bbox_of_points(np.array([(point.x, point.y) for point in points]), enlarge=BBOX_OF_KEYPOINTS))
    return PersonRecord(
        image_id=image_id,
        keypoints=keypoints,
        track_id=person.track_id,
        id=image_id * 100 + index,
        bbox_xywh=bbox,
        bbox_head_xywh=None if person.head_xyxy is None else xywh_of(person.head_xyxy),
        category_id=1,
        scores=tuple(scores.tolist()) if any(point.score is not None for point in points) else (),
        score=person.score,
        synthesised=("bbox",) if points else (),
    )

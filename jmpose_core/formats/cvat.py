"""CVAT for video 1.1 (XML), people as tracks of skeletons.

A joint's `outside` says that it is absent, `occluded` that it is hidden. Where a person
leaves, CVAT wants one more skeleton with every joint outside, or it would draw the person on.
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from jmpose_core.annotations import Visibility
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
from jmpose_core.formats.files import fault, read_bytes, write_atomically
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.numerals import LARGEST_FRAME, coordinate, whole_number
from jmpose_core.formats.people import FIRST_IMAGE_ID, visibility_of
from jmpose_core.skeleton import POSETRACK18_SLOTS

_DROPPED: Final = fields_but("images.width", "images.height", "annotations.track_id")


def read_cvat(path: Path) -> PoseTrackDocument:
    """The skeleton tracks of a CVAT for video 1.1 file; image names are made up, as the file has none.

    Raises:
        FormatError: not such a file, or a broken number; names track and frame.
    """
    try:
        root = ET.fromstring(read_bytes(path))
    except (ET.ParseError, ValueError, LookupError, RecursionError) as error:  # LookupError: an unknown encoding
        raise FormatError(f"{path}: not valid XML ({error}); export it again from CVAT") from error
    if root.tag != "annotations":
        raise FormatError(f"{path}: <{root.tag[:40]}>, <annotations> expected; export as CVAT for video 1.1")
    tracks = [track for track in root.iter("track") if track.find("skeleton") is not None]
    if not tracks and root.find("image") is not None:
        raise FormatError(f"{path}: CVAT for images; export the task as CVAT for video 1.1")
    names = _joint_names(point.get("label", "") for track in tracks for point in track.iter("points"))
    people = [person for track in tracks for person in _people(path, track, names)]
    people.sort(key=lambda person: person.image_id)
    return PoseTrackDocument(
        _images(path, root, people), people, [Category(keypoints=names, skeleton=None)] if names else [Category()]
    )


def write_cvat(document: PoseTrackDocument, path: Path) -> ExportSummary:
    """Write the tracks whole or not at all. People without a track id become tracks of their own.

    Raises:
        FormatError: the same track twice in an image, or the file cannot be written.
    """
    summary = summary_of(document, drops=_DROPPED)
    tracks = _tracks(document, summary)
    labels = _labelled_joints(document)
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    _add_meta(root, document, labels)
    for track_id, frames in sorted(tracks.items()):
        track = ET.SubElement(root, "track", id=str(track_id), label="person", source="manual")
        for frame, person in sorted(frames.items()):
            _add_skeleton(track, frame, person, document.joint_names, labels)
            if frame + 1 < len(document.images) and frame + 1 not in frames:
                _add_skeleton(track, frame + 1, person, document.joint_names, labels, gone=True)
    ET.indent(root)
    write_atomically(path, ET.tostring(root, encoding="utf-8", xml_declaration=True))
    return summary


def _joint_names(labels: Iterable[str]) -> tuple[str, ...]:
    """A known joint set that holds all labels, or the labels in the order of appearance."""
    found = dict.fromkeys(labels)
    for known in (POSETRACK18_SLOTS, COCO17):
        if found and found.keys() <= set(known):
            return known
    return tuple(found)


def _people(path: Path, track: ET.Element, names: tuple[str, ...]) -> list[PersonRecord]:
    track_id = _whole(path, "track", track.get("id"))
    people = []
    seen: set[int] = set()
    for skeleton in track.iter("skeleton"):
        place = f"track {track_id}"
        frame = _whole(path, place, skeleton.get("frame"))
        if frame in seen or not 0 <= frame <= LARGEST_FRAME:
            raise fault(path, f"{place}, frame {frame}", "a frame twice, or out of range")
        seen.add(frame)
        keypoints = np.zeros((len(names), 3))
        if skeleton.get("outside") != "1":
            for point in skeleton.iter("points"):
                if point.get("outside") != "1":
                    value = 0.0 if point.get("occluded") == "1" else 1.0
                    xy = _xy(path, f"{place}, frame {frame}, {point.get('label')}", point.get("points"))
                    keypoints[names.index(point.get("label", ""))] = (*xy, value)
        if keypoints.any():
            people.append(PersonRecord(image_id=FIRST_IMAGE_ID + frame, keypoints=keypoints, track_id=track_id))
    return people


def _images(path: Path, root: ET.Element, people: Sequence[PersonRecord]) -> list[ImageRecord]:
    size = root.find("./meta/*/size")
    count = 0 if size is None else _whole(path, "meta size", size.text)
    if not 0 <= count <= LARGEST_FRAME:
        raise fault(path, "meta size", f"{count} frames")
    last = max((person.image_id - FIRST_IMAGE_ID for person in people), default=-1)
    width, height = (
        None if (element := root.find(f".//original_size/{side}")) is None else _whole(path, side, element.text)
        for side in ("width", "height")
    )
    return [
        ImageRecord(id=FIRST_IMAGE_ID + frame, file_name=f"{frame:06d}.jpg", width=width, height=height)
        for frame in range(max(count, last + 1))
    ]


def _xy(path: Path, place: str, text: str | None) -> tuple[float, float]:
    numbers = [coordinate(part) for part in (text or "").split(",")]
    if len(numbers) != 2 or any(math.isnan(number) for number in numbers):
        raise fault(path, place, f'points="{(text or "")[:40]}", expected "x,y" in pixels')
    return numbers[0], numbers[1]


def _whole(path: Path, place: str, text: str | None) -> int:
    number = whole_number(text or "")
    if number is None:
        raise fault(path, place, f'"{(text or "")[:40]}" is not a whole number')
    return number


def _tracks(document: PoseTrackDocument, summary: ExportSummary) -> dict[int, dict[int, PersonRecord]]:
    """People by track and frame."""
    tracks: dict[int, dict[int, PersonRecord]] = {}
    free = 1 + max((person.track_id for person in document.people if person.track_id is not None), default=-1)
    for frame, entries in enumerate(document.people_by_image()):
        for index, person in entries:
            if person.keypoints is None or not person.keypoints.any():
                summary.drop("people without joints")
                continue
            track_id = person.track_id
            if track_id is None:
                track_id, free = free, free + 1
                summary.synthesise("track_id")
            if frame in tracks.setdefault(track_id, {}):
                raise FormatError(
                    f"annotations[{index}].track_id: {track_id} is twice in image {frame}; give each person its own"
                )
            summary.drop_fractions(person.keypoints)
            tracks[track_id][frame] = person
    return tracks


def _labelled_joints(document: PoseTrackDocument) -> list[str]:
    """The document's joints but for ears and the like that nobody has."""
    used = np.zeros(len(document.joint_names), bool)
    for person in document.people:
        if person.keypoints is not None:
            used |= person.keypoints.any(axis=1)
    return [name for name, is_used in zip(document.joint_names, used, strict=True) if is_used]


def _add_meta(root: ET.Element, document: PoseTrackDocument, labels: Sequence[str]) -> None:
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    ET.SubElement(task, "size").text = str(len(document.images))
    ET.SubElement(task, "mode").text = "interpolation"
    size = next(((i.width, i.height) for i in document.images if i.width is not None and i.height is not None), None)
    if size is not None:
        original = ET.SubElement(task, "original_size")
        ET.SubElement(original, "width").text, ET.SubElement(original, "height").text = str(size[0]), str(size[1])
    group = ET.SubElement(task, "labels")
    for name, kind, parent in (("person", "skeleton", None), *((name, "points", "person") for name in labels)):
        label = ET.SubElement(group, "label")
        ET.SubElement(label, "name").text = name
        ET.SubElement(label, "type").text = kind
        if parent is not None:
            ET.SubElement(label, "parent").text = parent


def _add_skeleton(
    track: ET.Element,
    frame: int,
    person: PersonRecord,
    names: tuple[str, ...],
    labels: Sequence[str],
    *,
    gone: bool = False,
) -> None:
    assert person.keypoints is not None  # _tracks leaves out people without joints
    skeleton = ET.SubElement(track, "skeleton", frame=str(frame), keyframe="1", z_order="0")
    visibility = visibility_of(person.keypoints)
    for label in labels:
        slot = names.index(label)
        x, y, _ = person.keypoints[slot].tolist()
        ET.SubElement(
            skeleton,
            "points",
            label=label,
            outside="1" if gone or visibility[slot] == Visibility.ABSENT else "0",
            occluded="1" if visibility[slot] == Visibility.OCCLUDED else "0",
            keyframe="1",
            points=f"{x!r},{y!r}",
        )

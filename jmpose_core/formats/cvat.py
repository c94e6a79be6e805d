"""CVAT XML 1.1: people as tracks of skeletons in videos; skeletons on images are read too.

A joint's `outside` says that it is absent, `occluded` that it is hidden. Where a person leaves, CVAT wants one more
skeleton with every joint outside, or it would draw the person on. Between two skeletons of a track CVAT moves the
joints in a straight line, and so does this reader. Tracks and shapes of other kinds (boxes, points, polygons) are left
out and noted. The video format counts frames from 0 and has no image names. In the export of a project with several
tasks, each task's frames are put into a folder named as its video.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from jmpose_core.annotations import Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.cvat_reader import CvatReader
from jmpose_core.formats.document import (
    ExportSummary,
    PersonRecord,
    PoseTrackDocument,
    fields_but,
    summary_of,
)
from jmpose_core.formats.files import read_bytes, write_atomically
from jmpose_core.formats.people import visibility_of

KEPT: Final = ("images.width", "images.height", "annotations.track_id")


def read_cvat(path: Path) -> PoseTrackDocument:
    """The skeletons of a CVAT for video 1.1 or CVAT for images 1.1 file.

    Raises:
        FormatError: not such a file, a broken number, or no skeleton in it though it has other shapes; names track
            and frame.
    """
    try:
        root = ET.fromstring(read_bytes(path))
    except (ET.ParseError, ValueError, LookupError, RecursionError) as error:  # LookupError: an unknown encoding
        raise FormatError(f"{path}: not valid XML ({error}); export it again from CVAT") from error
    if root.tag != "annotations":
        raise FormatError(f"{path}: <{root.tag[:40]}>, <annotations> expected; export as CVAT for video 1.1")
    reader = CvatReader(path, root)
    if root.find("image") is not None:
        reader.read_images()
    else:
        reader.read_tracks()
    return reader.document()


def write_cvat(document: PoseTrackDocument, path: Path) -> ExportSummary:
    """Write the tracks whole or not at all. People without a track id become tracks of their own.

    Raises:
        FormatError: the same track twice in an image, or the file cannot be written.
    """
    summary = summary_of(document, drops=fields_but(*KEPT))
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

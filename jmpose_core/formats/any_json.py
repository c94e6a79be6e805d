"""JSON annotation files of any of the formats read here, told apart by what they hold."""

from pathlib import Path
from typing import Any

from jmpose_core.errors import FormatError
from jmpose_core.formats.coco import coco_document_of, has_coco_visibility
from jmpose_core.formats.coco_family import document_of
from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.files import read_json
from jmpose_core.formats.joint_sets import our_names
from jmpose_core.formats.posetrack17 import document17_of
from jmpose_core.formats.posetrack_conversion import posetrack18_from_17


def read_json_annotations(path: Path) -> PoseTrackDocument:
    """A PoseTrack17, PoseTrack18, PoseTrack21 or COCO keypoints file.

    A file of the COCO family is COCO's own when it has several categories, names no head_top, or when its third
    values are COCO's (`coco.has_coco_visibility`); otherwise it is PoseTrack's.

    Raises:
        FormatError: none of these; the message names the place of the fault.
    """
    return read_named_json(path)[1]


def read_named_json(path: Path) -> tuple[str, PoseTrackDocument]:
    """As `read_json_annotations`, with the format's name on the command line.

    Raises:
        FormatError: none of these; the message names the place of the fault.
    """
    raw = read_json(path)
    if not isinstance(raw, dict):
        raise FormatError(f"{path}: not an annotation file; PoseTrack and COCO files are JSON objects")
    if "annotation" in raw:
        raise FormatError(f"{path}: one frame of HiEve's labels; give the folder that holds all frames of its video")
    if "annolist" in raw:
        return "posetrack17", posetrack18_from_17(document17_of(raw, path))
    if _is_coco(raw):
        return "coco", coco_document_of(raw, path)
    document = document_of(raw, path)
    return ("posetrack21" if _has_identities(document) else "posetrack18"), document


def _has_identities(document: PoseTrackDocument) -> bool:
    """PoseTrack21 adds identities across videos, and says which images have boxes, to PoseTrack18."""
    return any(image.has_labeled_person is not None for image in document.images) or any(
        person.person_id is not None for person in document.people
    )


def _is_coco(raw: dict[str, Any]) -> bool:
    categories, annotations = raw.get("categories") or [], raw.get("annotations")
    if not isinstance(categories, list) or not isinstance(annotations, list):
        return False
    if categories:
        names = categories[0].get("keypoints") if isinstance(categories[0], dict) else None
        if len(categories) > 1 or not isinstance(names, list) or "head_top" not in our_names(_texts(names)):
            return True
    return any(map(has_coco_visibility, annotations))


def _texts(values: list[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str)]

"""An annotation file's document made ready for a project: checked, in the project's joints, and what it lacks or loses.

Used by `importing`; every function takes and gives the document in memory, none knows the project.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from jmpose_core.formats.document import Category, PersonRecord, PoseTrackDocument
from jmpose_core.formats.files import fault
from jmpose_core.formats.joint_conversion import with_joints
from jmpose_core.formats.joint_sets import our_names
from jmpose_core.formats.people import has_area
from jmpose_core.skeleton import JOINTS

LARGEST_TRACK_ID: Final = 2_000_000_000  # fits the 32 bits of Qt's signals


def with_names(document: PoseTrackDocument, joints: Mapping[str, str], file: Path) -> PoseTrackDocument:
    """The document with joints renamed as the user asked."""
    for theirs, ours in joints.items():
        if theirs not in document.joint_names:
            raise fault(file, "joints", f"no joint {theirs}", cure=f"it has {', '.join(document.joint_names)}")
        if ours not in JOINTS:
            raise fault(file, "joints", f"{ours} is no joint of a project", cure=f"choose of {', '.join(JOINTS)}")
    if not joints:
        return document
    names = tuple(joints.get(name, name) for name in document.joint_names)
    if len(set(names)) < len(names):
        raise fault(file, "joints", "two joints would have the same name", cure="give each joint a name of its own")
    category = document.categories[0] if document.categories else Category()
    return replace(document, categories=[replace(category, keypoints=names)])


def persons(document: PoseTrackDocument) -> PoseTrackDocument:
    """The document without people of whom neither a joint nor a box is known."""
    people = [person for person in document.people if _is_somebody(person)]
    empty = len(document.people) - len(people)
    notes = [f"people without joints and without a box, left out ({empty})"] if empty else []
    return replace(document, people=people, notes=[*document.notes, *notes])


def refuse_unknown_joints(document: PoseTrackDocument, file: Path) -> None:
    """Refuse a file with poses of which no joint is known by name.

    Raises:
        FormatError: as it says.
    """
    names = document.joint_names
    if any(map(_has_joints, document.people)) and not set(our_names(names)) & set(JOINTS):
        some = ", ".join(names[:5]) + ("…" if len(names) > 5 else "")
        cure = (
            f'say which is which, as in --joint "{next(iter(names))}=nose", or name them in the file as PoseTrack does'
        )
        raise fault(file, "joints", f"none of them ({some}) is known", cure=cure)


def check_tracks(document: PoseTrackDocument, file: Path) -> None:
    """Refuse track ids that no project can hold. Groups (iscrowd) and people of whom nothing is known do not count.

    Raises:
        FormatError: an id that is negative, too large, or twice in an image; names the place in the file.
    """
    owner: dict[tuple[int, int], int] = {}
    for index, person in enumerate(document.people):
        if person.track_id is None or person.iscrowd or not _is_somebody(person):
            continue
        place = f"annotations[{index}].track_id"
        if not 0 <= person.track_id <= LARGEST_TRACK_ID:
            what = f"{person.track_id} is not between 0 and {LARGEST_TRACK_ID}"
            raise fault(file, place, what, cure="number the tracks from 0")
        before = owner.setdefault((person.image_id, person.track_id), index)
        if before != index:
            what = f"{person.track_id} is also annotations[{before}]'s in the same image"
            raise fault(file, place, what, cure="give each person of an image a track of its own")


def number_untracked(document: PoseTrackDocument, free: int) -> int:
    """Give people without a track one each, which neither file nor project has; how many they were."""
    untracked = [person for person in document.people if person.track_id is None]
    free = max([free, *(1 + person.track_id for person in document.people if person.track_id is not None)])
    for track_id, person in enumerate(untracked, free):
        person.track_id = track_id
    return len(untracked)


def in_our_joints(document: PoseTrackDocument) -> tuple[PoseTrackDocument, dict[str, int]]:
    """The document with joints of the program's names, and how often the file labels others."""
    names = our_names(document.joint_names)
    if not set(JOINTS) <= set(names):
        converted, conversion = with_joints(document, JOINTS)
        return converted, conversion.dropped
    others = {slot: name for slot, name in enumerate(names) if name not in JOINTS}
    posed = [person.keypoints for person in document.people if person.keypoints is not None]
    counts = {name: sum(bool(points[slot].any()) for points in posed) for slot, name in others.items()}
    return document, {name: count for name, count in counts.items() if count}


def not_kept(document: PoseTrackDocument) -> dict[str, int]:
    """What the file has and a project does not hold -> how often."""
    counts = {
        "ignore regions": sum(len(image.ignore_regions or ()) for image in document.images),
        "head boxes": sum(person.bbox_head_xywh is not None for person in document.people),
        "identities across videos": sum(person.person_id is not None for person in document.people),
    }
    return {what: count for what, count in counts.items() if count}


def made_up(document: PoseTrackDocument) -> dict[str, int]:
    """What is derived, as the file does not have it -> how often."""
    counts = Counter(what for person in document.people for what in person.synthesised)
    counts["bbox"] += sum(_needs_box(person) for person in document.people)
    return {what: count for what, count in counts.items() if count}


def image_size(document: PoseTrackDocument) -> tuple[int, int] | None:
    """Width and height that most images have; None where the file gives none."""
    sizes = Counter((i.width, i.height) for i in document.images if i.width is not None and i.height is not None)
    if not sizes:
        return None
    (width, height), _ = sizes.most_common(1)[0]
    return (width, height) if width is not None and height is not None else None


def _is_somebody(person: PersonRecord) -> bool:
    return _has_joints(person) or has_area(person.bbox_xywh) or has_area(person.bbox_head_xywh)


def _has_joints(person: PersonRecord) -> bool:
    return person.keypoints is not None and bool(person.keypoints.any())


def _needs_box(person: PersonRecord) -> bool:
    return not has_area(person.bbox_xywh) and "bbox" not in person.synthesised

"""What each correction does to a person: annotation in, annotation out. No Qt, no project."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.geometry import Xyxy, bbox_of_points
from jmpose_core.skeleton import FLIP, JOINT_INDEX, NUM_JOINTS

_CHAINS = tuple(
    tuple(JOINT_INDEX[f"{side}_{part}"] for part in parts)
    for side in ("right", "left")
    for parts in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
)  # from the trunk outward
MIN_BOX_SIDE = 4.0  # image pixels; a smaller box was a slip of the hand


def with_joint_moved(person: Annotation, joint: int, xy: tuple[float, float]) -> Annotation:
    """The joint at `xy`; an absent joint comes back as visible."""
    absent = person.visibility[joint] == Visibility.ABSENT
    moved = person.with_joint(joint, xy=xy, visibility=Visibility.VISIBLE if absent else None)
    return replace(moved, bbox_xyxy=_grown(moved.bbox_xyxy, xy))


def with_joints_moved(person: Annotation, joints: Iterable[int], dx: float, dy: float) -> Annotation:
    """Each of the joints shifted by pixels, as `with_joint_moved` does it."""
    for joint in joints:
        x, y = person.keypoints[joint].tolist()
        person = with_joint_moved(person, joint, (x + dx, y + dy))
    return person


def with_labels_of(person: Annotation, labelled: Annotation) -> Annotation:
    """Joints that are labelled there and not here as they are there, absent ones too; they count as corrected."""
    copied = labelled.touched & ~person.touched
    there = labelled.keypoints[copied & (labelled.visibility != Visibility.ABSENT)]
    box = bbox_of_points(np.concatenate([np.reshape(person.bbox_xyxy, (2, 2)), there]))
    return replace(
        person,
        bbox_xyxy=box,
        keypoints=np.where(copied[:, None], labelled.keypoints, person.keypoints),
        visibility=np.where(copied, labelled.visibility, person.visibility).astype(np.uint8),
        origin=np.where(copied, Origin.CORRECTED, person.origin).astype(np.uint8),
    )


def first_untouched(person: Annotation) -> int | None:
    """The first joint that nobody has corrected or verified yet."""
    untouched = np.flatnonzero(~person.touched)
    return int(untouched[0]) if len(untouched) else None


def with_visibility_toggled(person: Annotation, joint: int, visibility: Visibility) -> Annotation:
    """The joint with this visibility, or visible again if it had it already."""
    had = person.visibility[joint] == visibility
    return person.with_joint(joint, visibility=Visibility.VISIBLE if had else visibility)


def verified(person: Annotation) -> Annotation:
    """Every joint confirmed by a person as it is; corrected joints stay corrected."""
    origin = np.where(person.origin == Origin.CORRECTED, Origin.CORRECTED, Origin.VERIFIED)
    return replace(person, origin=origin.astype(np.uint8))


def with_word_given_back(person: Annotation, earlier: Annotation) -> Annotation:
    """Joints that are back exactly as they were before they were corrected are what they were then.

    So pressing a key twice leaves a predicted joint predicted, and a verified one verified.
    """
    back = (
        (person.origin == Origin.CORRECTED)
        & (person.keypoints == earlier.keypoints).all(axis=1)
        & (person.visibility == earlier.visibility)
    )
    return replace(
        person,
        origin=np.where(back, earlier.origin, person.origin).astype(np.uint8),
        confidence=np.where(back, earlier.confidence, person.confidence),
    )


def before_correction(person: Annotation, earlier: Annotation | None) -> Annotation:
    """The person's joints before they were corrected: as in `earlier` where they are corrected now, else as now."""
    if earlier is None:
        return person
    corrected = person.origin == Origin.CORRECTED
    return replace(
        person,
        keypoints=np.where(corrected[:, None], earlier.keypoints, person.keypoints),
        visibility=np.where(corrected, earlier.visibility, person.visibility).astype(np.uint8),
        confidence=np.where(corrected, earlier.confidence, person.confidence),
        origin=np.where(corrected, earlier.origin, person.origin).astype(np.uint8),
    )


def with_sides_swapped(person: Annotation, joint: int | None) -> Annotation:
    """Left and right exchanged from a joint outward (a knee: knees and ankles); of all joints for None or the head.

    What is exchanged counts as corrected.
    """
    if joint is None or FLIP[joint] == joint:
        return person.mirrored_sides()
    chain = next(chain for chain in _CHAINS if joint in chain)
    outward = chain[chain.index(joint) :]
    return person.mirrored_sides([*outward, *(FLIP[other] for other in outward)])


def moved_by(person: Annotation, dx: float, dy: float) -> Annotation:
    """The whole person, box and all, shifted by pixels; every joint that is there counts as corrected."""
    left, top, right, bottom = person.bbox_xyxy
    present = person.visibility != Visibility.ABSENT
    return replace(
        person,
        bbox_xyxy=(left + dx, top + dy, right + dx, bottom + dy),
        keypoints=person.keypoints + np.array([dx, dy]),
        origin=np.where(present, Origin.CORRECTED, person.origin).astype(np.uint8),
    )


def new_person(frame_index: int, track_id: int, bbox_xyxy: Xyxy) -> Annotation:
    """A person of whom only the box is known: the joints stand upright in it, absent until predicted or placed."""
    left, top, right, bottom = bbox_xyxy
    low, size = np.array([left, top]), np.array([right - left, bottom - top])
    return Annotation(
        frame_index=frame_index,
        track_id=track_id,
        bbox_xyxy=bbox_xyxy,
        keypoints=low + UPRIGHT * size,
        origin=np.full(NUM_JOINTS, Origin.NONE, np.uint8),
    )


def box_between(first: tuple[float, float], second: tuple[float, float]) -> Xyxy | None:
    """The box with these opposite corners, or None where it is too small to be meant."""
    box = bbox_of_points(np.array([first, second]))
    big_enough = box[2] - box[0] >= MIN_BOX_SIDE and box[3] - box[1] >= MIN_BOX_SIDE
    return box if big_enough else None


def _grown(bbox_xyxy: Xyxy, xy: tuple[float, float]) -> Xyxy:
    left, top, right, bottom = bbox_xyxy
    return min(left, xy[0]), min(top, xy[1]), max(right, xy[0]), max(bottom, xy[1])


# A standing person seen from the front, as shares of the box, in the order of JOINTS.
UPRIGHT = np.array(
    [
        (0.38, 0.96), (0.39, 0.75), (0.41, 0.52), (0.59, 0.52), (0.61, 0.75), (0.62, 0.96),
        (0.22, 0.52), (0.25, 0.36), (0.35, 0.2), (0.65, 0.2), (0.75, 0.36), (0.78, 0.52),
        (0.5, 0.16), (0.5, 0.09), (0.5, 0.02),
    ]
)  # fmt: skip

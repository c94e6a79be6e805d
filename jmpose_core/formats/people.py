"""Between a document's people and the program's annotations.

Visibility, as docs/posetrack.md has it: a joint is ABSENT where x = y = third value = 0,
VISIBLE where the third value is above 0, and OCCLUDED where only it is 0 (PoseTrack21
marks occlusion so). COCO's third value differs and is mapped in `coco`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.document import ImageRecord, PersonRecord, PoseTrackDocument, Xywh
from jmpose_core.formats.joint_sets import our_names
from jmpose_core.geometry import Xyxy, bbox_of_points
from jmpose_core.skeleton import JOINT_INDEX, NUM_JOINTS, POSETRACK18_SLOTS, SLOT_OF_JOINT

BBOX_OF_KEYPOINTS: Final = 1.3  # PoseTrack's boxes are the extent of the keypoints, enlarged about its centre
HEAD_WIDTH: Final = 0.75  # of the distance head_top to head_bottom, about that of PoseTrack's head boxes
FIRST_IMAGE_ID: Final = 10000010000  # source 1, sequence 000001, frame 0000


def annotations_of(document: PoseTrackDocument, *, origin: Origin | None = None) -> list[Annotation]:
    """Every person of the document, in the file's order; frame_index is the position in `images`.

    Joints are taken by name; those of the 15 that the document has not are absent.
    A person without a track id becomes a track of its own. Without a box, the box is
    the keypoints' extent x1.3, or else the head's. Confidences are the file's `scores`,
    or 1 where labelled.

    Args:
        origin: of the labelled joints. By default PREDICTED for people with scores, CORRECTED for the others.
    """
    frame_of = {image.id: index for index, image in enumerate(document.images)}
    points, scores = _joints_of(document)
    visibility = visibility_of(points)
    labelled = visibility != Visibility.ABSENT
    confidence = np.clip(np.where(labelled, scores, 0.0), 0.0, 1.0)
    keypoints = points[:, :, :2].copy()
    next_track = 1 + max((person.track_id for person in document.people if person.track_id is not None), default=-1)
    annotations = []
    for index, person in enumerate(document.people):
        track_id = person.track_id
        if track_id is None:
            track_id, next_track = next_track, next_track + 1
        predicted = bool(person.scores) or person.score is not None
        joint_origin = origin if origin is not None else (Origin.PREDICTED if predicted else Origin.CORRECTED)
        annotations.append(
            Annotation(
                frame_index=frame_of[person.image_id],
                track_id=track_id,
                bbox_xyxy=bbox_of(person, keypoints[index, labelled[index]]),
                keypoints=keypoints[index],
                visibility=visibility[index],
                confidence=confidence[index],
                origin=labelled[index] * np.uint8(joint_origin),
                score=_person_score(person, confidence[index, labelled[index]]),
            )
        )
    return annotations


def document_from(
    annotations: Sequence[Annotation],
    image_names: Sequence[str] = (),
    *,
    image_size: tuple[int, int] | None = None,
    template: PoseTrackDocument | None = None,
    scores: bool = True,
) -> PoseTrackDocument:
    """A PoseTrack18 document of these people; image N is frame N.

    Boxes of no area are rebuilt from the keypoints (x1.3); head boxes are kept from the
    template or derived from head_top and head_bottom. What is derived is named in
    each person's `synthesised`, and so in the export summary.

    Args:
        image_names: file names by frame; not needed with a template.
        image_size: width, height of every image, written where known.
        template: a document whose images (ids, file names, flags, ignore regions) and categories are kept, and whose
            people, found by image and track id, lend their ids, head boxes and unknown keys.
        scores: write the joints' and the person's confidence, as predictions have it.

    Raises:
        FormatError: an annotation lies on a frame that has no image, or the template's joints are not PoseTrack's.
    """
    if template is not None:
        images, categories, extra, order = template.images, template.categories, template.extra, template.key_order
    else:
        images = [_image(index, name, len(image_names), image_size) for index, name in enumerate(image_names)]
        categories, extra, order = PoseTrackDocument([], []).categories, {}, {}
    copied = [replace(image) for image in images]
    document = PoseTrackDocument(copied, [], categories, extra=dict(extra), key_order=dict(order))
    slots = _slots_of_joints(document.joint_names)
    known = _people_by_place(template)
    counts = [0] * len(images)
    for annotation in sorted(annotations, key=lambda annotation: annotation.frame_index):
        frame = annotation.frame_index
        if not 0 <= frame < len(images):
            raise FormatError(f"frame {frame}: no image for it, {len(images)} are known; give one name a frame")
        person = _person(annotation, images[frame].id, slots, len(document.joint_names), scores)
        before = known.get((person.image_id, annotation.track_id))
        person.id = images[frame].id * 100 + counts[frame]  # PoseTrack's own numbering
        counts[frame] += 1
        document.people.append(_completed(person, annotation, before))
    if max(counts, default=0) > 100:
        for index, person in enumerate(document.people):  # image_id * 100 has no room: ids must differ all the same
            person.id = index + 1
    _flag_images(document, counts)
    return document


def visibility_of(points: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Visibility (...) of keypoints (..., 3) as PoseTrack18 and 21 write them."""
    labelled = (points != 0).any(axis=-1)
    codes = np.where(points[..., 2] > 0, Visibility.VISIBLE, Visibility.OCCLUDED)
    return np.where(labelled, codes, Visibility.ABSENT).astype(np.uint8)


def bbox_of(person: PersonRecord, labelled_points: npt.NDArray[np.float64]) -> Xyxy:
    """The person's box. Without one, or where it has no area: that of the labelled points (N, 2), or the head's."""
    if not has_area(person.bbox_xywh) and len(labelled_points):
        return bbox_of_points(labelled_points, enlarge=BBOX_OF_KEYPOINTS)
    return xyxy_of(person.bbox_xywh or person.bbox_head_xywh or (0.0, 0.0, 0.0, 0.0))


def has_area(bbox_xywh: Xywh | None) -> bool:
    """Whether there is a box, and not one of no size, as CVAT writes it (0, 0, 0, 0) for a person without any."""
    return bbox_xywh is not None and bbox_xywh[2] > 0 and bbox_xywh[3] > 0


def xyxy_of(bbox_xywh: Xywh) -> Xyxy:
    """Corners of a box given by left, top, width, height."""
    left, top, width, height = bbox_xywh
    return left, top, left + width, top + height


def xywh_of(bbox_xyxy: Xyxy) -> Xywh:
    """Left, top, width, height of a box given by its corners."""
    left, top, right, bottom = bbox_xyxy
    return left, top, right - left, bottom - top


def head_bbox(head_top: npt.NDArray[np.float64], head_bottom: npt.NDArray[np.float64]) -> Xyxy:
    """Upright box about a head given by its two ends (2,): the extent of a rectangle along them, 3/4 as wide."""
    side = HEAD_WIDTH / 2 * np.array([head_bottom[1] - head_top[1], head_top[0] - head_bottom[0]])
    corners = np.array([head_top + side, head_top - side, head_bottom + side, head_bottom - side])
    return bbox_of_points(corners)


def _joints_of(document: PoseTrackDocument) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Keypoints (N, 15, 3) and scores (N, 15) of all people, by the 15 joints' names."""
    joints, slots = joints_and_slots(document.joint_names)
    points = np.zeros((len(document.people), NUM_JOINTS, 3))
    scores = np.ones((len(document.people), NUM_JOINTS))
    for index, person in enumerate(document.people):
        if person.keypoints is not None:
            points[index, joints] = person.keypoints[slots]
        if person.scores:
            scores[index, joints] = np.array(person.scores)[slots]
    return points, scores


def joints_and_slots(names: Sequence[str]) -> tuple[list[int], list[int]]:
    """Positions in JOINTS of those joints that `names` holds, and their positions in `names`, in its order."""
    found = [(JOINT_INDEX[name], slot) for slot, name in enumerate(our_names(names)) if name in JOINT_INDEX]
    return [joint for joint, _ in found], [slot for _, slot in found]


def _person_score(person: PersonRecord, confidence: npt.NDArray[np.float64]) -> float:
    if person.score is not None:
        return float(np.clip(person.score, 0.0, 1.0))
    return float(confidence.mean()) if person.scores and len(confidence) else 1.0


def _slots_of_joints(names: tuple[str, ...]) -> list[int]:
    if names == POSETRACK18_SLOTS:
        return list(SLOT_OF_JOINT)
    ours = our_names(names)
    missing = [name for name in JOINT_INDEX if name not in ours]
    if missing:
        raise FormatError(f"categories[0].keypoints: no {missing[0]}; a PoseTrack file names all 15 joints")
    return [ours.index(name) for name in JOINT_INDEX]


def _image(index: int, name: str, frame_count: int, size: tuple[int, int] | None) -> ImageRecord:
    image_id = FIRST_IMAGE_ID + index
    return ImageRecord(
        id=image_id,
        file_name=name,
        frame_id=image_id,
        nframes=frame_count,
        vid_id="000001",
        has_no_densepose=True,
        width=size and size[0],
        height=size and size[1],
    )


def _people_by_place(template: PoseTrackDocument | None) -> dict[tuple[int, int], PersonRecord]:
    people = template.people if template is not None else []
    return {(person.image_id, person.track_id): person for person in people if person.track_id is not None}


def _person(annotation: Annotation, image_id: int, slots: list[int], size: int, scores: bool) -> PersonRecord:
    labelled = annotation.visibility != Visibility.ABSENT
    joints = np.column_stack([annotation.keypoints, annotation.visibility == Visibility.VISIBLE]) * labelled[:, None]
    keypoints = np.zeros((size, 3))
    keypoints[slots] = joints
    values = np.zeros(size)
    values[slots] = annotation.confidence * labelled
    return PersonRecord(
        image_id=image_id,
        keypoints=keypoints,
        track_id=annotation.track_id,
        category_id=1,
        scores=tuple(values.tolist()) if scores else (),
        score=annotation.score if scores else None,
    )


def _completed(person: PersonRecord, annotation: Annotation, before: PersonRecord | None) -> PersonRecord:
    """The person with boxes, and with what only the template knows of it."""
    if before is not None:
        person.bbox_head_xywh, person.person_id, person.iscrowd = (
            before.bbox_head_xywh,
            before.person_id,
            before.iscrowd,
        )
        person.id = before.id if before.id is not None else person.id
        person.extra = dict(before.extra)
    made_up = []
    labelled = annotation.visibility != Visibility.ABSENT
    left, top, right, bottom = annotation.bbox_xyxy
    if before is not None and before.bbox_xywh is not None and xyxy_of(before.bbox_xywh) == annotation.bbox_xyxy:
        person.bbox_xywh = before.bbox_xywh
    elif right > left and bottom > top:
        person.bbox_xywh = xywh_of(annotation.bbox_xyxy)
    elif labelled.any():
        person.bbox_xywh = xywh_of(bbox_of_points(annotation.keypoints[labelled], enlarge=BBOX_OF_KEYPOINTS))
        made_up.append("bbox")
    ends = JOINT_INDEX["head_top"], JOINT_INDEX["head_bottom"]
    if person.bbox_head_xywh is None and labelled[list(ends)].all():
        person.bbox_head_xywh = xywh_of(head_bbox(annotation.keypoints[ends[0]], annotation.keypoints[ends[1]]))
        made_up.append("bbox_head")
    person.synthesised = tuple(made_up)
    return person


def _flag_images(document: PoseTrackDocument, counts: list[int]) -> None:
    """is_labeled says whether a frame has people, unless the template said it already."""
    for image, count in zip(document.images, counts, strict=True):
        if image.is_labeled is None or count:
            image.is_labeled = count > 0

"""A project's predictions and what people made of them, as two documents that every metric reads.

Ground truth are the people with at least one corrected or verified joint, with all their joints as shown: we assume
that someone who corrected one joint checked the others. Untouched joints are counted apart, since they agree with the
prediction by construction. People without a touched joint are in neither document. A removed person stays in the
predictions as a false positive, in the frames of the ground truth.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.evaluation.sequences import Source
from jmpose_core.formats.document import PoseTrackDocument, Xywh
from jmpose_core.formats.people import document_from, head_bbox, xywh_of
from jmpose_core.project import Project, VideoRecord
from jmpose_core.skeleton import JOINT_INDEX, NUM_JOINTS

HEADS_TALL: Final = 7.5  # a standing adult, in heads: what is taken for a head that nobody sees
_TOP, _BOTTOM = JOINT_INDEX["head_top"], JOINT_INDEX["head_bottom"]


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """What can be measured in one video."""

    truth: Source
    predicted: Source
    frames: tuple[int, ...]  # the video's frame of each image of the documents
    people: int  # of the ground truth, in all frames
    joints: int  # of the ground truth
    by_hand: int  # of these, corrected or verified; the others were left as the model put them
    estimated_heads: int  # people whose head is not known: its size, the unit of distances, is from their height
    without_size: int  # people left out, as neither head nor box is known


def corrected_of(project: Project, video: VideoRecord) -> Corrected:
    """The predictions of a video beside their corrections.

    Raises:
        ProjectError: the project cannot be read.
    """
    return measurable(
        project.people_between(video.id, 0, video.frame_count),
        project.predictions_between(video.id, 0, video.frame_count),
        name=video.name,
    )


def measurable(shown: Iterable[Annotation], predicted: Iterable[Annotation], *, name: str = "video") -> Corrected:
    """What can be measured, given people as the annotator sees them and as the model said.

    Args:
        name: of the video, for messages.
    """
    seen = _Seen.of(shown)
    joints_measured = np.zeros(NUM_JOINTS, bool)  # a joint that nobody has cannot be measured
    for person in seen.touched:
        joints_measured |= person.visibility != Visibility.ABSENT
    frames = tuple(sorted({person.frame_index for person in seen.touched}))
    place_of = {frame: place for place, frame in enumerate(frames)}
    truth = [_only(person, joints_measured, place_of) for person in seen.touched]
    found = [
        _only(person, joints_measured & looked_at, place_of)
        for person in predicted
        if person.frame_index in place_of and (looked_at := seen.looked_at(person)) is not None
    ]
    return Corrected(
        truth=Source(_document(truth, frames, heads=seen.heads), Path(f"{name} as corrected")),
        predicted=Source(_document(found, frames), Path(f"{name} as predicted")),
        frames=frames,
        people=len(truth),
        joints=sum(_count(person.visibility != Visibility.ABSENT) for person in truth),
        by_hand=sum(_count(person.touched & (person.visibility != Visibility.ABSENT)) for person in truth),
        estimated_heads=seen.estimated_heads,
        without_size=seen.without_size,
    )


@dataclass(slots=True)
class _Seen:
    """The people whom somebody looked at, and where the others are."""

    touched: list[Annotation]  # by frame and track
    heads: list[Xywh]  # of each of these
    masks: dict[tuple[int, int], npt.NDArray[np.bool_] | None]  # by frame and track; None: shown, and touched by nobody
    estimated_heads: int = 0
    without_size: int = 0

    @classmethod
    def of(cls, shown: Iterable[Annotation]) -> "_Seen":
        seen = cls([], [], {})
        for person in shown:
            place = person.frame_index, person.track_id
            head, is_estimate = _head_of(person)
            counts = person.touched.any() and (person.visibility != Visibility.ABSENT).any()
            seen.masks[place] = person.origin != Origin.NONE if counts and head is not None else None
            if counts and head is None:
                seen.without_size += 1
            elif counts and head is not None:
                seen.touched.append(person)
                seen.heads.append(head)
                seen.estimated_heads += is_estimate
        return seen

    def looked_at(self, prediction: Annotation) -> npt.NDArray[np.bool_] | None:
        """(15,) joints of a prediction that are measured; None: nobody looked at this person."""
        return self.masks.get((prediction.frame_index, prediction.track_id), np.ones(NUM_JOINTS, bool))


def _count(flags: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(flags))


def _head_of(person: Annotation) -> tuple[Xywh | None, bool]:
    """The person's head box, from its two ends as shown or else from the person's box; whether it is the latter."""
    if (person.visibility[[_TOP, _BOTTOM]] != Visibility.ABSENT).all():
        left, top, width, height = xywh_of(head_bbox(person.keypoints[_TOP], person.keypoints[_BOTTOM]))
        if width > 0 and height > 0:
            return (left, top, width, height), False
    left, top, right, bottom = person.bbox_xyxy
    side = max(right - left, bottom - top) / HEADS_TALL
    if side <= 0:
        return None, True
    middle = (left + right) / 2
    return xywh_of(head_bbox(np.array([middle, top]), np.array([middle, top + side]))), True


def _only(person: Annotation, joints: npt.NDArray[np.bool_], place_of: dict[int, int]) -> Annotation:
    """The person with these joints alone, in the documents' numbering of frames."""
    visibility = np.where(joints, person.visibility, Visibility.ABSENT).astype(np.uint8)
    return replace(person, frame_index=place_of[person.frame_index], visibility=visibility)


def _document(
    people: Sequence[Annotation], frames: Sequence[int], heads: Sequence[Xywh] | None = None
) -> PoseTrackDocument:
    document = document_from(people, [f"{frame:06d}.jpg" for frame in frames])
    for record, head in zip(document.people, heads or (), strict=heads is not None):
        record.bbox_head_xywh = head
    return document

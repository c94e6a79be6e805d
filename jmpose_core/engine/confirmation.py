"""Filter tracks by pose: drop boxes without a person and second boxes on one person.

The compact detector makes mistakes that the pose network can see. Where there is no person
its heatmaps are flat, and two boxes of one person give the same pose. So the pose of every track is
estimated a few times a second, and its boxes are kept where a pose confirms them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.geometry import Xyxy, iou
from jmpose_core.tracking import Detections
from jmpose_core.tracking.affinity import oks

Tracks = Mapping[int, Mapping[int, Xyxy]]

EVERY: Final = 4  # frames between two looks
_LEAST_CONFIDENCE: Final = 0.45  # mean over all 15 joints: 89 of 100 held-out COCO people pass, 3 of background
_SAME_POSE: Final = 0.3  # OKS from which two boxes hold one person; a bad box draws its pose apart


def to_look_at(tracks: Tracks) -> dict[int, dict[int, Xyxy]]:
    """Every EVERY-th box of each track, and its first and last."""
    chosen = {}
    for track_id, boxes in tracks.items():
        ends = (min(boxes), max(boxes))
        chosen[track_id] = {frame: box for frame, box in boxes.items() if frame % EVERY == 0 or frame in ends}
    return chosen


def confirmed(tracks: Tracks, looks: Iterable[Annotation], seen: Mapping[int, Detections]) -> dict[int, Detections]:
    """Boxes that a pose confirms, by frame, ready to be linked again.

    Args:
        tracks: as they were linked from the detector's boxes.
        looks: poses of `to_look_at(tracks)`.
        seen: the detections that the tracks came from; they lend their colours.
    """
    good = {(person.track_id, person.frame_index) for person in people_among(looks)}
    kept: dict[int, list[Xyxy]] = {}
    for track_id, boxes in tracks.items():
        looked_at = np.array(sorted(to_look_at({track_id: boxes})[track_id]))
        for frame, box in boxes.items():
            nearest = int(looked_at[np.abs(looked_at - frame).argmin()])
            if (track_id, nearest) in good:
                kept.setdefault(frame, []).append(box)
    return {frame: _as_detections(kept.get(frame, []), seen.get(frame)) for frame in seen}


def doubted(told: Iterable[Annotation], alone: Iterable[Annotation]) -> list[Annotation]:
    """Looks that are only as sure as the network is without the witness.

    The witness is the detector's own, and names joints for its false boxes too: a network that is told of them draws
    them there. Its poses tell overlapping people apart; whether there is a person, the network alone must say.

    Args:
        told: poses that the network estimated with the witness's joints.
        alone: the same people and frames without them.
    """
    unaided = {(person.track_id, person.frame_index): person.confidence for person in alone}
    return [
        replace(person, confidence=np.minimum(person.confidence, unaided[person.track_id, person.frame_index]))
        for person in told
    ]


def people_among(looks: Iterable[Annotation]) -> list[Annotation]:
    """The poses that show a person, each person once: where two boxes hold one pose, the surer pose stays.

    Each frame is judged by itself; linking the chosen boxes again joins what belongs together.
    """
    by_frame: dict[int, list[Annotation]] = {}
    for person in sorted(looks, key=lambda person: (-person.confidence.mean(), person.track_id)):
        alone = by_frame.setdefault(person.frame_index, [])
        if person.confidence.mean() >= _LEAST_CONFIDENCE and not any(_same(person, other) for other in alone):
            alone.append(person)
    return [person for people in by_frame.values() for person in people]


def _same(first: Annotation, second: Annotation) -> bool:
    return oks(_pose(first), _pose(second)) >= _SAME_POSE


def _pose(person: Annotation) -> np.ndarray:
    return np.column_stack([person.keypoints, person.confidence])


def _as_detections(boxes: list[Xyxy], seen: Detections | None) -> Detections:
    if not boxes:
        return Detections.none()
    array = np.array(boxes, np.float64)
    if seen is None or not len(seen) or seen.appearance is None:
        return Detections(array, np.ones(len(boxes)))
    overlap = iou(array, seen.bboxes_xyxy)
    return Detections(array, np.ones(len(boxes)), appearance=seen.appearance[overlap.argmax(axis=1)])

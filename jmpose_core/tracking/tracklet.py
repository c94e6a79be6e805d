"""A stretch of one person's boxes, and where it leads."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from jmpose_core.annotations import FloatArray
from jmpose_core.tracking.detections import Detections

_FIT_SIGHTINGS: Final = 8  # nearest the end that motion is read from
_FIT_DECAY: Final = 4.0  # frames over which a sighting loses its say
_STILLNESS: Final = 1.0  # frames^2: people seen for a moment are taken to move less than they seem to


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One box of a tracklet."""

    frame_index: int
    bbox_xyxy: FloatArray  # (4,)
    score: float
    drawn: bool = False  # by the annotator: never moved or dropped
    keypoints: FloatArray | None = None  # (15, 3)
    appearance: FloatArray | None = None  # (D,)


@dataclass(slots=True, eq=False)
class Tracklet:
    """Sightings of one person in order of time; `seed_id` is the annotator's name for it, if any."""

    sightings: list[Sighting] = field(default_factory=list)
    seed_id: int | None = None

    @property
    def first(self) -> int:
        return self.sightings[0].frame_index

    @property
    def last(self) -> int:
        return self.sightings[-1].frame_index

    @property
    def drawn(self) -> bool:
        """Whether the annotator drew a box of this person."""
        return self.seed_id is not None

    @property
    def score(self) -> float:
        """Mean score."""
        return float(np.mean([sighting.score for sighting in self.sightings]))

    def end_near(self, frame_index: int) -> Sighting:
        """The sighting next to a frame outside the tracklet."""
        return self.sightings[-1] if frame_index > self.last else self.sightings[0]

    def predicted(self, frame_index: int) -> FloatArray:
        """Box (4,) where this person is expected at a frame before or after the tracklet."""
        near = self.sightings[-_FIT_SIGHTINGS:] if frame_index > self.last else self.sightings[:_FIT_SIGHTINGS]
        return extrapolated(near, frame_index)

    def predicted_keypoints(self, frame_index: int) -> FloatArray | None:
        """Joints (15, 3) of the nearest sighting, moved along with the box."""
        near = self.end_near(frame_index)
        if near.keypoints is None:
            return None
        moved = near.keypoints.copy()
        moved[:, :2] += _centre(self.predicted(frame_index)) - _centre(near.bbox_xyxy)
        return moved

    def appearance(self, frame_index: int | None = None) -> FloatArray | None:
        """Mean colours (D,): of the sightings nearest a frame, or of all."""
        near = self.sightings
        if frame_index is not None:
            near = near[-_FIT_SIGHTINGS:] if frame_index > self.last else near[:_FIT_SIGHTINGS]
        known = [sighting.appearance for sighting in near if sighting.appearance is not None]
        return np.mean(known, axis=0) if known else None


def sightings_of(frame_index: int, detections: Detections) -> list[Sighting]:
    """Each detection as a sighting."""
    return [
        Sighting(
            frame_index,
            detections.bboxes_xyxy[i],
            float(detections.scores[i]),
            keypoints=None if detections.keypoints is None else detections.keypoints[i],
            appearance=None if detections.appearance is None else detections.appearance[i],
        )
        for i in range(len(detections))
    ]


def extrapolated(sightings: Sequence[Sighting], frame_index: int) -> FloatArray:
    """Box (4,) at constant velocity and mean size, by weighted least squares; near sightings weigh most."""
    frames = np.array([sighting.frame_index for sighting in sightings], float)
    boxes = np.stack([sighting.bbox_xyxy for sighting in sightings])
    weights = np.exp(-np.abs(frames - frame_index) / _FIT_DECAY + np.abs(frames - frame_index).min() / _FIT_DECAY)
    weights /= weights.sum()
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half_size = weights @ (boxes[:, 2:] - boxes[:, :2]) / 2
    mean_frame, mean_centre = weights @ frames, weights @ centres
    spread = weights @ (frames - mean_frame) ** 2
    velocity = (weights * (frames - mean_frame)) @ (centres - mean_centre) / (spread + _STILLNESS / len(frames))
    centre = mean_centre + velocity * (frame_index - mean_frame)
    return np.concatenate([centre - half_size, centre + half_size])


def _centre(bbox_xyxy: FloatArray) -> FloatArray:
    return (bbox_xyxy[:2] + bbox_xyxy[2:]) / 2

"""Where each track's person is, frame by frame, as arrays: what proposals are made from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, FloatArray, Origin, Visibility

_LEAST_JOINTS: Final = 4  # in common: poses that share fewer cannot be compared
_BACK: Final = 3  # frames that motion is told from


@dataclass(frozen=True, slots=True, eq=False)
class TrackPath:
    """One track of N frames, in order. Arrays are as an `Annotation` has them, image pixels."""

    track_id: int
    frame_index: npt.NDArray[np.int64]  # (N,)
    keypoints: FloatArray  # (N, 15, 2), NaN where a joint is absent
    confidence: FloatArray  # (N,) mean over the predicted joints, NaN where none is predicted
    size: FloatArray  # (N,) the box's longer side
    labelled: npt.NDArray[np.bool_]  # (N,) a joint was corrected or verified

    @classmethod
    def of(cls, people: Sequence[Annotation]) -> Self:
        """Of one track's people, at least one, in order of frames."""
        boxes = np.array([person.bbox_xyxy for person in people])
        visible = np.stack([person.visibility for person in people]) != Visibility.ABSENT
        origin = np.stack([person.origin for person in people])
        told = visible & ((origin == Origin.PREDICTED) | (origin == Origin.PROPAGATED))
        confidence = np.stack([person.confidence for person in people])
        count = told.sum(axis=1)
        return cls(
            people[0].track_id,
            np.array([person.frame_index for person in people], np.int64),
            np.where(visible[..., None], np.stack([person.keypoints for person in people]), np.nan),
            np.where(count, (confidence * told).sum(axis=1) / np.maximum(count, 1), np.nan),
            np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1), 1.0),
            np.any(origin >= Origin.CORRECTED, axis=1),
        )

    def __len__(self) -> int:
        return len(self.frame_index)

    def row(self, frame_index: int) -> int | None:
        """The row of a frame; None where the track has nobody."""
        row = int(np.searchsorted(self.frame_index, frame_index))
        return row if row < len(self) and self.frame_index[row] == frame_index else None

    def expected(self, row: int, frames: int) -> FloatArray:
        """(15, 2) the pose of a row, carried `frames` on by the person's motion; backwards where negative.

        Only what came before the row (of backwards: what comes after) tells the motion, so that a change of person
        at the row does not.
        """
        other = max(row - _BACK, 0) if frames > 0 else min(row + _BACK, len(self) - 1)
        apart = int(self.frame_index[row] - self.frame_index[other])
        if apart == 0 or abs(apart) > _BACK:
            return self.keypoints[row]
        moved = self.keypoints[row] - self.keypoints[other]
        if not np.isfinite(moved).any():
            return self.keypoints[row]
        return self.keypoints[row] + np.nanmedian(moved, axis=0) * (frames / apart)


def paths_of(people: Iterable[Annotation]) -> list[TrackPath]:
    """A path for each track, by its id; people by frame, as a project gives them."""
    by_track: dict[int, list[Annotation]] = {}
    for person in people:
        by_track.setdefault(person.track_id, []).append(person)
    return [TrackPath.of(by_track[track_id]) for track_id in sorted(by_track)]


def pose_distance(first: FloatArray, second: FloatArray, size: FloatArray | float) -> FloatArray:
    """Median over the joints of poses (..., 15, 2), in units of `size` (...); infinite where they share too few."""
    apart = np.linalg.norm(first - second, axis=-1)
    shared = np.isfinite(apart).sum(axis=-1)
    ranked = np.sort(apart, axis=-1)  # NaN last
    middle = np.take_along_axis(ranked, np.maximum((shared - 1) // 2, 0)[..., None], axis=-1)[..., 0]
    return np.where(shared >= _LEAST_JOINTS, middle / size, np.inf)

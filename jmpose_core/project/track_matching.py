"""Which of the tracks that are there does each predicted person continue?

Predicting again gives tracks new numbers; the annotator's tracks must stay.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import FloatArray
from jmpose_core.skeleton import OKS_SIGMAS

IntArray = npt.NDArray[np.int64]

CLEAR = 0.5  # similarity from which two people of one frame are clearly the same
SAME_TRACK = 0.2  # added to it where the tracks match as a whole: settles crossings
_ENOUGH_JOINTS = 3  # fewer in common say nothing: the boxes alone are compared
NO_TRACK = -1


@dataclass(frozen=True, slots=True, eq=False)
class Appearances:
    """N people in their frames, each track at most once in a frame."""

    frame_index: IntArray  # (N,)
    track_id: IntArray  # (N,)
    bbox_xyxy: FloatArray  # (N, 4) image pixels
    keypoints: FloatArray  # (N, 15, 2) image pixels
    present: npt.NDArray[np.bool_]  # (N, 15) bool: joints that are not absent

    def __len__(self) -> int:
        return len(self.frame_index)

    def take(self, index: npt.NDArray[np.integer]) -> "Appearances":
        """Those at `index`, in its order."""
        return Appearances(
            self.frame_index[index],
            self.track_id[index],
            self.bbox_xyxy[index],
            self.keypoints[index],
            self.present[index],
        )

    def at_frame(self, frame_index: int) -> "Appearances":
        """The same people, as if they were in another frame."""
        return replace(self, frame_index=np.full(len(self), frame_index))


def match_tracks(predicted: Appearances, existing: Appearances) -> IntArray:
    """The existing track that each predicted person belongs to.

    Whole tracks are assigned first, one to one (Hungarian, on the similarity
    summed over the frames in which both are clearly the same person). Then each
    frame is settled for itself, so that a track which the annotator split, merged
    or swapped stays so: a person that is clearly on another existing track there
    goes to that one. Everybody else follows the whole track.

    Returns:
        (N,) track ids, NO_TRACK where a predicted person continues none. No id twice in one frame.
    """
    first, second = _pairs(predicted.frame_index, existing.frame_index)
    likeness = similarity(predicted.take(first), existing.take(second))
    whole = _whole_tracks(predicted.track_id[first], existing.track_id[second], likeness)
    follows = np.array([whole.get(track, NO_TRACK) for track in predicted.track_id.tolist()], np.int64)

    result = np.full(len(predicted), NO_TRACK, np.int64)
    clear = likeness >= CLEAR
    first, second, likeness = first[clear], second[clear], likeness[clear]
    likeness = likeness + SAME_TRACK * (follows[first] == existing.track_id[second])
    for rows in _by_frame(predicted.frame_index[first]):
        _settle(result, first[rows], existing.track_id[second[rows]], likeness[rows])
    _follow_whole_tracks(result, follows, predicted.frame_index)
    return result


def similarity(first: Appearances, second: Appearances) -> FloatArray:
    """(P,) 0..1 for P pairs of people: the mean of IoU and object keypoint similarity (COCO's, box area as scale)."""
    low = np.maximum(first.bbox_xyxy[:, :2], second.bbox_xyxy[:, :2])
    high = np.minimum(first.bbox_xyxy[:, 2:], second.bbox_xyxy[:, 2:])
    overlap = np.clip(high - low, 0, None).prod(axis=1)
    area = _area(second.bbox_xyxy)
    union = np.maximum(_area(first.bbox_xyxy) + area - overlap, 1e-9)
    iou = overlap / union

    common = first.present & second.present
    distance2 = ((first.keypoints - second.keypoints) ** 2).sum(axis=2)
    variance = np.maximum(area, 1.0)[:, None] * (2 * np.array(OKS_SIGMAS)) ** 2
    joints = common.sum(axis=1)
    oks = (np.exp(-distance2 / (2 * variance)) * common).sum(axis=1) / np.maximum(joints, 1)
    return np.where(joints >= _ENOUGH_JOINTS, (iou + oks) / 2, iou)


def _assigned(likeness: FloatArray) -> list[tuple[int, int]]:
    """Row and column of each pair of the assignment whose likeness is greatest in sum."""
    from scipy.optimize import linear_sum_assignment  # here, as the window's start should not wait for it

    rows, columns = linear_sum_assignment(likeness, maximize=True)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _area(bbox_xyxy: FloatArray) -> FloatArray:
    return np.clip(bbox_xyxy[:, 2:] - bbox_xyxy[:, :2], 0, None).prod(axis=1)


def _pairs(first_frames: IntArray, second_frames: IntArray) -> tuple[IntArray, IntArray]:
    """Indices (P,), (P,) of every pair that shares a frame."""
    order = np.argsort(second_frames, kind="stable")
    starts = np.searchsorted(second_frames[order], first_frames, side="left")
    counts = np.searchsorted(second_frames[order], first_frames, side="right") - starts
    first = np.repeat(np.arange(len(first_frames)), counts)
    within = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, order[np.repeat(starts, counts) + within]


def _whole_tracks(predicted: IntArray, existing: IntArray, likeness: FloatArray) -> dict[int, int]:
    """Existing track of each predicted track that is clearly it in at least half of the frames they share."""
    predicted_ids, rows = np.unique(predicted, return_inverse=True)
    existing_ids, columns = np.unique(existing, return_inverse=True)
    clear = likeness >= CLEAR
    shape = (len(predicted_ids), len(existing_ids))
    total, votes, shared = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    np.add.at(total, (rows, columns), likeness * clear)
    np.add.at(votes, (rows, columns), clear)
    np.add.at(shared, (rows, columns), 1)
    total[2 * votes < shared] = 0
    return {int(predicted_ids[i]): int(existing_ids[j]) for i, j in _assigned(total) if total[i, j] > 0}


def _by_frame(frames: IntArray) -> list[IntArray]:
    """Indices of each frame's entries."""
    order = np.argsort(frames, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(frames[order])) + 1)


def _settle(result: IntArray, people: IntArray, track_ids: IntArray, likeness: FloatArray) -> None:
    """Assign the people of one frame to the tracks they are clearly on, one to one."""
    if len(people) == 1:
        result[people] = track_ids
        return
    person_of, rows = np.unique(people, return_inverse=True)
    track_of, columns = np.unique(track_ids, return_inverse=True)
    table = np.zeros((len(person_of), len(track_of)))
    table[rows, columns] = likeness
    for i, j in _assigned(table):
        if table[i, j] > 0:
            result[person_of[i]] = track_of[j]


def _follow_whole_tracks(result: IntArray, follows: IntArray, frames: IntArray) -> None:
    """Give the people that no frame settled the track of their whole, unless somebody has it in that frame."""
    taken = set(zip(frames.tolist(), result.tolist(), strict=True))
    for i in np.flatnonzero((result == NO_TRACK) & (follows != NO_TRACK)).tolist():
        if (place := (int(frames[i]), int(follows[i]))) not in taken:
            taken.add(place)
            result[i] = follows[i]

"""One person, one id, where parts of a video are linked one at a time with some frames in common."""

import itertools
from collections.abc import Mapping
from typing import Final

import numpy as np

from jmpose_core.geometry import Xyxy, iou
from jmpose_core.tracking.affinity import assigned

Tracks = Mapping[int, Mapping[int, Xyxy]]

_SAME_IOU: Final = 0.5  # mean overlap of the boxes of one person in two linkings
_NEAR_FRAMES: Final = 8.0  # from the border over which a frame loses its say: the id must not jump there


class Handover:
    """Gives tracks ids that stay over the borders between the parts.

    Parts may come in any order, each next to those that came before: each has one
    neighbour that is done, or none.
    """

    def __init__(self) -> None:
        self._free = itertools.count()
        self._at_border: dict[int, Tracks] = {}  # tracks of the part on one side, where the other side is not done

    def named(self, tracks: Tracks, own: range) -> dict[int, Mapping[int, Xyxy]]:
        """The tracks with frames in `own`, by an id that no other person has.

        Args:
            tracks: linked over `own` and some frames of its neighbours.
            own: the frames from one border to the next.
        """
        here = {track_id: boxes for track_id, boxes in tracks.items() if any(frame in own for frame in boxes)}
        done = [border for border in (own.start, own.stop) if border in self._at_border]
        names: dict[int, int] = {}
        for border in done:
            names = same_people(self._at_border.pop(border), here, border)
        named = {names[old] if old in names else next(self._free): here[old] for old in sorted(here)}
        self._at_border |= {border: named for border in (own.start, own.stop) if border not in done}
        return named


def same_people(known: Tracks, new: Tracks, border: int) -> dict[int, int]:
    """The known track that each new one is, where it is one; no known track twice.

    Both were linked from the same detections around the border, the known ones
    with more frames on one side of it, the new ones with more on the other.
    """
    rows, columns = sorted(known), sorted(new)
    shared = np.zeros((len(rows), len(columns)))
    overlap = np.zeros_like(shared)
    for frame in sorted(set().union(*known.values()) & set().union(*new.values())):
        row = [index for index, track_id in enumerate(rows) if frame in known[track_id]]
        column = [index for index, track_id in enumerate(columns) if frame in new[track_id]]
        weight = np.exp(-abs(frame + 0.5 - border) / _NEAR_FRAMES)
        boxes, others = ([known[rows[i]][frame] for i in row], [new[columns[i]][frame] for i in column])
        shared[np.ix_(row, column)] += weight
        overlap[np.ix_(row, column)] += weight * iou(np.array(boxes), np.array(others))
    alike = np.where(overlap >= _SAME_IOU * shared, overlap, 0.0)
    return {columns[column]: rows[row] for row, column in assigned(alike, 0.0)}

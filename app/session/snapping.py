"""Puts the selected joint where the model's heatmap has a peak: the best one near the cursor, then the next."""

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from app.session.editor import Editor
from app.session.open_project import OpenProject
from app.session.people_shown import PeopleShown
from app.session.view_state import ViewState
from jmpose_core.skeleton import FLIP, JOINT_TITLES

REACH: Final = 0.3  # of the size of the person's box (square root of its area): peaks this near the cursor come first
SAME: Final = 2.0  # image pixels: places this near are one


class Snapping(QObject):
    """Pressed again with the hand still, it takes the next peak, round and round."""

    nothing_found = Signal(str)

    def __init__(
        self,
        project: OpenProject,
        shown: PeopleShown,
        view_state: ViewState,
        editor: Editor,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._project, self._shown, self._view_state, self._editor = project, shown, view_state, editor
        self._cursor: tuple[float, float] | None = None
        self._round: tuple[object, list[tuple[float, float]]] = (None, [])  # what for, and the places still to come

    def follow(self, cursor: tuple[float, float] | None) -> None:
        """Where the hand is, image pixels; None outside of the picture."""
        self._cursor = cursor

    def snap(self) -> None:
        """Move the selected joint to the next peak."""
        video, person, joint = self._view_state.video, self._shown.person, self._shown.joint
        if video is None or person is None or joint is None:
            return
        wanted = (video.id, person.frame_index, person.track_id, joint, self._cursor)
        if wanted != self._round[0]:
            peaks = self._project.peaks(video.id, person.frame_index, person.track_id)
            if peaks is None:
                self.nothing_found.emit("What the model saw of this person is not kept: predict this frame first.")
                return
            x, y = person.keypoints[joint].tolist()
            left, top, right, bottom = person.bbox_xyxy
            size = float(np.sqrt(max((right - left) * (bottom - top), 1.0)))
            places = places_near(peaks, joint, self._cursor or (x, y), REACH * size)
            self._round = (wanted, [place for place in places if np.hypot(place[0] - x, place[1] - y) > SAME])
        _, places = self._round
        if not places:
            self.nothing_found.emit(f"The model has no other place for the {JOINT_TITLES[joint]} here.")
            return
        self._editor.place_joint(*places[0])
        self._round = (wanted, [*places[1:], places[0]])


def places_near(
    peaks: npt.NDArray[np.float32], joint: int, cursor: tuple[float, float], reach: float
) -> list[tuple[float, float]]:
    """The peaks of a joint and of the joint on the other side: those in reach by height, then the others by distance.

    Args:
        peaks: (15, P, 3) x, y in image pixels and height 0..1; 0 where there is none.
        reach: image pixels about the cursor.
    """
    both = peaks[[joint, FLIP[joint]]] if FLIP[joint] != joint else peaks[[joint]]
    found = both.reshape(-1, 3)
    found = found[found[:, 2] > 0].astype(np.float64)
    distance = np.hypot(*(found[:, :2] - cursor).T)
    order = np.lexsort((np.where(distance <= reach, -found[:, 2], distance), distance > reach))
    places: list[tuple[float, float]] = []
    for x, y in found[order, :2].tolist():
        if all(np.hypot(x - a, y - b) > SAME for a, b in places):
            places.append((x, y))
    return places

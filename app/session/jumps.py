"""Goes along the timeline from one frame of interest to the next."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from app.session.lanes import Lanes
from app.session.people_shown import PeopleShown
from app.session.view_state import ViewState
from jmpose_core.annotations import Origin
from jmpose_core.project import Lane

FORWARD: Final = 1
BACKWARD: Final = -1


class Jumps(QObject):
    """Each method is one key. Looks at the lanes, and so decodes nobody."""

    nothing_found = Signal(str)

    def __init__(self, lanes: Lanes, shown: PeopleShown, view_state: ViewState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes, self._shown, self._view_state = lanes, shown, view_state

    def to_labelled(self, way: int) -> None:
        """The next frame, or BACKWARD the one before, where somebody labelled a joint of the selected person.

        Of anybody where nobody is selected.
        """
        own = [lane for lane in self._lanes.lanes if self._shown.track_id in (None, lane.track_id)]
        frames = sorted({frame for lane in own for frame in lane.frame_index[lane.state >= Origin.CORRECTED].tolist()})
        whose = "anybody" if self._shown.track_id is None else f"person {self._shown.track_id}"
        self._go(frames, way, f"No joint of {whose} is labelled")

    def to_count_change(self, way: int) -> None:
        """The next frame, or the one before, that has more or fewer people than the frame before it."""
        video = self._view_state.video
        if video is not None:
            count = people_count(self._lanes.lanes, video.frame_count)
            self._go((np.flatnonzero(np.diff(count)) + 1).tolist(), way, "The number of people does not change")

    def _go(self, frames: Sequence[int], way: int, otherwise: str) -> None:
        """To the next of these frames, which are in order."""
        here = self._view_state.frame_index
        place = bisect_right(frames, here) if way == FORWARD else bisect_left(frames, here) - 1
        if 0 <= place < len(frames):
            self._view_state.set_frame(frames[place])
        else:
            self.nothing_found.emit(f"{otherwise} {'after' if way == FORWARD else 'before'} this frame.")


def people_count(lanes: list[Lane], frame_count: int) -> npt.NDArray[np.int64]:
    """(frame_count,) how many people are in each frame."""
    count = np.zeros(frame_count, np.int64)
    for lane in lanes:
        count[lane.frame_index] += 1
    return count

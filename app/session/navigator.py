"""Moves through frames, people and joints. Changes nothing but the view."""

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from app.session.open_project import OpenProject
from app.session.people_shown import PeopleShown
from app.session.view_state import ViewState
from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.frame_numbers import frame_number
from jmpose_core.skeleton import NUM_JOINTS

LOW_CONFIDENCE = 0.5  # a joint below it is more likely misplaced than not
SEARCH_FRAMES = 2000  # looked at per key press, so that a press never holds up the window
BEFORE_ANYBODY = -1  # no track and no joint is negative


class Navigator(QObject):
    """Each method is one key. Whom it selects is brought into view."""

    nothing_found = Signal(str)

    def __init__(
        self, project: OpenProject, shown: PeopleShown, view_state: ViewState, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._shown, self._view_state = project, shown, view_state

    def step(self, frames: int) -> None:
        self._view_state.set_frame(self._view_state.frame_index + frames)

    def to_start(self) -> None:
        self._view_state.set_frame(0)

    def to_end(self) -> None:
        if self._view_state.video is not None:
            self._view_state.set_frame(self._view_state.video.frame_count - 1)

    def go_to(self, frame_index: int, track_id: int, joint: int | None = None) -> None:
        """Look at one person, or at one of its joints."""
        self._view_state.set_frame(frame_index)
        self._seek(track_id, joint)

    def next_person(self, step: int = 1) -> None:
        """Select the next person of the frame, round and round; keep the joint."""
        track_ids = [person.track_id for person in self._shown.people(self._view_state.frame_index)]
        if not track_ids:
            return
        if self._shown.track_id in track_ids:
            place = track_ids.index(self._shown.track_id) + step
        else:
            place = 0 if step > 0 else -1
        self._seek(track_ids[place % len(track_ids)], self._shown.joint)

    def next_joint(self, step: int = 1) -> None:
        """Select the next joint, of the first person where nobody of this frame is selected."""
        if self._shown.person is None:
            self.next_person()
        if self._shown.person is not None:
            joint = self._shown.joint
            start = (-1 if step > 0 else 0) if joint is None else joint
            self._seek(self._shown.track_id, (start + step) % NUM_JOINTS)

    def next_low_confidence(self) -> None:
        """Go to the next predicted joint that the model is unsure of, of this person or another, and select it."""
        state, video = self._view_state, self._view_state.video
        if video is None:
            return
        track_id, joint = self._shown.track_id, self._shown.joint
        here = (
            state.frame_index,
            BEFORE_ANYBODY if track_id is None else track_id,
            BEFORE_ANYBODY if joint is None else joint,
        )
        last = min(state.frame_index + SEARCH_FRAMES, video.frame_count)
        found = first_unsure(self._project.people_between(video.id, state.frame_index, last), after=here)
        if found is not None:
            self.go_to(*found)
        elif last < video.frame_count:
            state.set_frame(last)
            self.nothing_found.emit(
                f"No joint below {LOW_CONFIDENCE:.2f} before frame {frame_number(last)}. Search on from here."
            )
        else:
            self.nothing_found.emit(f"No joint below {LOW_CONFIDENCE:.2f} from here to the end.")

    def _seek(self, track_id: int | None, joint: int | None) -> None:
        self._view_state.set_people_hidden(False)
        self._shown.seek(track_id, joint)


def first_unsure(people: Iterable[Annotation], *, after: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """(frame, track, joint) of the first predicted joint below LOW_CONFIDENCE that comes after `after`."""
    for person in people:
        unsure = (
            (person.confidence < LOW_CONFIDENCE)
            & (person.origin == Origin.PREDICTED)
            & (person.visibility != Visibility.ABSENT)
        )
        for joint in unsure.nonzero()[0].tolist():
            place = (person.frame_index, person.track_id, joint)
            if place > after:
                return place
    return None

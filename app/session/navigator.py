"""Moves through frames, people and joints. Changes nothing but the view."""

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from app.session.document import Document
from app.session.view_state import ViewState
from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.skeleton import NUM_JOINTS

LOW_CONFIDENCE = 0.5  # a joint below it is more likely misplaced than not
SEARCH_FRAMES = 2000  # looked at per key press, so that a press never holds up the window


class Navigator(QObject):
    """Each method is one key."""

    nothing_found = Signal(str)

    def __init__(self, document: Document, view_state: ViewState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._view_state = view_state

    def step(self, frames: int) -> None:
        self._view_state.set_frame(self._view_state.frame_index + frames)

    def to_start(self) -> None:
        self._view_state.set_frame(0)

    def to_end(self) -> None:
        if self._view_state.video is not None:
            self._view_state.set_frame(self._view_state.video.frame_count - 1)

    def go_to(self, frame_index: int, track_id: int, joint: int) -> None:
        """Look at one joint of one person."""
        self._view_state.set_frame(frame_index)
        self._view_state.select(track_id, joint)

    def next_person(self, step: int = 1) -> None:
        """Select the next person of the frame, round and round; keep the joint."""
        video = self._view_state.video
        if video is None:
            return
        track_ids = [person.track_id for person in self._document.people(video.id, self._view_state.frame_index)]
        if not track_ids:
            return
        if self._view_state.track_id in track_ids:
            place = track_ids.index(self._view_state.track_id) + step
        else:
            place = 0 if step > 0 else -1
        self._view_state.select(track_ids[place % len(track_ids)], self._view_state.joint)

    def next_joint(self, step: int = 1) -> None:
        """Select the next joint, of the first person where nobody is selected."""
        if self._view_state.track_id is None:
            self.next_person()
        if self._view_state.track_id is not None:
            joint = self._view_state.joint
            start = (-1 if step > 0 else 0) if joint is None else joint
            self._view_state.select(self._view_state.track_id, (start + step) % NUM_JOINTS)

    def next_low_confidence(self) -> None:
        """Go to the next predicted joint that the model is unsure of, and select it."""
        state, video = self._view_state, self._view_state.video
        if video is None:
            return
        here = (state.frame_index, state.track_id or -1, -1 if state.joint is None else state.joint)
        last = min(state.frame_index + SEARCH_FRAMES, video.frame_count)
        found = first_unsure(self._document.people_between(video.id, state.frame_index, last), after=here)
        if found is None:
            self.nothing_found.emit(
                f"No joint below {LOW_CONFIDENCE:.2f} in the next {last - state.frame_index} frames."
            )
            return
        frame_index, track_id, joint = found
        state.set_frame(frame_index)
        state.select(track_id, joint)


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

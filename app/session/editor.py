"""What the annotator does to the selected person and joint: reads the selection, asks `edits`, writes one step."""

from PySide6.QtCore import QObject, Signal

from app.session import edits
from app.session.document import Document
from app.session.view_state import ViewState
from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.geometry import Xyxy
from jmpose_core.skeleton import JOINTS


class Editor(QObject):
    """Each method is one undo step, or does nothing where its object is not selected."""

    person_added = Signal(object)  # Annotation: worth a prediction, and tracking from there

    def __init__(self, document: Document, view_state: ViewState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._view_state = view_state

    @property
    def person(self) -> Annotation | None:
        """The selected person in the current frame."""
        state = self._view_state
        if state.video is None or state.track_id is None:
            return None
        return self._document.person(state.video.id, state.frame_index, state.track_id)

    @property
    def person_shown(self) -> Annotation | None:
        """The same, as far as it is on the screen: never waits."""
        state = self._view_state
        if state.video is None or state.track_id is None:
            return None
        return self._document.person_shown(state.video.id, state.frame_index, state.track_id)

    def apply(self, person: Annotation, text: str) -> None:
        """Write a person as a gesture left it."""
        if self._view_state.video is not None:
            self._document.put(self._view_state.video.id, person, text)

    def toggle_occluded(self) -> None:
        self._toggle(Visibility.OCCLUDED)

    def toggle_absent(self) -> None:
        self._toggle(Visibility.ABSENT)

    def place_joint(self, x: float, y: float) -> None:
        """The selected joint is here."""
        person, joint = self.person, self._view_state.joint
        if person is not None and joint is not None:
            self.apply(edits.with_joint_moved(person, joint, (x, y)), f"Place {_name(joint)}")

    def verify_person(self) -> None:
        if (person := self.person) is not None:
            self.apply(edits.verified(person), f"Verify person {person.track_id}")

    def swap_sides(self) -> None:
        if (person := self.person) is not None:
            self.apply(person.mirrored_sides(), f"Swap left and right of person {person.track_id}")

    def delete_person(self) -> None:
        video, person = self._view_state.video, self.person
        if video is not None and person is not None:
            text = f"Delete person {person.track_id}"
            self._document.remove(video.id, person.frame_index, person.track_id, text)
            self._view_state.select(None)

    def add_person(self, bbox_xyxy: Xyxy) -> None:
        """A person whom the detector missed, in a box that the annotator drew."""
        video = self._view_state.video
        if video is None:
            return
        track_id = self.free_track_id()
        person = edits.new_person(self._view_state.frame_index, track_id, bbox_xyxy)
        if self._document.put(video.id, person, f"Add person {track_id}"):
            self._view_state.select(track_id)
            self.person_added.emit(person)

    def set_track(self, track_id: int, first: int, last: int) -> None:
        """The selected person is track `track_id` in frames first..last, `last` excluded."""
        video, old = self._view_state.video, self._view_state.track_id
        if video is None or old is None or old == track_id:
            return
        if self._document.retrack(video.id, first, last, old, track_id, f"Set track {old} to {track_id}"):
            self._view_state.select(track_id, self._view_state.joint)

    def free_track_id(self) -> int:
        video = self._view_state.video
        tracks = self._document.tracks(video.id) if video is not None else []
        return max((track.track_id for track in tracks), default=0) + 1

    def _toggle(self, visibility: Visibility) -> None:
        person, joint = self.person, self._view_state.joint
        if person is not None and joint is not None:
            edited = edits.with_visibility_toggled(person, joint, visibility)
            word = Visibility(int(edited.visibility[joint])).name.lower()
            self.apply(edited, f"{_name(joint).capitalize()} {word}")


def _name(joint: int) -> str:
    return JOINTS[joint].replace("_", " ")

"""What the annotator does to the selected person and joint: reads the selection, asks `edits`, writes one step."""

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from app.session import edits
from app.session.open_project import OpenProject
from app.session.people_shown import PeopleShown
from app.session.view_state import ViewState
from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.frame_numbers import frame_number, frame_range
from jmpose_core.geometry import Xyxy
from jmpose_core.skeleton import JOINT_TITLES, NUM_JOINTS


class Editor(QObject):
    """Each method is one undo step, or does nothing where its object is not selected."""

    person_added = Signal(object)  # Annotation: worth a prediction, and tracking from there
    nothing_found = Signal(str)

    def __init__(
        self, project: OpenProject, shown: PeopleShown, view_state: ViewState, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._shown, self._view_state = project, shown, view_state
        self._uncorrected: dict[tuple[int, int, int], Annotation] = {}  # by video, frame and track
        project.closed.connect(self._uncorrected.clear)

    def apply(self, person: Annotation, text: str) -> None:
        """Write a person as a gesture left it."""
        video = self._view_state.video
        if video is None:
            return
        place = (video.id, person.frame_index, person.track_id)
        if (earlier := self._uncorrected.get(place)) is not None:
            person = edits.with_word_given_back(person, earlier)
        self._project.put(video.id, person, text)

    def toggle_occluded(self) -> None:
        self._toggle(Visibility.OCCLUDED)

    def toggle_absent(self) -> None:
        self._toggle(Visibility.ABSENT)

    def place_joint(self, x: float, y: float) -> None:
        """The selected joint is here."""
        person, joint = self._person(), self._shown.joint
        if person is not None and joint is not None:
            self.apply(edits.with_joint_moved(person, joint, (x, y)), f"Place {JOINT_TITLES[joint]}")

    def place_and_go_on(self, x: float, y: float, occluded: bool) -> None:
        """The selected joint, or else the first untouched one, is here; the next is selected: a person is 15 clicks."""
        person = self._person()
        joint = edits.first_untouched(person) if person is not None and self._shown.joint is None else self._shown.joint
        if person is None or joint is None:
            return
        placed = edits.with_joint_moved(person, joint, (x, y))
        if occluded:
            placed = placed.with_joint(joint, visibility=Visibility.OCCLUDED)
        self.apply(placed, f"Place {JOINT_TITLES[joint]}")
        self._shown.select(person.track_id, joint + 1 if joint + 1 < NUM_JOINTS else None)

    def copy_labels(self) -> None:
        """The selected person has its labelled joints of the last frame that has any, here too; labels here stay."""
        person, track_id = self._person(), self._shown.track_id  # settled
        video, frame_index = self._view_state.video, self._view_state.frame_index
        if video is None or track_id is None:
            return
        labelled = self._project.labelled_before(video.id, frame_index, track_id)
        if labelled is None:
            self.nothing_found.emit(f"No joint of person {track_id} is labelled before this frame.")
            return
        if person is None:
            nobody = edits.new_person(frame_index, track_id, labelled.bbox_xyxy)
            person = replace(nobody, keypoints=labelled.keypoints)
        source = frame_number(labelled.frame_index)
        self.apply(edits.with_labels_of(person, labelled), f"Copy person {track_id} from frame {source}")

    def verify_person(self) -> None:
        if (person := self._person()) is not None:
            self.apply(edits.verified(person), f"Verify person {person.track_id}")

    def verify_frame(self) -> None:
        """Everybody in this frame is right as shown; the next frame is looked at."""
        self._shown.settle()
        video, frame_index = self._view_state.video, self._view_state.frame_index
        if video is None:
            return
        people = [edits.verified(person) for person in self._project.people(video.id, frame_index)]
        if not people or self._project.put_all(video.id, people, f"Verify frame {frame_number(frame_index)}"):
            self._view_state.set_frame(frame_index + 1)

    def verify_run(self, track_id: int, joint: int, first: int, last: int) -> None:
        """A joint of one track is right as it is shown in frames first..last, `last` excluded."""
        self._shown.settle()
        video = self._view_state.video
        if video is None:
            return
        people = [
            person.with_joint(joint, origin=Origin.VERIFIED)
            for person in self._project.people_between(video.id, first, last)
            if person.track_id == track_id and not person.touched[joint]
        ]
        where = frame_range(first, last)
        self._project.put_all(video.id, people, f"Verify {JOINT_TITLES[joint]} in {where}")

    def swap_sides(self) -> None:
        if (person := self._person()) is not None:
            self.apply(person.mirrored_sides(), f"Swap left and right of person {person.track_id}")

    def swap_sides_in_range(self) -> None:
        """In the marked frames, or in all from here on; from the selected joint outward, or of the whole person."""
        self._shown.settle()
        video, track_id, joint = self._view_state.video, self._shown.track_id, self._shown.joint
        if video is None or track_id is None:
            return
        first, last = self._view_state.working_range
        people = [
            edits.with_sides_swapped(person, joint)
            for person in self._project.people_between(video.id, first, last)
            if person.track_id == track_id
        ]
        what = "all joints" if joint is None else f"{JOINT_TITLES[joint]} outward"
        self._project.put_all(video.id, people, f"Swap sides, {what}, in {frame_range(first, last)}")

    def delete_person(self) -> None:
        video, person = self._view_state.video, self._person()
        if video is not None and person is not None:
            text = f"Delete person {person.track_id}"
            self._project.remove(video.id, person.frame_index, person.track_id, text)
            self._shown.select(None)

    def add_person(self, bbox_xyxy: Xyxy) -> None:
        """A person whom the detector missed, in a box that the annotator drew."""
        video = self._view_state.video
        if video is None:
            return
        track_id = self._free_track_id(video.id)
        person = edits.new_person(self._view_state.frame_index, track_id, bbox_xyxy)
        if self._project.put(video.id, person, f"Add person {track_id}"):
            self._shown.select(track_id)
            self.person_added.emit(person)

    def _person(self) -> Annotation | None:
        """The selected person as the project holds it now; what an edit of it starts from."""
        self._shown.settle()
        video, person = self._view_state.video, self._shown.person
        if video is not None and person is not None:
            place = (video.id, person.frame_index, person.track_id)
            self._uncorrected[place] = edits.before_correction(person, self._uncorrected.get(place))
        return person

    def _free_track_id(self, video_id: int) -> int:
        self._project.settle()
        return max((track.track_id for track in self._project.tracks(video_id)), default=0) + 1

    def _toggle(self, visibility: Visibility) -> None:
        person, joint = self._person(), self._shown.joint
        if person is not None and joint is not None:
            edited = edits.with_visibility_toggled(person, joint, visibility)
            word = Visibility(int(edited.visibility[joint])).name.lower()
            self.apply(edited, f"{JOINT_TITLES[joint].capitalize()} {word}")

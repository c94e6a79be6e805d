"""What the annotator does to whole tracks: who is who, over frames."""

from PySide6.QtCore import QObject, Signal

from app.session.open_project import OpenProject
from app.session.people_shown import PeopleShown
from app.session.view_state import ViewState
from jmpose_core.frame_numbers import frame_number, frame_range


class TrackEditor(QObject):
    """Each method is one undo step, or does nothing where nobody is selected."""

    told = Signal(str)  # what was done, or why nothing was, for the user

    def __init__(
        self, project: OpenProject, shown: PeopleShown, view_state: ViewState, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._shown, self._view_state = project, shown, view_state

    def set_track(self, track_id: int, first: int, last: int) -> None:
        """The selected person is track `track_id` in frames first..last, `last` excluded."""
        self._shown.settle()
        video, old = self._view_state.video, self._shown.track_id
        if video is None or old is None or old == track_id:
            return
        if self._project.retrack(video.id, first, last, old, track_id, f"Set track {old} to {track_id}"):
            self._shown.select(track_id, self._shown.joint)

    def swap_tracks(self, other: int, first: int, last: int) -> None:
        """The selected person and track `other` change places in frames first..last, `last` excluded."""
        self._shown.settle()
        video, own = self._view_state.video, self._shown.track_id
        if video is None or own is None or own == other:
            return
        text = f"Swap persons {own} and {other} in {frame_range(first, last)}"
        if self._project.swap_tracks(video.id, first, last, own, other, text):
            self._shown.select(other, self._shown.joint)

    def delete_in_range(self) -> None:
        """Take the selected person out of the marked frames, or of all from here on."""
        self._shown.settle()
        video, own = self._view_state.video, self._shown.track_id
        if video is not None and own is not None:
            first, last = self._view_state.working_range
            text = f"Delete person {own} in {frame_range(first, last)}"
            if self._project.remove_between(video.id, first, last, own, text) and self._shown.person is None:
                self._shown.select(None)

    def put_on_track(self, track_id: int) -> None:
        """As `set_track`, in the marked frames, or in all from here on."""
        self.set_track(track_id, *self._view_state.working_range)

    def merge(self, other: int) -> None:
        """The selected person and track `other` are one person: everybody on `other` becomes this one."""
        self._shown.settle()
        video, own = self._view_state.video, self._shown.track_id
        if video is None or own is None or own == other:
            return
        text = f"Merge person {other} into {own}"
        if self._project.merge_tracks(video.id, own, other, text):
            self._shown.select(own, self._shown.joint)
            self.told.emit(f"Person {other} is person {own} now. Undo takes it back.")

    def split(self) -> None:
        """The selected person is somebody new in the marked frames, or in all from here on."""
        self._shown.settle()
        video, own = self._view_state.video, self._shown.track_id
        if video is None or own is None:
            return
        first, last = self._view_state.working_range
        there = {person.frame_index for person in self._project.people_of_track(video.id, own)}
        moving = {frame for frame in there if first <= frame < last}
        if not moving or moving == there:
            where = "in the marked frames" if self._view_state.marked else f"from frame {frame_number(first)} on"
            what = "nobody" if not moving else f"all of person {own}"
            self.told.emit(f"There is {what} {where}, so there is nothing to split.")
            return
        text = f"Split person {own} in {frame_range(first, last)}"
        if (new := self._project.split_track(video.id, first, last, own, text)) is not None:
            self._shown.select(new, self._shown.joint)
            self.told.emit(f"Person {own} is person {new} in {frame_range(min(moving), max(moving) + 1)}.")

    def rename(self, track_id: int, name: str) -> None:
        """Give a track a name that is shown beside its number; an empty one takes it away."""
        video, name = self._view_state.video, name.strip()
        if video is not None:
            text = f"Name person {track_id} {name}" if name else f"Take the name of person {track_id} away"
            self._project.rename_track(video.id, track_id, name, text)

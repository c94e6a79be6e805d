"""The people of the frame that is looked at, and which of them, and which joint, is selected."""

from collections.abc import Iterable, Sequence

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.session.open_project import OpenProject
from app.session.predictions import Predictions
from app.session.view_state import ViewState
from jmpose_core.annotations import Annotation

REMEMBERED_FRAMES = 8  # the frame looked at, the one still on the screen, and some beside them


class PeopleShown(QObject):
    """All parts of the window take people and selection from here: a frame is read once, however many parts show it.

    People are the project's and those of a prediction that goes on.
    """

    people_changed = Signal(object)  # frames whose people may be others now (a frozenset)
    selection_changed = Signal()  # who is selected, or which joint
    person_changed = Signal()  # the selected person, as it is in the frame looked at; also with the frame
    sought = Signal()  # the selection was not made by a click in the picture: bring it into view

    def __init__(
        self, project: OpenProject, predictions: Predictions, view_state: ViewState, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._predictions, self._view_state = project, predictions, view_state
        self._read: dict[int, list[Annotation]] = {}  # people by frame, the frame read last at the end
        self._track_id: int | None = None
        self._joint: int | None = None
        self._gathered: frozenset[int] = frozenset()
        self._seen: Annotation | None = None  # the selected person, as it was shown last
        project.people_changed.connect(self._on_written)
        predictions.changed.connect(self._on_changed)
        view_state.video_changed.connect(self._on_video)
        view_state.frame_changed.connect(lambda _: self._on_person())

    # People

    def people(self, frame_index: int) -> Sequence[Annotation]:
        """The people of a frame of the current video, by track."""
        video = self._view_state.video
        if video is None:
            return []
        if frame_index not in self._read:
            found = self._project.people(video.id, frame_index)
            self._read[frame_index] = self._predictions.shown_with(video.id, frame_index, found)
            if len(self._read) > REMEMBERED_FRAMES:
                del self._read[next(iter(self._read))]
        return self._read[frame_index]

    def preview(self, frame_index: int) -> Sequence[Annotation]:
        """Where a frame has nobody yet, the people whom a prediction that goes on has seen there: to look at only."""
        video = self._view_state.video
        if video is None or self.people(frame_index):
            return []
        return self._predictions.preview(video.id, frame_index)

    def around(self, reach: int) -> list[Annotation]:
        """The selected person in up to `reach` frames on either side of the one looked at, and in that."""
        video, here = self._view_state.video, self._view_state.frame_index
        if video is None or self._track_id is None:
            return []
        people = self._project.people_between(video.id, max(here - reach, 0), here + reach + 1)
        return [person for person in people if person.track_id == self._track_id]

    # The selection

    @property
    def track_id(self) -> int | None:
        """Who is selected, whether or not that person is in the frame looked at."""
        return self._track_id

    @property
    def joint(self) -> int | None:
        """The selected joint, where it is one."""
        return self._joint

    @property
    def joints(self) -> frozenset[int]:
        """All selected joints: the one, or those that a marquee gathered."""
        return self._gathered if self._joint is None else frozenset([self._joint])

    @property
    def person(self) -> Annotation | None:
        """The selected person in the frame looked at."""
        if self._track_id is None:
            return None
        return _on_track(self.people(self._view_state.frame_index), self._track_id)

    def select(self, track_id: int | None, joint: int | None = None, *, gathered: frozenset[int] = frozenset()) -> None:
        """Select a person, and a joint of that person if given, or several joints together."""
        if (track_id, joint, gathered) != (self._track_id, self._joint, self._gathered):
            self._track_id, self._joint, self._gathered = track_id, joint, gathered
            self.selection_changed.emit()
            self._on_person()

    def seek(self, track_id: int | None, joint: int | None = None) -> None:
        """Select by key, list or timeline: the selection is brought into view as well."""
        self.select(track_id, joint)
        self.sought.emit()

    def settle(self) -> None:
        """Wait until all that was asked for is written, and show that: what an edit starts from."""
        if self._project.settle():
            self._on_changed(frozenset([self._view_state.frame_index]))

    # What changes both

    def _on_written(self, video_id: int, frames: frozenset[int]) -> None:
        video = self._view_state.video
        if video is not None and video.id == video_id:
            self._on_changed(frames)

    def _on_changed(self, frames: Iterable[int]) -> None:
        changed = frozenset(frames)
        for frame_index in changed & self._read.keys():
            del self._read[frame_index]
        self.people_changed.emit(changed)
        if self._view_state.frame_index in changed:
            self._follow()
            self._on_person()

    def _on_video(self) -> None:
        self._read.clear()
        self._seen = None
        self.select(None)

    def _on_person(self) -> None:
        self._seen = self.person
        self.person_changed.emit()

    def _follow(self) -> None:
        """A prediction that is written may get other track numbers: the selection stays with its person."""
        before = self._seen
        if before is None or self.person is not None or before.frame_index != self._view_state.frame_index:
            return
        for person in self.people(before.frame_index):
            if person.bbox_xyxy == before.bbox_xyxy and np.array_equal(person.keypoints, before.keypoints):
                self.select(person.track_id, self._joint)


def _on_track(people: Iterable[Annotation], track_id: int) -> Annotation | None:
    return next((person for person in people if person.track_id == track_id), None)

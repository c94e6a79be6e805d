"""What is likely wrong with the tracks of the current video, and what the annotator says of it."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.jobs.background import Background
from app.session.open_project import OpenProject
from app.session.settling import settling
from app.session.view_state import ViewState
from jmpose_core.frame_numbers import frame_number, frame_range
from jmpose_core.project import Project
from jmpose_core.queue.proposals import Fault, Proposal

SETTLE_MS = 700  # everybody is read again: several edits in a row cost that once
CALM_MS = 5000  # the same after a change of one person: who corrects joint after joint is not slowed down by it


class TrackFaults(QObject):
    """The proposals are read in the background, again after every change of people."""

    changed = Signal()
    failed = Signal(str)  # they could not be read
    told = Signal(str)  # what was done, for the user

    def __init__(
        self, project: OpenProject, view_state: ViewState, background: Background, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._view_state, self._background = project, view_state, background
        self._found: list[Proposal] = []
        self._video_number = 0  # counts the videos that were looked at
        self._settle = settling(self, SETTLE_MS, self._read)
        project.people_changed.connect(self._on_people)
        project.turned.connect(lambda _: self._settle.start(SETTLE_MS))  # a refusal, too, can be undone
        project.closed.connect(self._clear)
        view_state.video_changed.connect(self._on_video)

    @property
    def found(self) -> list[Proposal]:
        """The most certain first."""
        return self._found

    def mend(self, fault: Proposal) -> bool:
        """Do what is proposed, in one undo step; whether it could be done."""
        video = self._view_state.video
        if video is None or not self._project.mend(video.id, fault, what_mends(fault)):
            return False
        self._remove(fault)
        self.told.emit(f"{what_mends(fault)}. Undo takes it back.")
        return True

    def refuse(self, fault: Proposal) -> bool:
        """The tracks are right there: it is not proposed again. Whether that could be written."""
        video = self._view_state.video
        if video is None or not self._project.refuse(video.id, fault, f"Leave tracks: {what_is_wrong(fault)}"):
            return False
        self._remove(fault)
        return True

    def _remove(self, fault: Proposal) -> None:
        """At once, before they are read again."""
        self._found = [one for one in self._found if one != fault]
        self.changed.emit()

    def _on_people(self, video_id: int, _frames: object) -> None:
        video = self._view_state.video
        if video is None or video.id != video_id:
            return
        if len(self._project.tracks_touched_last(video_id)) != 1:
            self._settle.start(SETTLE_MS)
        elif not self._settle.isActive() or self._settle.interval() == CALM_MS:
            self._settle.start(CALM_MS)

    def _on_video(self) -> None:
        self._clear()
        self._read()

    def _clear(self) -> None:
        self._video_number += 1
        self._settle.stop()
        self._found = []
        self.changed.emit()

    def _read(self) -> None:
        path, video = self._project.path, self._view_state.video
        if path is None or video is None:
            return
        video_number = self._video_number
        self._background.run(
            lambda: _read_faults(path, video.id),
            lambda found: self._show(found) if video_number == self._video_number else None,
            self.failed.emit,
        )

    def _show(self, found: list[Proposal]) -> None:
        if found != self._found:
            self._found = found
            self.changed.emit()


def what_is_wrong(fault: Proposal) -> str:
    """In a few words."""
    person, other = fault.track_id, fault.other
    match fault.fault:
        case Fault.BROKEN:
            return f"{other} is {person}"
        case Fault.JUMP:
            return f"{person} becomes {'another' if other is None else other}"
        case Fault.TWICE:
            return f"{other} lies on {person}"
        case Fault.NOBODY:
            return f"{person} is nobody"


def what_mends(fault: Proposal) -> str:
    """The command, as the undo step is named."""
    person, other, where = fault.track_id, fault.other, frame_range(fault.first, fault.last)
    match fault.fault:
        case Fault.BROKEN:
            return f"Put person {other} on track {person}"
        case Fault.JUMP if other is not None:
            return f"Swap persons {person} and {other} from frame {frame_number(fault.first)}"
        case Fault.JUMP:
            return f"Put person {person} on a new track from frame {frame_number(fault.first)}"
        case Fault.TWICE:
            return f"Delete person {other} in {where}"
        case Fault.NOBODY:
            return f"Delete person {person} in {where}"


def _read_faults(path: Path, video_id: int) -> list[Proposal]:
    """Over a connection of their own."""
    with Project.open(path, read_only=True) as project:
        return project.proposals(video_id)

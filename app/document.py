"""The open project, and the only object that changes it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.held_predictions import HeldPredictions
from jmpose_core.annotations import Annotation, Track
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project, StepInfo, VideoRecord


class Document(QObject):
    """Sole owner of the Project. A change is one step of the project's own undo log: on disk when it is signalled."""

    opened = Signal()
    closed = Signal()
    people_changed = Signal(int, object)  # video_id, the frames that changed (a frozenset)
    turned = Signal(object)  # StepInfo of an undo or redo: where to look
    failed = Signal(str)  # an edit did not reach the disk; nothing changed

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project: Project | None = None
        self._held: HeldPredictions | None = None

    # The file

    @property
    def path(self) -> Path | None:
        return self._project.path if self._project is not None else None

    def open(self, path: Path) -> None:
        """Open this project in place of the one that is open.

        Raises:
            ProjectError: it cannot be opened; what was open stays open.
        """
        if self.path is not None and path.exists() and self.path.samefile(path):
            return
        project = Project.open(path)
        self.close()
        self._project = project
        self.opened.emit()

    def close(self) -> None:
        if self._project is not None:
            self.end_predictions()
            project, self._project = self._project, None
            project.close()
            self.closed.emit()

    # Reading: small and on demand

    def videos(self) -> list[VideoRecord]:
        return self._project.videos() if self._project is not None else []

    def video_path(self, video_id: int) -> Path:
        """Raises ProjectError, with the cure, where the video is gone or has changed."""
        return self._opened().video_path(video_id)

    def people(self, video_id: int, frame_index: int) -> list[Annotation]:
        """What is shown in a frame: the project's people or, where it has none, those of the run that goes on."""
        people = self._project.people(video_id, frame_index) if self._project is not None else []
        held = self._held
        if not people and held is not None and held.unwritten and held.video_id == video_id:
            return list(held.people.get(frame_index, {}).values())
        return people

    def person(self, video_id: int, frame_index: int, track_id: int) -> Annotation | None:
        people = self.people(video_id, frame_index)
        return next((person for person in people if person.track_id == track_id), None)

    def people_between(self, video_id: int, first: int, last: int) -> Iterator[Annotation]:
        return self._opened().people_between(video_id, first, last)

    def tracks(self, video_id: int) -> list[Track]:
        return self._project.tracks(video_id) if self._project is not None else []

    @property
    def undo_text(self) -> str | None:
        return self._project.undo_text if self._project is not None else None

    @property
    def redo_text(self) -> str | None:
        return self._project.redo_text if self._project is not None else None

    # Changing: each call is one step, or nothing

    def put(self, video_id: int, person: Annotation, text: str) -> bool:
        """Write one person as the annotator wants it."""

        def write() -> None:
            with self._opened().step(text) as step:
                step.put(video_id, person)

        return self._edit(write, video_id, {person.frame_index})

    def remove(self, video_id: int, frame_index: int, track_id: int, text: str) -> bool:
        """Take a person out of one frame; later predictions do not bring it back."""

        def write() -> None:
            with self._opened().step(text) as step:
                step.remove(video_id, frame_index, track_id)

        return self._edit(write, video_id, {frame_index})

    def retrack(self, video_id: int, first: int, last: int, old_track_id: int, new_track_id: int, text: str) -> bool:
        """Give a track another id in frames first..last, `last` excluded."""

        def write() -> None:
            with self._opened().step(text) as step:
                step.retrack(video_id, first, last, old_track_id, new_track_id)

        return self._edit(write, video_id, range(first, last))

    # Predictions: shown as they come in, one step when the run ends

    def hold_predictions(self, video_id: int, people: Sequence[Annotation]) -> None:
        """Show people of a run that goes on; frames that have people keep showing those."""
        if self._held is None or self._held.video_id != video_id:
            self._held = HeldPredictions(video_id)
        self._held.add(people)
        self.people_changed.emit(video_id, frozenset(person.frame_index for person in people))

    def held_frames(self, video_id: int) -> list[int]:
        """Frames that have predictions not yet in the project."""
        return sorted(self._held.people) if self._held is not None and self._held.video_id == video_id else []

    def write_held_predictions(self) -> bool:
        """Write what the run has found so far. Written again, it replaces its own step rather than adding one."""
        held = self._held
        if held is None or not held.unwritten:
            return True

        def write() -> None:
            if held.written_as_newest_step:
                self._opened().undo()
            self._opened().apply_predictions(held.video_id, held.everybody(), text="Predict people")

        done = self._attempt(write, held.video_id, held.people.keys())
        held.unwritten, held.written_as_newest_step = not done, done
        return done

    def end_predictions(self) -> bool:
        """Write what is held, and let go of it."""
        done = self.write_held_predictions()
        self._held = None
        return done

    def undo(self) -> None:
        self._turn(lambda: self._opened().undo())

    def redo(self) -> None:
        self._turn(lambda: self._opened().redo())

    def _turn(self, turn: Callable[[], StepInfo | None]) -> None:
        if self._project is None or not self.write_held_predictions():
            return
        if self._held is not None:
            self._held.written_as_newest_step = False
        try:
            info = turn()
        except ProjectError as error:
            self.failed.emit(str(error))
            return
        if info is not None:
            for video_id, frames in info.frames_by_video.items():
                self.people_changed.emit(video_id, frozenset(frames))
            self.turned.emit(info)

    def _edit(self, write: Callable[[], None], video_id: int, frames: Iterable[int]) -> bool:
        """A change by hand: on top of what is shown, so predictions that are only held are written first."""
        if not self.write_held_predictions():
            return False
        if self._held is not None:
            self._held.written_as_newest_step = False
        return self._attempt(write, video_id, frames)

    def _attempt(self, write: Callable[[], None], video_id: int, frames: Iterable[int]) -> bool:
        """Carry out a change and tell of it; of a failure too, after which the views read again what is on disk."""
        changed = frozenset(frames)
        try:
            write()
        except ProjectError as error:
            self.failed.emit(str(error))
            return False
        finally:
            self.people_changed.emit(video_id, changed)
        return True

    def _opened(self) -> Project:
        if self._project is None:
            raise ProjectError("no project is open; open a video or a project first")
        return self._project

"""The open project, and the only object that changes it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.jobs.background import Background
from app.session.held_predictions import HeldPredictions, write_predictions
from jmpose_core.annotations import Annotation, Track
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project, Step, StepInfo, VideoRecord
from jmpose_core.project.importing import ImportPlan, write_import


class Document(QObject):
    """Sole owner of the Project. A change is one step of the project's own undo log: on disk when it is signalled.

    The project is written in a thread of its own and read here over a second
    connection, so a large write (a whole prediction) never holds up the window.
    An edit by hand is waited for: it takes a millisecond.
    """

    opened = Signal()
    closed = Signal()
    videos_changed = Signal()
    people_changed = Signal(int, object)  # video_id, the frames that changed (a frozenset)
    turned = Signal(object)  # StepInfo of an undo or redo: where to look
    predictions_written = Signal()
    imported = Signal(object, object)  # ImportPlan; StepInfo, or None where all of it was there already
    failed = Signal(str)  # an edit did not reach the disk; nothing changed

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project: Project | None = None  # of the writing thread
        self._reader: Project | None = None  # of this one
        self._writer = Background(self)
        self._held: HeldPredictions | None = None

    # The file

    @property
    def path(self) -> Path | None:
        return self._project.path if self._project is not None else None

    @property
    def busy(self) -> bool:
        """Whether something is still being written."""
        return self._writer.busy

    def open(self, path: Path) -> None:
        """Open this project in place of the one that is open.

        Raises:
            ProjectError: it cannot be opened; what was open stays open.
        """
        if self.path is not None and path.exists() and self.path.samefile(path):
            return
        project = self._writer.call(lambda: Project.open(path))
        try:
            reader = Project.open(path, read_only=True)
        except ProjectError:
            self._writer.call(project.close)
            raise
        self.close_project()
        self._project, self._reader = project, reader
        self.opened.emit()

    def close_project(self) -> None:
        """Close what is open; all of it is saved."""
        self.end_predictions()
        project, self._project = self._project, None
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        if project is not None:
            self._writer.call(project.close)
            self.closed.emit()

    def close(self) -> None:
        """Close the project, and end the writing thread."""
        self.close_project()
        self._writer.close()

    # Reading: small and on demand

    def videos(self) -> list[VideoRecord]:
        return self._reader.videos() if self._reader is not None else []

    def video_path(self, video_id: int) -> Path:
        """Raises ProjectError, with the cure, where the video is gone or has changed."""
        return self._opened().video_path(video_id)

    def people(self, video_id: int, frame_index: int) -> list[Annotation]:
        """What is shown in a frame: the project's people, and what a run that goes on adds to them."""
        people = self._reader.people(video_id, frame_index) if self._reader is not None else []
        held = self._held
        if held is not None and not held.settled and held.video_id == video_id:
            return held.shown_with(people, frame_index)
        return people

    def person(self, video_id: int, frame_index: int, track_id: int) -> Annotation | None:
        """One person as it is once everything asked for so far is written: what an edit starts from."""
        if self.busy:
            self._writer.call(lambda: None)
        return self.person_shown(video_id, frame_index, track_id)

    def person_shown(self, video_id: int, frame_index: int, track_id: int) -> Annotation | None:
        """One person as shown, without waiting."""
        people = self.people(video_id, frame_index)
        return next((person for person in people if person.track_id == track_id), None)

    def people_between(self, video_id: int, first: int, last: int) -> Iterator[Annotation]:
        return self._opened().people_between(video_id, first, last)

    def tracks(self, video_id: int) -> list[Track]:
        return self._reader.tracks(video_id) if self._reader is not None else []

    @property
    def undo_text(self) -> str | None:
        return self._reader.undo_text if self._reader is not None else None

    @property
    def redo_text(self) -> str | None:
        return self._reader.redo_text if self._reader is not None else None

    def relocate_video(self, video_id: int, path: Path) -> None:
        """Take a video that was moved from its new place; `videos_changed` or `failed` follows."""
        project = self._project
        if project is not None:
            self._writer.run(
                lambda: project.relocate_video(video_id, path), lambda _: self.videos_changed.emit(), self.failed.emit
            )

    # Changing by hand: each call is one step on disk, or nothing

    def put(self, video_id: int, person: Annotation, text: str) -> bool:
        """Write one person as the annotator wants it."""
        return self._edit(text, lambda step: step.put(video_id, person), video_id, {person.frame_index})

    def remove(self, video_id: int, frame_index: int, track_id: int, text: str) -> bool:
        """Take a person out of one frame; later predictions do not bring it back."""
        return self._edit(text, lambda step: step.remove(video_id, frame_index, track_id), video_id, {frame_index})

    def retrack(self, video_id: int, first: int, last: int, old_track_id: int, new_track_id: int, text: str) -> bool:
        """Give a track another id in frames first..last, `last` excluded."""
        return self._edit(
            text,
            lambda step: step.retrack(video_id, first, last, old_track_id, new_track_id),
            video_id,
            range(first, last),
        )

    def undo(self) -> None:
        self._turn(lambda project: project.undo())

    def redo(self) -> None:
        self._turn(lambda project: project.redo())

    def _edit(self, text: str, change: Callable[[Step], object], video_id: int, frames: Iterable[int]) -> bool:
        """One step, on top of what is shown: predictions that are only held are written first.

        Told also when it fails, so that the views read again what is on disk.
        """
        project = self._project
        if project is None:
            return False
        self._write_beneath()
        try:
            self._writer.call(lambda: _one_step(project, text, change))
        except ProjectError as error:
            self.failed.emit(str(error))
            return False
        finally:
            self.people_changed.emit(video_id, frozenset(frames))
        return True

    def _turn(self, turn: Callable[[Project], StepInfo | None]) -> None:
        project = self._project
        if project is not None:
            self._write_beneath()
            self._writer.run(lambda: turn(project), self._on_turned, self.failed.emit)

    def _on_turned(self, step: StepInfo | None) -> None:
        if step is not None:
            for video_id, frames in step.frames_by_video.items():
                self.people_changed.emit(video_id, frozenset(frames))
            self.turned.emit(step)

    def import_people(self, plan: ImportPlan) -> None:
        """Write an import as one step, in the background; `imported` or `failed` follows."""
        project = self._project
        if project is not None:
            self._write_beneath()
            self._writer.run(
                lambda: write_import(project, plan), lambda step: self._on_imported(plan, step), self.failed.emit
            )

    def _on_imported(self, plan: ImportPlan, step: StepInfo | None) -> None:
        if step is not None:
            self.people_changed.emit(plan.video.id, frozenset(step.frames))
        self.imported.emit(plan, step)

    # Predictions: shown as they come in, one step when the run ends

    def begin_predictions(self, video_id: int, only_tracks: Iterable[int] | None = None) -> None:
        """A run starts: for everybody, or only for some tracks, in which case the others keep their predictions."""
        self.end_predictions()
        self._held = HeldPredictions(video_id, None if only_tracks is None else frozenset(only_tracks))

    def hold_predictions(self, video_id: int, people: Sequence[Annotation]) -> None:
        """Show people of the run that goes on."""
        if self._held is None:
            raise RuntimeError("no run has begun")
        self._held.add(people)
        self.people_changed.emit(video_id, frozenset(person.frame_index for person in people))

    def held_frames(self, video_id: int) -> list[int]:
        """Frames that have predictions not yet in the project."""
        held = self._held
        return sorted(held.people) if held is not None and not held.settled and held.video_id == video_id else []

    def write_held_predictions(self) -> None:
        """Write what the run has found so far, in the background. Again, it replaces its own step."""
        project, held = self._project, self._held
        if project is None or held is None or not held.unwritten:
            return
        replace, held.unwritten, held.is_newest_step = held.is_newest_step, False, True

        def failed(text: str) -> None:
            held.unwritten, held.is_newest_step = True, False
            self.failed.emit(text)

        found = held.everybody()
        self._writer.run(
            lambda: write_predictions(project, held.video_id, found, held.only_tracks, replace_newest=replace),
            lambda _: self._on_written(held),
            failed,
        )

    def end_predictions(self) -> None:
        """The run is over: write what is held, then let go of it."""
        held = self._held
        if held is not None and not held.ended:
            held.ended = True
            self.write_held_predictions()
            if held.settled:
                self._on_written(held)

    def _on_written(self, held: HeldPredictions) -> None:
        held.settled = not held.unwritten
        if held is self._held and held.ended:
            self._held = None
        self.people_changed.emit(held.video_id, frozenset(held.people))
        if held.ended:
            self.predictions_written.emit()

    def _write_beneath(self) -> None:
        """Before a change by hand: what is held goes first, and its step is no longer the newest."""
        self.write_held_predictions()
        if self._held is not None:
            self._held.is_newest_step = False

    def _opened(self) -> Project:
        if self._reader is None:
            raise ProjectError("no project is open; open a video or a project first")
        return self._reader


def _one_step(project: Project, text: str, change: Callable[[Step], object]) -> None:
    with project.step(text) as step:
        change(step)

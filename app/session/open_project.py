"""The open project, and the only object that changes it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from app.jobs.background import Background
from jmpose_core.annotations import Annotation, Track
from jmpose_core.errors import ProjectError
from jmpose_core.fill.evidence import Float32Array
from jmpose_core.project import Project, Step, StepInfo, VideoRecord
from jmpose_core.project.effort import Place, SpentEffort
from jmpose_core.project.evidence_store import KeptEvidence
from jmpose_core.project.given_labels import GivenLabels
from jmpose_core.project.importing import ImportPlan, write_import
from jmpose_core.project.mending import mend
from jmpose_core.queue.proposals import Proposal

T = TypeVar("T")


class OpenProject(QObject):
    """Sole owner of the Project. A change is one step of the project's own undo log: on disk when it is signalled.

    The project is written in a thread of its own and read here over a second
    connection, so a large write (a whole prediction) never holds up the window.
    An edit by hand is waited for: it takes a millisecond.
    """

    opened = Signal()
    closing = Signal()  # what is still to be written must be handed over now
    closed = Signal()
    videos_changed = Signal()
    about_to_change = Signal()  # by hand or by undo: what lies beneath the change must be handed over now
    people_changed = Signal(int, object)  # video_id, the frames that changed (a frozenset)
    history_changed = Signal()  # what undo and redo would do
    turned = Signal(object)  # StepInfo of an undo or redo: where to look
    imported = Signal(object, object)  # ImportPlan; StepInfo, or None where all of it was there already
    saved = Signal()  # a change has reached the disk
    failed = Signal(str)  # a change did not reach the disk; nothing changed

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project: Project | None = None  # of the writing thread
        self._reader: Project | None = None  # of this one
        self._writer = Background(self)
        self._history: tuple[str | None, str | None] | None = None  # texts of undo and redo, once they were asked for

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
        self._forget_history()
        self.opened.emit()

    def close_project(self) -> None:
        """Close what is open; all of it is saved."""
        if self._project is None:
            return
        self.closing.emit()
        project, self._project = self._project, None
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        self._writer.call(project.close)
        self._forget_history()
        self.closed.emit()

    def close(self) -> None:
        """Close the project, and end the writing thread."""
        self.close_project()
        self._writer.close()

    # Reading: small and on demand

    def videos(self) -> list[VideoRecord]:
        return self._reader.videos() if self._reader is not None else []

    def video_path(self, video_id: int) -> Path:
        """Raises ProjectError, with the cure, where the video is gone."""
        return self._opened().video_path(video_id)

    def people(self, video_id: int, frame_index: int) -> list[Annotation]:
        """The project's people of a frame, as the annotator sees them."""
        return self._reader.people(video_id, frame_index) if self._reader is not None else []

    def people_between(self, video_id: int, first: int, last: int) -> Iterator[Annotation]:
        return self._opened().people_between(video_id, first, last)

    def people_of_track(self, video_id: int, track_id: int) -> Iterator[Annotation]:
        return self._opened().people_of_track(video_id, track_id)

    def peaks(self, video_id: int, frame_index: int, track_id: int) -> Float32Array | None:
        """Of the heatmaps of a predicted person: see `Project.peaks`."""
        return self._reader.peaks(video_id, frame_index, track_id) if self._reader is not None else None

    def labelled_before(self, video_id: int, frame_index: int, track_id: int) -> Annotation | None:
        """See `Project.labelled_before`."""
        return self._reader.labelled_before(video_id, frame_index, track_id) if self._reader is not None else None

    def tracks(self, video_id: int) -> list[Track]:
        return self._reader.tracks(video_id) if self._reader is not None else []

    def given_labels(self, video_id: int, track_id: int, first: int, last: int) -> GivenLabels | None:
        """What the network is told to refine a track again: see `Project.given_labels`."""
        return self._opened().given_labels(video_id, track_id, first, last)

    def tracks_touched_last(self, video_id: int) -> set[int]:
        """Tracks that the last change, or the last undo, may have touched."""
        return self._reader.tracks_touched_last(video_id) if self._reader is not None else set()

    @property
    def undo_text(self) -> str | None:
        """What undo would take back."""
        return self._texts()[0]

    @property
    def redo_text(self) -> str | None:
        """What redo would do again."""
        return self._texts()[1]

    def settle(self) -> bool:
        """Wait until all that was asked for so far is written; whether there was anything to wait for."""
        self.about_to_change.emit()
        if not self.busy:
            return False
        self._writer.call(lambda: None)
        return True

    # Changing by hand: each call is one step on disk, or nothing

    def put(self, video_id: int, person: Annotation, text: str) -> bool:
        """Write one person as the annotator wants it."""
        return self._edit(text, lambda step: step.put(video_id, person), video_id, {person.frame_index})

    def put_all(self, video_id: int, people: Sequence[Annotation], text: str) -> bool:
        """Write several people, each in another frame or of another track."""
        frames = {person.frame_index for person in people}
        return self._edit(text, lambda step: step.put_all(video_id, people), video_id, frames)

    def remove(self, video_id: int, frame_index: int, track_id: int, text: str) -> bool:
        """Take a person out of one frame; later predictions do not bring it back."""
        return self._edit(text, lambda step: step.remove(video_id, frame_index, track_id), video_id, {frame_index})

    def withdraw(self, video_id: int, frame_index: int, track_id: int, text: str) -> bool:
        """Take back what the annotator said of a person in one frame; later predictions may find it again."""
        return self._edit(text, lambda step: step.withdraw(video_id, frame_index, track_id), video_id, {frame_index})

    def retrack(self, video_id: int, first: int, last: int, old_track_id: int, new_track_id: int, text: str) -> bool:
        """Give a track another id in frames first..last, `last` excluded."""
        return self._edit(
            text,
            lambda step: step.retrack(video_id, first, last, old_track_id, new_track_id),
            video_id,
            range(first, last),
        )

    def swap_tracks(self, video_id: int, first: int, last: int, track_a: int, track_b: int, text: str) -> bool:
        """Exchange two tracks in frames first..last, `last` excluded."""
        return self._edit(
            text,
            lambda step: step.swap_tracks(video_id, first, last, track_a, track_b),
            video_id,
            range(first, last),
        )

    def merge_tracks(self, video_id: int, kept: int, gone: int, text: str) -> bool:
        """Put everybody of track `gone` onto `kept`."""
        return self._edit(text, lambda step: step.merge_tracks(video_id, kept, gone), video_id, ())

    def split_track(self, video_id: int, first: int, last: int, track_id: int, text: str) -> int | None:
        """Put the person of frames first..last, `last` excluded, onto a new track; its id, or None where it failed."""
        made: list[int] = []

        def change(step: Step) -> None:
            made.append(step.split_track(video_id, first, last, track_id))

        return made[0] if self._edit(text, change, video_id, range(first, last)) else None

    def rename_track(self, video_id: int, track_id: int, name: str, text: str) -> bool:
        """Name a track; an empty name is none."""
        return self._edit(text, lambda step: step.rename_track(video_id, track_id, name), video_id, ())

    def remove_between(self, video_id: int, first: int, last: int, track_id: int, text: str) -> bool:
        """Take a person out of frames first..last, `last` excluded; later predictions do not bring it back."""
        return self._edit(
            text, lambda step: step.remove_between(video_id, first, last, track_id), video_id, range(first, last)
        )

    def _edit(self, text: str, change: Callable[[Step], object], video_id: int, frames: Iterable[int]) -> bool:
        """One step on top of all that was there. Signalled also when it fails: what is shown is then read again."""
        project = self._project
        if project is None:
            return False
        self.about_to_change.emit()
        changed = set(frames)
        try:
            step = self._writer.call(lambda: _one_step(project, text, change))
            if step is not None:
                changed |= set(step.frames_by_video.get(video_id, ()))  # those that were filled, too
        except ProjectError as error:
            self.failed.emit(str(error))
            return False
        finally:
            self._on_changed(video_id, changed)
        self.saved.emit()
        return True

    def mend(self, video_id: int, fault: Proposal, text: str) -> bool:
        """Do what is proposed about tracks."""
        frames = range(fault.first, fault.last)
        return self._edit(text, lambda step: mend(step, video_id, fault), video_id, frames)

    def refuse(self, video_id: int, fault: Proposal, text: str) -> bool:
        """Tracks are right as they are; no frame changes."""
        return self._edit(text, lambda step: step.refuse(video_id, fault), video_id, ())

    def keep_evidence(self, video_id: int, evidence: Sequence[KeptEvidence]) -> None:
        """Keep what the model saw of people who are found next, for the fill. No step: it can be made again."""
        if (project := self._project) is not None:
            self._writer.run(lambda: project.evidence.keep(video_id, evidence), lambda _: None, self.failed.emit)

    def keep_effort(
        self, spent: Mapping[Place, SpentEffort], on_kept: Callable[[], None], on_failed: Callable[[str], None]
    ) -> None:
        """Add to what was spent on this project. No step: an undo does not give the time back."""
        if (project := self._project) is not None and not project.why_read_only:
            self._writer.run(lambda: project.add_effort(spent), lambda _: on_kept(), on_failed)

    # Larger changes, in the background

    def undo(self) -> None:
        self._turn(lambda project: _where_any(project.undo()))

    def redo(self) -> None:
        self._turn(lambda project: _where_any(project.redo()))

    def turn_to(self, step_id: int) -> None:
        """Undo or redo until this step is the last one that is done; 0: none is."""
        self._turn(lambda project: project.turn_to(step_id))

    def import_people(self, plan: ImportPlan) -> None:
        """Write an import as one step; `imported` or `failed` follows."""
        self.about_to_change.emit()
        self.write(lambda project: write_import(project, plan), lambda step: self._on_imported(plan, step))

    def add_video(self, path: Path, on_added: Callable[[VideoRecord], None]) -> None:
        """Add a video or a folder of frames to the open project; `on_added` or `failed` follows."""
        self.write(lambda project: project.add_video(path), on_added)

    def relocate_video(self, video_id: int, path: Path) -> None:
        """Take a video that was moved from its new place; `videos_changed` or `failed` follows."""
        self.write(
            lambda project: project.relocate_video(video_id, path),
            lambda _: self.videos_changed.emit(),
        )

    def write(
        self,
        task: Callable[[Project], T],
        on_done: Callable[[T], None],
        on_error: Callable[[str], None] | None = None,
    ) -> None:
        """Queue `task` for the writing thread; `on_done` gets what it returns, `on_error` (or `failed`) its error."""
        project = self._project
        if project is None:
            return

        def done(result: T) -> None:
            self.saved.emit()
            on_done(result)

        self._writer.run(lambda: task(project), done, on_error or self.failed.emit)

    def people_were_written(self, video_id: int, frames: Iterable[int]) -> None:
        """To be called by who has written people by `write`."""
        self._on_changed(video_id, frames)

    def _turn(self, turn: Callable[[Project], list[StepInfo]]) -> None:
        self.about_to_change.emit()
        self.write(turn, self._on_turned)

    def _on_turned(self, steps: list[StepInfo]) -> None:
        frames: dict[int, set[int]] = {}
        for step in steps:
            for video_id, changed in step.frames_by_video.items():
                frames.setdefault(video_id, set()).update(changed)
        for video_id, changed in frames.items():
            self._on_changed(video_id, changed)
        self._forget_history()
        if steps:
            self.turned.emit(steps[-1])

    def _on_imported(self, plan: ImportPlan, step: StepInfo | None) -> None:
        if step is not None:
            self._on_changed(plan.video.id, step.frames)
        self.imported.emit(plan, step)

    def _on_changed(self, video_id: int, frames: Iterable[int]) -> None:
        self._forget_history()
        self.people_changed.emit(video_id, frozenset(frames))

    def _forget_history(self) -> None:
        self._history = None
        self.history_changed.emit()

    def _texts(self) -> tuple[str | None, str | None]:
        if self._reader is None:
            return None, None
        if self._history is None:
            self._history = self._reader.undo_text, self._reader.redo_text
        return self._history

    def _opened(self) -> Project:
        if self._reader is None:
            raise ProjectError("no project is open; open a video or a project first")
        return self._reader


def _where_any(step: StepInfo | None) -> list[StepInfo]:
    return [] if step is None else [step]


def _one_step(project: Project, text: str, change: Callable[[Step], object]) -> StepInfo | None:
    with project.step(text) as step:
        change(step)
    return step.info

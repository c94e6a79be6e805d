"""The project file, as the window, the command line and training use it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jmpose_core.annotations import Annotation, Track
from jmpose_core.errors import ProjectError
from jmpose_core.fill.evidence import Float32Array
from jmpose_core.fill.packing import unpack
from jmpose_core.project import people
from jmpose_core.project.effort import Place, SpentEffort, add_effort, read_effort
from jmpose_core.project.evidence_store import EvidenceStore, box_key
from jmpose_core.project.files import OpenFile, create_file, open_file
from jmpose_core.project.given_labels import GivenLabels, given_labels
from jmpose_core.project.likely_errors import likely_errors
from jmpose_core.project.people import Lane
from jmpose_core.project.refusals import without_refused
from jmpose_core.project.step import Step
from jmpose_core.project.undo import History, StepInfo, StepLine
from jmpose_core.project.videos import VideoList, VideoRecord
from jmpose_core.queue.error_model import ErrorModel
from jmpose_core.queue.items import QueueItem
from jmpose_core.queue.proposals import Proposal, proposals


class Project:
    """One open `NAME.jmpose`. Every change is on disk when its step ends.

    Of one thread, as its SQLite connection is; another thread or process opens
    it again with `read_only=True`. Frame ranges exclude their last frame. Every
    method raises ProjectError when the file cannot be read or written.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._database = file.database
        self._history = History(self._database)
        self.evidence = EvidenceStore(self._database.path, read_only=bool(self._database.why_read_only))
        self._videos = VideoList(self._database)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make an empty project and open it.

        Raises:
            ProjectError: there is a file of that name already, or none can be made there.
        """
        return cls(create_file(path))

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open a project; one that cannot be written is opened for reading (see `why_read_only`).

        Raises:
            ProjectError: no such file, not a project, torn, of a newer version, or open in another window.
        """
        return cls(open_file(path, read_only=read_only))

    def close(self) -> None:
        """Close the file; all is saved already."""
        self.evidence.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The project file."""
        return self._database.path

    @property
    def why_read_only(self) -> str:
        """Why nothing can be changed; empty where it can."""
        return self._database.why_read_only

    # Videos. Adding or moving one is not an undo step.

    def add_video(self, path: Path) -> VideoRecord:
        """Add a video or a folder of frames; one that is there already is returned as it is.

        Raises:
            VideoError: it cannot be opened.
            ProjectError: the project knows another video of that path.
        """
        return self._videos.add(path)

    def videos(self) -> list[VideoRecord]:
        """All videos, in the order added, whether or not their files are there."""
        return self._videos.all()

    def video_path(self, video_id: int) -> Path:
        """Where the video is now.

        Raises:
            ProjectError: it is gone.
        """
        return self._videos.find(video_id)

    def check_video(self, video_id: int) -> ProjectError | None:
        """What is wrong with a video's file: gone, unreadable, or another video; None if nothing. Opens it."""
        return self._videos.check(video_id)

    def gone_videos(self) -> list[VideoRecord]:
        """Videos whose files are not where they were."""
        return self._videos.gone()

    def find_moved_videos(self) -> list[VideoRecord]:
        """Relocate videos that are gone to where they were moved: beside the project, or in folders below it.

        They are known by name and fingerprint: files of their names are opened. Returns those that were found.
        """
        return self._videos.find_moved()

    def relocate_video(self, video_id: int, path: Path) -> VideoRecord:
        """Take the video from another place from now on.

        Raises:
            ProjectError: it is not the video that was annotated; the message says in what it differs.
        """
        return self._videos.relocate(video_id, path)

    # What is there

    def people(self, video_id: int, frame_index: int) -> list[Annotation]:
        """What the annotator sees in one frame, by track."""
        return list(self.people_between(video_id, frame_index, frame_index + 1))

    def people_between(self, video_id: int, first: int, last: int) -> Iterator[Annotation]:
        """What the annotator sees, by frame and track; read as it is used."""
        return people.shown_between(self._database, video_id, first, last)

    def people_of_track(self, video_id: int, track_id: int) -> Iterator[Annotation]:
        """One track as the annotator sees it, by frame."""
        return people.shown_of_track(self._database, video_id, track_id)

    def predictions_between(self, video_id: int, first: int, last: int) -> Iterator[Annotation]:
        """What the model said, by frame and track, removed people too; read as it is used."""
        return people.predictions_between(self._database, video_id, first, last)

    def peaks(self, video_id: int, frame_index: int, track_id: int) -> Float32Array | None:
        """(15, PEAKS, 3) x, y in image pixels and height 0..1 of a predicted person's heatmaps; None: not kept."""
        predicted = self.predictions_between(video_id, frame_index, frame_index + 1)
        places = [(frame_index, box_key(person.bbox_xyxy)) for person in predicted if person.track_id == track_id]
        packed = [found for found in self.evidence.packed(video_id, places) if found is not None]
        return unpack(packed).peaks[0] if packed else None

    def labelled_before(self, video_id: int, frame_index: int, track_id: int) -> Annotation | None:
        """A person in the last frame before this one where somebody labelled a joint of it; None: there is none."""
        labelled = people.labelled_joints(self._database, video_id, track_id)
        frame = max((frame for frame, joints in labelled.items() if frame < frame_index and joints.any()), default=None)
        there = self.people(video_id, frame) if frame is not None else []
        return next((person for person in there if person.track_id == track_id), None)

    def tracks(self, video_id: int) -> list[Track]:
        """Tracks with somebody on them, and those added or named by hand, by id."""
        return people.tracks(self._database, video_id)

    def timeline(self, video_id: int) -> list[Lane]:
        """A lane for each track with somebody on it, by id; no person is decoded."""
        return people.timeline(self._database, video_id)

    def labelled_frames(self) -> dict[int, int]:
        """In how many frames of each video somebody labelled a joint; videos without any are left out."""
        return people.labelled_frames(self._database)

    def likely_errors(self, video_id: int, track_id: int, model: ErrorModel) -> list[QueueItem]:
        """Runs of joints of a track that are likely wrong, by the errors that one action is expected to mend."""
        return likely_errors(self._database, self.evidence, model, video_id, track_id)

    def given_labels(self, video_id: int, track_id: int, first: int, last: int) -> GivenLabels | None:
        """What the network is told to refine a track again in frames first..last; None where nothing is labelled."""
        return given_labels(self._database, self.evidence, video_id, track_id, first, last)

    def proposals(self, video_id: int) -> list[Proposal]:
        """What is likely wrong with the tracks of a video and was not refused, the most certain first.

        `mending.mend` does one, `Step.refuse` refuses it.
        """
        found = proposals(people.shown_between(self._database, video_id, 0, self._videos.get(video_id).frame_count))
        return without_refused(self._database, video_id, found)

    def tracks_touched_last(self, video_id: int) -> set[int]:
        """Tracks of the step that was done last and of the one undone last: what has just changed is among them."""
        return self._history.tracks_touched_last(video_id)

    # Changes

    @contextmanager
    def step(self, text: str, *, continues: int | None = None) -> Iterator[Step]:
        """One undo step, on disk when the body ends; if the body raises, nothing of it happened.

        Args:
            text: what the step does, for the menu.
            continues: id of an earlier step that the changes are added to, so that one undo takes back
                both. Where that step is no longer the newest one, or is undone, a new step begins.

        Raises:
            ProjectError: the project is read-only, or the file cannot be written; nothing was changed.
            RuntimeError: a step is open already.
        """
        with self._database.transaction():
            step = Step(self._database, self._history, self.evidence, text, continues=continues)
            try:
                yield step
                step.finish()
            finally:
                step.close()

    def apply_predictions(
        self,
        video_id: int,
        annotations: Iterable[Annotation],
        *,
        text: str,
        first: int | None = None,
        last: int | None = None,
    ) -> StepInfo | None:
        """One undo step that replaces the predictions of a range of frames: see `Step.apply_predictions`."""
        with self.step(text) as step:
            step.apply_predictions(video_id, annotations, first=first, last=last)
        return step.info

    def undo(self) -> StepInfo | None:
        """Undo the last step; None where there is none. Depth is unlimited, and survives a restart."""
        return self._history.undo()

    def redo(self) -> StepInfo | None:
        """Redo the step undone last; None where there is none."""
        return self._history.redo()

    def turn_to(self, step_id: int) -> list[StepInfo]:
        """Undo every step after this one, or redo up to it; 0: undo all. What was turned, in that order."""
        return self._history.turn_to(step_id)

    def steps(self, most: int) -> list[StepLine]:
        """The newest steps, undone ones too, the newest first."""
        return self._history.steps(most)

    @property
    def undo_text(self) -> str | None:
        """Text of the step that `undo` would undo."""
        return self._history.next_undo()

    @property
    def redo_text(self) -> str | None:
        """Text of the step that `redo` would redo."""
        return self._history.next_redo()

    # Effort: what the annotator has spent, which no undo gives back

    def add_effort(self, spent: Mapping[Place, SpentEffort]) -> None:
        """Add to what was spent on people and frames before."""
        add_effort(self._database, spent)

    def effort(self, video_id: int) -> dict[Place, SpentEffort]:
        """All that was spent on a video, by frame and track."""
        return read_effort(self._database, video_id)

    # Settings of the project: not undone

    def setting(self, name: str, default: Any = None) -> Any:
        """A value kept with the project (a JSON value)."""
        found = self._database.rows("SELECT value FROM settings WHERE name = ?", (name,))
        return json.loads(found[0][0]) if found else default

    def set_setting(self, name: str, value: Any) -> None:
        """Keep a JSON value with the project."""
        with self._database.transaction():
            self._database.run("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))

"""Videos, people, steps, prediction and export, for scripts: a thin face over the project, the engine and the formats.

Frames are counted from 0, and `last` is excluded, as everywhere in the code. People are `Annotation`s: numpy arrays
of 15 joints in image pixels, in the order of `jmpose_core.skeleton.JOINTS`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, CodeArray, FloatArray, Track
from jmpose_core.engine.protocol import Predict
from jmpose_core.formats.table import format_of
from jmpose_core.project import Project, Step, VideoRecord
from jmpose_core.project.as_document import Which
from jmpose_core.project.evidence_store import KeptEvidence
from jmpose_core.project.exporting import export_video
from jmpose_core.video import open_video


@dataclass(frozen=True, slots=True, eq=False)
class TrackArrays:
    """One track in N frames, in order; arrays as an `Annotation` has them."""

    frame_index: npt.NDArray[np.int64]  # (N,)
    bbox_xyxy: FloatArray  # (N, 4)
    keypoints: FloatArray  # (N, 15, 2)
    visibility: CodeArray  # (N, 15)
    confidence: FloatArray  # (N, 15)
    origin: CodeArray  # (N, 15)


class Edits:
    """The changes of one step to one video. What corrections say of other frames is filled when the step ends."""

    def __init__(self, step: Step, video_id: int) -> None:
        self._step, self._video_id = step, video_id

    def put(self, person: Annotation) -> None:
        """Write a person. Joints of origin CORRECTED or VERIFIED are kept against every later prediction."""
        self._step.put(self._video_id, person)

    def put_all(self, people: Iterable[Annotation]) -> None:
        """Write many people at once, each in another place: much faster than one by one."""
        self._step.put_all(self._video_id, people)

    def remove(self, first: int, last: int, track_id: int) -> None:
        """Take a person out of a range of frames, for good."""
        self._step.remove_between(self._video_id, first, last, track_id)

    def set_track(self, first: int, last: int, old_track_id: int, new_track_id: int) -> None:
        """Put the person of one track onto another."""
        self._step.retrack(self._video_id, first, last, old_track_id, new_track_id)

    def swap_tracks(self, first: int, last: int, track_a: int, track_b: int) -> None:
        """Exchange two tracks."""
        self._step.swap_tracks(self._video_id, first, last, track_a, track_b)

    def merge_tracks(self, kept: int, gone: int) -> None:
        """Two tracks are one person."""
        self._step.merge_tracks(self._video_id, kept, gone)

    def rename_track(self, track_id: int, name: str) -> None:
        """Give a track a name."""
        self._step.rename_track(self._video_id, track_id, name)


class ScriptedVideo:
    """One video of a project. Methods raise ProjectError or VideoError, which say what to do."""

    def __init__(self, project: Project, record: VideoRecord) -> None:
        self._project, self._record = project, record

    @property
    def name(self) -> str:
        """The name of its file or folder."""
        return self._record.name

    @property
    def frame_count(self) -> int:
        """How many frames it has."""
        return self._record.frame_count

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self._record.width, self._record.height

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self._record.fps

    @property
    def tracks(self) -> list[Track]:
        """Who is in it: each track's id and name."""
        return self._project.tracks(self._record.id)

    def people(self, first: int = 0, last: int | None = None, *, track_id: int | None = None) -> Iterator[Annotation]:
        """The people as the annotator sees them, by frame and track; of one track, where given."""
        end = self.frame_count if last is None else last
        for person in self._project.people_between(self._record.id, first, end):
            if track_id is None or person.track_id == track_id:
                yield person

    def track(self, track_id: int) -> TrackArrays:
        """One track as arrays; of N = 0 frames where nobody is on it."""
        found = list(self._project.people_of_track(self._record.id, track_id))
        return TrackArrays(
            np.array([person.frame_index for person in found], np.int64),
            np.array([person.bbox_xyxy for person in found]).reshape(-1, 4),
            np.array([person.keypoints for person in found]).reshape(-1, 15, 2),
            np.array([person.visibility for person in found], np.uint8).reshape(-1, 15),
            np.array([person.confidence for person in found]).reshape(-1, 15),
            np.array([person.origin for person in found], np.uint8).reshape(-1, 15),
        )

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        """(frame_index, H x W x 3 RGB) of a range of frames."""
        with open_video(self._project.video_path(self._record.id)) as video:
            yield from video.frames(first, self.frame_count if last is None else last)

    @contextmanager
    def step(self, text: str) -> Iterator[Edits]:
        """One undo step, on disk when the body ends; if the body raises, nothing of it happened.

        Args:
            text: what it does, as Edit ▸ Undo will name it.
        """
        with self._project.step(text) as step:
            yield Edits(step, self._record.id)

    def predict(self, first: int = 0, last: int | None = None, *, weights: str = "jmpose_lite") -> int:
        """Find everybody in a range of frames, in one step; how many people there are (a person a frame).

        What somebody corrected, verified or removed stays. Loads torch, and takes its time.
        """
        from jmpose_core.engine.session import Session

        end = self.frame_count if last is None else last
        path = self._project.video_path(self._record.id)
        seen: list[KeptEvidence] = []
        session = Session()
        try:
            request = Predict(video_path=str(path), first=first, last=end, visible_frame=first, weights=weights)
            found = session.predict(
                request,
                on_progress=lambda _: None,
                should_stop=lambda: False,
                on_evidence=lambda *evidence: seen.append(KeptEvidence.of(*evidence)),
            )
            people = list(found)
        finally:
            session.close()
        self._project.evidence.keep(self._record.id, seen)
        self._project.apply_predictions(self._record.id, people, text="Predict people", first=first, last=end)
        return len(people)

    def export(
        self, path: Path | str, format_name: str = "posetrack18", *, which: Which = Which.ALL, overwrite: bool = False
    ) -> Path:
        """Write people to an annotation file of a format of `jmpose export`; its path.

        Raises:
            FormatError: there is a file already, or the format cannot hold the people.
        """
        place = Path(path)
        export_video(self._project, self._record, place, format_of(format_name), which=which, overwrite=overwrite)
        return place


class ScriptedProject:
    """An open project; a `with` statement closes it. All that was written is saved already."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._project.close()

    @property
    def path(self) -> Path:
        """The project file."""
        return self._project.path

    @property
    def videos(self) -> list[ScriptedVideo]:
        """In the order in which they were added."""
        return [ScriptedVideo(self._project, record) for record in self._project.videos()]

    def add_video(self, path: Path | str) -> ScriptedVideo:
        """Add a video or a folder of frames; one that is there already is returned as it is."""
        return ScriptedVideo(self._project, self._project.add_video(Path(path)))

    def undo(self) -> str | None:
        """Undo the last step; its text, or None where there is none."""
        step = self._project.undo()
        return step.text if step is not None else None


def open_project(path: Path | str) -> ScriptedProject:
    """Open a project, or make one where there is no such file.

    Raises:
        ProjectError: not a project, open in a window, or it cannot be made.
    """
    place = Path(path)
    return ScriptedProject(Project.open(place) if place.exists() else Project.create(place))

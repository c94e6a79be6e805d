"""The videos of a project: where they are, and whether they still are what they were."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from jmpose_core.errors import ProjectError, VideoError
from jmpose_core.project.database import Database
from jmpose_core.video import Fingerprint, open_video


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """What the project knows of one video without opening it."""

    id: int
    path: str  # posix, relative to the project's folder where possible
    name: str  # file or folder name
    frame_count: int
    width: int  # pixels
    height: int
    fps: float
    fingerprint: Fingerprint


class VideoList:
    """The table `videos` of one project."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folder = database.path.absolute().parent

    def all(self) -> list[VideoRecord]:
        """Every video, in the order added; none is opened."""
        rows = self._database.rows(
            "SELECT id, path, name, frame_count, width, height, fps, fingerprint FROM videos ORDER BY id"
        )
        return [VideoRecord(*row[:-1], fingerprint=Fingerprint(**json.loads(row[-1]))) for row in rows]

    def get(self, video_id: int) -> VideoRecord:
        """One video.

        Raises:
            ProjectError: the project has none of that id.
        """
        for record in self.all():
            if record.id == video_id:
                return record
        raise ProjectError(f"{self._database.path}: has no video {video_id}")

    def add(self, path: Path) -> VideoRecord:
        """Open a video and note what it is; one that is there already is returned as it is.

        Raises:
            VideoError: it cannot be opened.
            ProjectError: the project knows another video of that path.
        """
        stored = self._stored_path(path)
        for record in self.all():
            if record.path == stored:
                self._refuse_other(record, path)
                return record
        with open_video(path) as video:
            fingerprint = video.fingerprint()
            values = (stored, path.name, video.frame_count, video.width, video.height, float(video.fps))
        with self._database.transaction():
            video_id = self._database.run(
                "INSERT INTO videos (path, name, frame_count, width, height, fps, fingerprint) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*values, json.dumps(asdict(fingerprint))),
            )
        return self.get(video_id)

    def find(self, video_id: int) -> Path:
        """Where the video is. Its content is not looked at, unless it was moved to beside the project.

        Raises:
            ProjectError: it is gone.
        """
        record = self.get(video_id)
        path = self._resolved(record.path)
        if path.exists():
            return path
        beside = self._folder / record.name
        if beside.exists() and self._difference(record, beside) is None:
            return beside
        raise ProjectError(
            f"{path}: the video is gone; put it back, put it beside the project, or say where it is now (relocate)"
        )

    def check(self, video_id: int) -> ProjectError | None:
        """What is wrong with a video: gone, unreadable, or not the one that was annotated; None if nothing."""
        try:
            self._refuse_other(self.get(video_id), self.find(video_id))
        except ProjectError as error:
            return error
        return None

    def relocate(self, video_id: int, path: Path) -> VideoRecord:
        """Take the video from another place from now on.

        Raises:
            ProjectError: there is none, or it is not the video that was annotated.
        """
        self._refuse_other(self.get(video_id), path)
        stored = self._stored_path(path)
        if any(record.path == stored and record.id != video_id for record in self.all()):
            raise ProjectError(f"{path}: is another video of this project already")
        with self._database.transaction():
            self._database.run("UPDATE videos SET path = ?, name = ? WHERE id = ?", (stored, path.name, video_id))
        return self.get(video_id)

    def _refuse_other(self, record: VideoRecord, path: Path) -> None:
        difference = self._difference(record, path)
        if difference is not None:
            raise ProjectError(
                f"{path}: {difference}. Annotations would land on the wrong frames: "
                f"find the original of {record.name}, or add this one as a new video"
            )

    def _difference(self, record: VideoRecord, path: Path) -> str | None:
        try:
            with open_video(path) as video:
                found = video.fingerprint()
        except VideoError as error:
            return str(error)
        known = record.fingerprint
        if found.frame_count != known.frame_count:
            return f"has {found.frame_count} frames, the annotated video has {known.frame_count}"
        if (found.width, found.height) != (known.width, known.height):
            return f"is {found.width}x{found.height}, the annotated video is {known.width}x{known.height}"
        if found != known:
            return "shows other pictures than the annotated video (shifted, cut or re-encoded)"
        return None

    def _resolved(self, stored: str) -> Path:
        return Path(os.path.normpath(self._folder.resolve() / stored))

    def _stored_path(self, path: Path) -> str:
        """Relative to the project, so that both may move together; absolute only on another Windows drive."""
        absolute = Path(os.path.normpath(path.absolute()))
        if absolute.is_relative_to(self._folder):
            return absolute.relative_to(self._folder).as_posix()
        try:
            return PurePosixPath(Path(os.path.relpath(absolute.resolve(), self._folder.resolve()))).as_posix()
        except ValueError:
            return absolute.as_posix()

"""The videos of a project: where they are, and whether they still are what they were."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from jmpose_core.errors import ProjectError, VideoError
from jmpose_core.project.database import Database
from jmpose_core.video import Fingerprint, open_video

_SEARCH_DEPTH: Final = 4  # folders, the project's own counted
_SEARCH_ENTRIES: Final = 20_000  # files looked at, so that a project in a home folder opens in time


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
        path = database.path
        self._folder = (path.resolve() if path.is_symlink() else path.absolute()).parent

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
            f"{path}: the video is gone; put it back, put it into the project's folder, or say where it is now"
        )

    def find_moved(self) -> list[VideoRecord]:
        """Take videos that are gone from where they were moved to: beside the project, or in a folder below it.

        A video is known by its name and its fingerprint. Those that are not found stay as they are.
        """
        places = {record.id: record for record in self.gone()}
        found = []
        for path in _files_below(self._folder) if places else ():
            for record in list(places.values()):
                if path.name.casefold() == record.name.casefold() and self._difference(record, path) is None:
                    found.append(self.relocate(record.id, path))
                    del places[record.id]
        return found

    def gone(self) -> list[VideoRecord]:
        """Videos whose files are not where they were."""
        return [record for record in self.all() if not self._resolved(record.path).exists()]

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
                f"{path}: {difference}. Annotations would land on the wrong frames: put the original {record.name} "
                "back, or say where it is now. To annotate this file instead, give it another name and open it"
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
        try:
            str(path).encode()
        except UnicodeEncodeError as error:
            raise ProjectError(f"{path}: this name is not UTF-8, so no project can hold it; rename it") from error
        absolute = Path(os.path.normpath(path.absolute()))
        if absolute.is_relative_to(self._folder):
            return absolute.relative_to(self._folder).as_posix()
        try:
            return PurePosixPath(Path(os.path.relpath(absolute.resolve(), self._folder.resolve()))).as_posix()
        except ValueError:
            return absolute.as_posix()


def _files_below(folder: Path) -> Iterator[Path]:
    """Files and folders in `folder` and a few levels below, the nearest first; hidden ones are left out."""
    level, looked_at = [folder], 0
    for _ in range(_SEARCH_DEPTH):
        below: list[Path] = []
        for place in level:
            try:
                entries = sorted(place.iterdir())
            except OSError:
                continue  # a folder that may not be read holds no video of this project
            for entry in entries:
                looked_at += 1
                if looked_at > _SEARCH_ENTRIES:
                    return
                if not entry.name.startswith("."):
                    yield entry
                    if entry.is_dir() and not entry.is_symlink():
                        below.append(entry)
        level = below

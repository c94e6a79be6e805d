"""People and stand-in videos for the tests of the project."""

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self
from unittest.mock import patch

import numpy as np

from jmpose_core.annotations import Annotation, Origin
from jmpose_core.errors import VideoError
from jmpose_core.project import Project
from jmpose_core.skeleton import NUM_JOINTS
from jmpose_core.video import Fingerprint
from tests.builders.people import annotated

WRIST, NOSE = 6, 13


def person(
    frame: int, track: int, *, spot: float = 0.0, origin: Origin = Origin.PREDICTED, source: str = "lite", seed: int = 0
) -> Annotation:
    """A person 100 pixels tall at x = 1000 * spot; `seed` varies its confidences."""
    rng = np.random.default_rng((frame, seed))
    left = 1000.0 * spot
    return annotated(
        frame,
        track,
        (left, 0.0, left + 50.0, 100.0),
        keypoints=np.column_stack([left + 25 + rng.uniform(-1, 1, NUM_JOINTS), np.linspace(5.0, 95.0, NUM_JOINTS)]),
        confidence=rng.random(NUM_JOINTS),
        origin=origin,
        score=0.5,
        source=source,
    )


class StandInVideo:
    """A "video" whose file is the JSON of its fingerprint."""

    fps = 25.0

    def __init__(self, path: Path) -> None:
        try:
            self._fingerprint = Fingerprint(**json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            raise VideoError(f"{path}: not a video") from error
        self.frame_count = self._fingerprint.frame_count
        self.width, self.height = self._fingerprint.width, self._fingerprint.height

    def fingerprint(self) -> Fingerprint:
        return self._fingerprint

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


def stand_in_videos():
    """While this patch lasts, projects open StandInVideo."""
    return patch("jmpose_core.project.videos.open_video", StandInVideo)


def write_video(path: Path, *, frame_count: int = 100, width: int = 640, digest: str = "abc") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(Fingerprint(frame_count, width, 480, digest))))
    return path


def new_project(folder: Path, *, frame_count: int = 100) -> Project:
    """A project with one video, of id 1."""
    project = Project.create(folder / "a.jmpose")
    with stand_in_videos():
        project.add_video(write_video(folder / "clip.mp4", frame_count=frame_count))
    return project


def reopened(project: Project) -> Project:
    project.close()
    return Project.open(project.path)


def everything(project: Project) -> list[Annotation]:
    return list(project.people_between(1, 0, 10**9))


def make_older(path: Path, version: int) -> None:
    """A closed project as an older version of the program would have written it."""
    with closing(sqlite3.connect(path)) as old:
        old.executescript("DROP TABLE undo_refusals; DROP TABLE refusals;")
        if version < 2:  # there was no fill
            for table in ("people", "undo_people"):
                old.execute(f"DELETE FROM {table} WHERE layer = 1")
                old.execute(f"UPDATE {table} SET layer = 1 WHERE layer = 2")
        old.execute(f"PRAGMA user_version = {version}")
        old.commit()

"""How fast the joints of the selected person move, frame by frame: a jump is seen at a glance."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from app.jobs.background import Background
from app.session.open_project import OpenProject
from app.session.people_shown import PeopleShown
from app.session.settling import settling
from app.session.view_state import ViewState
from jmpose_core.annotations import Visibility
from jmpose_core.project import Project

SETTLE_MS = 150  # several edits in a row are read once


@dataclass(frozen=True, slots=True, eq=False)
class Speeds:
    """Of one track: between each of N frames and the one before it, in sizes of the person (its box's longer side)."""

    track_id: int
    frame_index: npt.NDArray[np.int64]  # (N,) the later of the two
    speed: npt.NDArray[np.float64]  # (N, 15) NaN where the joint is absent in either

    def of_joint(self, joint: int | None) -> npt.NDArray[np.float64]:
        """(N,) of one joint, or the largest over all joints; 0 where there is none."""
        found = self.speed if joint is None else self.speed[:, joint : joint + 1]
        return np.nan_to_num(found).max(axis=1) if len(found) else np.zeros(0)


class TrackMotion(QObject):
    """Read in the background, for the selected person alone."""

    changed = Signal()
    failed = Signal(str)  # it could not be read

    def __init__(
        self,
        project: OpenProject,
        shown: PeopleShown,
        view_state: ViewState,
        background: Background,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._project, self._shown, self._view_state, self._background = project, shown, view_state, background
        self._speeds: Speeds | None = None
        self._reading = 0
        self._settle = settling(self, SETTLE_MS, self._read)
        project.people_changed.connect(lambda *_: self._settle.start())
        project.closed.connect(self._read)
        view_state.video_changed.connect(self._read)
        shown.selection_changed.connect(self._on_selection)

    @property
    def speeds(self) -> Speeds | None:
        """Of the selected person; None while it is read, and where nobody is selected."""
        return self._speeds if self._speeds is not None and self._speeds.track_id == self._shown.track_id else None

    def _on_selection(self) -> None:
        if self.speeds is None:
            self._read()
        else:
            self.changed.emit()  # another joint of it

    def _read(self) -> None:
        self._reading += 1
        reading = self._reading
        path, video, track_id = self._project.path, self._view_state.video, self._shown.track_id
        if path is None or video is None or track_id is None:
            self._show(None)
            return
        self._background.run(
            lambda: read_speeds(path, video.id, track_id),
            lambda speeds: self._show(speeds) if reading == self._reading else None,
            self.failed.emit,
        )

    def _show(self, speeds: Speeds | None) -> None:
        self._speeds = speeds
        self.changed.emit()


def read_speeds(path: Path, video_id: int, track_id: int) -> Speeds:
    """Over a connection of its own."""
    with Project.open(path, read_only=True) as project:
        people = list(project.people_of_track(video_id, track_id))
    if len(people) < 2:
        return Speeds(track_id, np.zeros(0, np.int64), np.zeros((0, 15)))
    frames = np.array([person.frame_index for person in people], np.int64)
    there = np.stack([person.visibility for person in people]) != Visibility.ABSENT
    points = np.where(there[..., None], np.stack([person.keypoints for person in people]), np.nan)
    boxes = np.array([person.bbox_xyxy for person in people])
    size = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1), 1.0)
    moved = np.linalg.norm(np.diff(points, axis=0), axis=2) / size[:-1, None]
    return Speeds(track_id, frames[1:], moved / np.diff(frames)[:, None])

"""Measures the predictions of the open video against what people made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.jobs.background import Background
from app.session.open_project import OpenProject
from app.session.view_state import ViewState
from jmpose_core.evaluation.corrected import Corrected, corrected_of
from jmpose_core.evaluation.worst import JointError, joint_errors
from jmpose_core.project import Project, VideoRecord

if TYPE_CHECKING:  # the real import costs seconds: motmetrics brings pandas
    from jmpose_core.evaluation.report import FigureRow

FRAMES_TO_TRACK = 2  # poseval's figures need as many


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What came of measuring a video."""

    video: VideoRecord
    corrected: Corrected
    predicted_people: int  # on the measured frames
    rows: list[FigureRow]  # none where nothing could be measured
    errors: list[JointError]  # frame_index: the video's


class Evaluation(QObject):
    """Measures in a thread of its own; a measuring that has been overtaken is dropped."""

    started = Signal()
    measured = Signal(object)  # Measured
    failed = Signal(str)
    outdated = Signal()  # people changed since

    def __init__(self, project: OpenProject, view_state: ViewState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._view_state = project, view_state
        self._background = Background(self)
        self._asked = 0
        project.people_changed.connect(lambda *_: self.outdated.emit())

    def start(self) -> None:
        """Measure the current video; `measured` or `failed` follows."""
        path, video = self._project.path, self._view_state.video
        if path is None or video is None:
            return
        self._asked += 1
        asked = self._asked
        self._project.settle()
        self.started.emit()
        self._background.run(
            lambda: measure(path, video),
            lambda measured: self.measured.emit(measured) if asked == self._asked else None,
            lambda text: self.failed.emit(text) if asked == self._asked else None,
        )

    def close(self) -> None:
        """End the thread."""
        self._background.close()


def measure(project_path: Path, video: VideoRecord) -> Measured:
    """All figures of one video, and every joint's error. Takes seconds.

    Raises:
        ProjectError: the project cannot be read.
    """
    from jmpose_core.evaluation.report import evaluate_documents, figure_rows

    with Project.open(project_path, read_only=True) as project:
        corrected = corrected_of(project, video)
    pair = corrected.truth, corrected.predicted
    predicted = len(corrected.predicted.document.people)
    if not corrected.people or not predicted:
        return Measured(video, corrected, predicted, [], [])
    metrics = ["posetrack"] if len(corrected.frames) >= FRAMES_TO_TRACK else []
    reports = [evaluate_documents([pair], metric) for metric in [*metrics, "posetrack21", "pck"]]
    errors = [replace(error, frame_index=corrected.frames[error.frame_index]) for error in joint_errors(*pair)]
    return Measured(video, corrected, predicted, [row for report in reports for row in figure_rows(report)], errors)

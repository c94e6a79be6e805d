"""Runs of the model, one at a time: starts them, shows what they find at once, and hands it to the project."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs.inference_job import InferenceJob, RunEnd
from app.session.open_project import OpenProject
from app.session.prediction_run import PredictionRun, RunPeople, RunState
from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import DrawnBox, Predict, Preview
from jmpose_core.project import StepInfo, VideoRecord
from jmpose_core.project.evidence_store import KeptEvidence
from jmpose_core.project.given_labels import GivenLabels

WRITE_EVERY_MS = 60_000  # a long run reaches the disk at least this often


class Predictions(QObject):
    """Holds the run that goes on, or the last one."""

    changed = Signal(object)  # frames whose people or previews are others now (a frozenset)
    state_changed = Signal()  # of the run; or another run
    written = Signal()  # a run is over, and all that it found is in the project
    told = Signal(str)  # what became of the run, for the user

    def __init__(self, project: OpenProject, inference: InferenceJob, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._inference = project, inference
        self._run: PredictionRun | None = None
        self._write_often = QTimer(self)
        self._write_often.setInterval(WRITE_EVERY_MS)
        self._write_often.timeout.connect(self.write)
        inference.evidence_found.connect(self._on_evidence)
        inference.people_found.connect(self._on_people)
        inference.previewed.connect(self._on_preview)
        inference.run_ended.connect(self._on_ended)
        project.about_to_change.connect(self.write)
        project.turned.connect(self._on_turned)
        project.closing.connect(self.leave)
        project.closed.connect(self._forget)

    # What is there

    @property
    def run(self) -> PredictionRun | None:
        """The run that goes on, or the last one of this project."""
        return self._run

    @property
    def running(self) -> bool:
        return self._run is not None and self._run.running

    @property
    def cancelling(self) -> bool:
        """Whether the user has cancelled and the engine still finishes what it is at."""
        return self._run is not None and self._run.state is RunState.CANCELLING

    def shown_with(self, video_id: int, frame_index: int, people: list[Annotation]) -> list[Annotation]:
        """The project's `people` of a frame, and those whom the run has found and the project does not hold yet."""
        run = self._run
        return people if run is None or run.video_id != video_id else run.shown_with(people, frame_index)

    def preview(self, video_id: int, frame_index: int) -> Sequence[Annotation]:
        """People of a frame who are not found for good yet: boxes, and poses where there was time."""
        run = self._run
        return run.previews.get(frame_index, []) if run is not None and run.video_id == video_id else []

    def unsaved_frames(self, video_id: int) -> list[int]:
        """Frames with people that are not yet in the project."""
        run = self._run
        return sorted(run.unsaved) if run is not None and run.video_id == video_id else []

    # The run

    def start(
        self,
        video: VideoRecord,
        path: Path,
        frames: range,
        *,
        visible_frame: int,
        weights: str,
        drawn: Annotation | None = None,
    ) -> None:
        """Predict everybody in `frames`; with `drawn`, only the person whose box was drawn.

        Does nothing while another run goes on.
        """
        if self.running:
            return
        self.leave()
        request = Predict(
            video_path=str(path),
            first=frames.start,
            last=frames.stop,
            visible_frame=min(max(visible_frame, frames.start), frames.stop - 1),
            weights=weights,
            evidence=True,
            seeds=[DrawnBox(drawn.track_id, drawn.frame_index, drawn.bbox_xyxy)] if drawn is not None else [],
        )
        only = frozenset([drawn.track_id]) if drawn is not None else None
        self._begin(request, PredictionRun(video.id, frames, only, drawn))

    def refine(self, video: VideoRecord, path: Path, given: GivenLabels, *, visible_frame: int, weights: str) -> None:
        """Estimate one track again, in the boxes that it has, with the annotator's labels given to the network.

        What is kept for the fill stays that of the prediction without labels. Does nothing while another run goes on.
        """
        if self.running:
            return
        self.leave()
        first, last = min(given.boxes), max(given.boxes) + 1
        request = Predict(
            video_path=str(path),
            first=first,
            last=last,
            visible_frame=min(max(visible_frame, first), last - 1),
            weights=weights,
            boxes={given.track_id: given.boxes},
            labels={given.track_id: given.labels},
        )
        self._begin(request, PredictionRun(video.id, given.frames, frozenset([given.track_id])))

    def _begin(self, request: Predict, run: PredictionRun) -> None:
        self._run = run
        if self._inference.predict(request):
            self._write_often.start()
        else:
            self._run = None
        self.state_changed.emit()

    def cancel(self) -> None:
        """End the run early; what is finished stays."""
        if self._run is not None and self._run.state is RunState.RUNNING:
            self._run.cancel()
            self.state_changed.emit()
            self._inference.cancel()

    def look(self, frame_index: int) -> None:
        """The user looks at another frame: its people come next."""
        run = self._run
        if run is not None and run.state is RunState.RUNNING and frame_index in run.frames:
            self._inference.look(frame_index)

    def leave(self) -> None:
        """Another video or project comes: keep what has come, and take no notice of what still comes."""
        if self.running:
            self._inference.abandon()
            self._end(complete=False)

    def write(self) -> None:
        """Hand what the run has found so far to the project. Later calls go on with the same undo step."""
        run = self._run
        if run is None or not run.unsent:
            return
        run.unsent = False
        part, frames = RunPeople.of(run), frozenset(run.unsaved)

        def failed(text: str) -> None:
            run.unsent = True
            self._project.failed.emit(text)

        self._project.write(part.write, lambda step: self._on_written(run, frames, step), failed)

    def _on_evidence(self, evidence: Sequence[KeptEvidence]) -> None:
        if self._run is not None:
            self._project.keep_evidence(self._run.video_id, evidence)

    def _on_people(self, people: Sequence[Annotation]) -> None:
        if self._run is not None:
            self.changed.emit(self._run.add(people))

    def _on_preview(self, preview: Preview) -> None:
        if self._run is not None:
            self.changed.emit(self._run.preview(preview.frame_index, preview.annotations))

    def _on_ended(self, end: RunEnd) -> None:
        if self._run is None or not self._run.running:
            return
        cancelled = self.cancelling or end.cancelled
        self._end(complete=not cancelled and not end.failed)
        if cancelled:
            self.told.emit("Prediction cancelled; what was finished is kept.")
        elif not end.failed:
            self.told.emit("Prediction done.")

    def _end(self, *, complete: bool) -> None:
        run = self._run
        assert run is not None
        self._write_often.stop()
        self.changed.emit(run.end(complete=complete))
        if run.drawn is not None and not complete:
            self._remove_if_empty(run.drawn, run)
        self.write()
        if not run.unsent and not run.unsaved:
            self._settle(run)
        self.state_changed.emit()

    def _on_written(self, run: PredictionRun, frames: frozenset[int], step: object) -> None:
        if not run.unsent:
            run.unsaved.clear()
        changed = frames | set(step.frames) if isinstance(step, StepInfo) else frames
        self._project.people_were_written(run.video_id, changed)
        if run.state is RunState.ENDED and not run.unsaved:
            self._settle(run)

    def _settle(self, run: PredictionRun) -> None:
        run.state = RunState.SAVED
        self.state_changed.emit()
        self.written.emit()

    def _remove_if_empty(self, drawn: Annotation, run: PredictionRun) -> None:
        """A box that was drawn to be filled, and was not, leaves nobody behind."""
        found = run.people.get(drawn.frame_index, {}).get(drawn.track_id)
        there = {person.track_id: person for person in self._project.people(run.video_id, drawn.frame_index)}
        person = found or there.get(drawn.track_id)
        if person is not None and person.origin.any():
            return
        if drawn.track_id in there:
            text = f"Remove empty person {drawn.track_id}"
            self._project.withdraw(run.video_id, drawn.frame_index, drawn.track_id, text)

    def _on_turned(self, step: StepInfo) -> None:
        if self._run is not None and step.undone and step.id == self._run.step.id:
            frames = frozenset(self._run.people)
            self._run.take_back()
            self.changed.emit(frames)

    def _forget(self) -> None:
        self._run = None
        self._write_often.stop()
        self.state_changed.emit()

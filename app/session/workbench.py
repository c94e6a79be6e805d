"""The parts of the window that are no widgets, and how they hear of each other."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.jobs.background import Background
from app.jobs.finetune_job import FinetuneJob
from app.jobs.frame_reader import FrameReader
from app.jobs.inference_job import EngineState, InferenceJob
from app.look.messages import Cause, Messages
from app.session.editor import Editor
from app.session.effort_recorder import EffortRecorder
from app.session.jumps import Jumps
from app.session.lanes import Lanes
from app.session.measuring import Evaluation
from app.session.model_view import ModelView
from app.session.navigator import Navigator
from app.session.open_project import OpenProject
from app.session.opening import Opened, fault_of_video, prepare, prepare_demo
from app.session.people_shown import PeopleShown
from app.session.playback import Playback
from app.session.predictions import Predictions
from app.session.review_queue import ReviewQueue
from app.session.settings import Settings
from app.session.snapping import Snapping
from app.session.statistics import LiveStatistics
from app.session.thumbnails import Thumbnails
from app.session.track_editor import TrackEditor
from app.session.track_faults import TrackFaults
from app.session.track_motion import TrackMotion
from app.session.view_state import ViewState
from jmpose_core.annotations import Annotation
from jmpose_core.engine.client import EngineClient
from jmpose_core.errors import ProjectError
from jmpose_core.project import StepInfo, VideoRecord
from jmpose_core.project.importing import ImportPlan

FOLLOWED_FRAMES = 150  # a person added by hand is tracked this far


class Workbench(QObject):
    """Opens, closes and predicts; everything that needs more than one part and no widget."""

    opened = Signal()  # a project, and its video is looked at
    failed_to_open = Signal(str)
    video_shown = Signal(str)  # another video, or none; why its pictures cannot be seen, and the cure, or nothing

    def __init__(
        self,
        messages: Messages,
        settings: Settings,
        *,
        engine: EngineClient | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.messages, self.settings = messages, settings
        self.background = Background(self)
        self.project = OpenProject(self)
        self.view_state = ViewState(self)
        self.inference = InferenceJob(engine, parent=self)
        self.finetune = FinetuneJob(parent=self)
        self.predictions = Predictions(self.project, self.inference, self)
        self.shown = PeopleShown(self.project, self.predictions, self.view_state, self)
        self.playback = Playback(self.view_state, self)
        self.thumbnails = Thumbnails(self)
        self.model_view = ModelView(self.shown, self.inference, settings, self.playback, self)
        self.editor = Editor(self.project, self.shown, self.view_state, self)
        self.track_editor = TrackEditor(self.project, self.shown, self.view_state, self)
        self.snapping = Snapping(self.project, self.shown, self.view_state, self.editor, self)
        self.navigator = Navigator(self.project, self.shown, self.view_state, self)
        self.faults = TrackFaults(self.project, self.view_state, self.background, self)
        self.queue = ReviewQueue(
            self.project, self.view_state, self.navigator, self.editor, self.faults, self.background, self
        )
        self.lanes = Lanes(self.project, self.view_state, self.background, self)
        self.motion = TrackMotion(self.project, self.shown, self.view_state, self.background, self)
        self.jumps = Jumps(self.lanes, self.shown, self.view_state, self)
        self.evaluation = Evaluation(self.project, self.view_state, self)
        self.effort = EffortRecorder(self.project, self.shown, self.view_state, self)
        self.statistics = LiveStatistics(self.project, self.effort, self.view_state, self)
        self._video_path: Path | None = None
        self._left_at: dict[int, int] = {}  # the frame of each video of this project that was looked at
        self._connect()
        self._connect_messages()

    def _connect(self) -> None:
        self.project.closed.connect(self._left_at.clear)
        self.project.videos_changed.connect(self._show_video_again)
        self.project.turned.connect(self._look_at)
        self.project.imported.connect(self._on_imported)
        self.editor.person_added.connect(self._predict_added)
        self.view_state.frame_changed.connect(self.predictions.look)

    def _connect_messages(self) -> None:
        """Connect what happens to messages, and drop an error once its cause is gone."""
        messages, project, inference = self.messages, self.project, self.inference
        project.closed.connect(messages.leave_project)
        for signal, cause in (
            (project.failed, Cause.SAVING),
            (self.effort.failed, Cause.SAVING),
            (self.failed_to_open, Cause.OPENING),
            (self.lanes.failed, Cause.READING),
            (self.queue.failed, Cause.READING),
            (self.faults.failed, Cause.READING),
            (self.motion.failed, Cause.READING),
            (inference.failed, Cause.PREDICTION),
            (inference.engine_lost, Cause.ENGINE),
            (self.finetune.failed, Cause.TRAINING),
        ):
            signal.connect(partial(messages.error, cause=cause))
        for signal in (project.saved, self.effort.written):
            signal.connect(lambda: messages.settle(Cause.SAVING))
        self.playback.frame_shown.connect(lambda *_: messages.settle(Cause.VIDEO))
        self.lanes.changed.connect(lambda: messages.settle(Cause.READING))
        self.predictions.told.connect(messages.info)
        self.navigator.nothing_found.connect(messages.info)
        self.jumps.nothing_found.connect(messages.info)
        self.snapping.nothing_found.connect(messages.info)
        self.editor.nothing_found.connect(messages.info)
        self.track_editor.told.connect(messages.info)
        self.queue.ended.connect(messages.info)
        self.faults.told.connect(messages.info)
        inference.state_changed.connect(self._on_engine)

    def _on_engine(self) -> None:
        if self.inference.state is EngineState.READY:
            self.messages.settle(Cause.ENGINE)

    @property
    def video_path(self) -> Path | None:
        """The file or folder of the current video; None where it is gone."""
        return self._video_path

    # Opening and closing

    def open(self, path: Path) -> None:
        """Open a video, a folder of frames or a project; what is open stays so until the new one is ready."""
        self.messages.settle(Cause.OPENING)
        current = self.project.path
        self.background.run(lambda: prepare(path, current), self._open_prepared, self.failed_to_open.emit)

    def open_demo(self) -> None:
        """Open the bundled clip."""
        self.messages.settle(Cause.OPENING)
        current = self.project.path
        self.background.run(lambda: prepare_demo(current), self._open_prepared, self.failed_to_open.emit)

    def _open_prepared(self, opened: Opened) -> None:
        self.predictions.leave()
        try:
            self.project.open(opened.project)
        except ProjectError as error:
            self.failed_to_open.emit(str(error))
            return
        self.settings.add_recent(opened.project)
        videos = self.project.videos()
        place = self.settings.place(opened.project)
        name = opened.video_name or (place.video if place is not None else None)
        self.show_video(next((video for video in videos if video.name == name), videos[0] if videos else None))
        self.opened.emit()
        if opened.note:
            self.messages.info(opened.note)
        self.inference.start()

    def add_video(self, path: Path) -> None:
        """Add a video or a folder of frames to the open project, and look at it."""
        self.project.add_video(path, self.show_video)

    def show_video(self, video: VideoRecord | None) -> None:
        """Look at one of the project's videos; where its file is gone, the people are still there."""
        if (left := self.view_state.video) is not None:
            self._left_at[left.id] = self.view_state.frame_index
        if video != left:
            self.predictions.leave()
        reader, lost = None, ""
        self._video_path = None
        self.messages.settle(Cause.VIDEO)
        if video is not None:
            try:
                self._video_path = self.project.video_path(video.id)
                reader = FrameReader(self._video_path)
                reader.failed.connect(self._on_frame_failed)
            except ProjectError as error:
                lost = str(error)
        self.playback.attach(None)
        self.model_view.set_video(self._video_path)
        self.thumbnails.set_video(self._video_path)
        self.view_state.set_video(video)
        self.view_state.set_frame(self._left_at.get(video.id, 0) if video is not None else 0)
        self.video_shown.emit(lost)
        self.playback.attach(reader)
        if video is not None and not lost:
            self._check(video)

    def _check(self, video: VideoRecord) -> None:
        """Whether the file still is the video that was annotated; looked at in the background, as it is decoded."""
        path = self.project.path
        if path is not None:
            self.background.run(
                lambda: fault_of_video(path, video.id),
                lambda fault: self._on_checked(video, fault),
                self.lanes.failed.emit,
            )

    def _on_checked(self, video: VideoRecord, fault: str) -> None:
        if fault and video == self.view_state.video:
            self._video_path = None
            self.predictions.leave()
            self.playback.attach(None)
            self.model_view.set_video(None)
            self.thumbnails.set_video(None)
            self.video_shown.emit(fault)

    def _on_frame_failed(self, frame_index: int, text: str) -> None:
        """Only of the frame that is looked at: of others it is told when they are."""
        if frame_index == self.view_state.frame_index:
            self.messages.error(text, cause=Cause.VIDEO)

    def _show_video_again(self) -> None:
        """After a video was found again: its frames, at the place where the user is."""
        frame_index, video = self.view_state.frame_index, self.view_state.video
        self.show_video(next((new for new in self.project.videos() if video and new.id == video.id), None))
        self.view_state.set_frame(frame_index)

    def close_project(self) -> None:
        self.show_video(None)
        self.project.close_project()

    def close(self) -> None:
        """End every thread and process; all edits are on disk already."""
        self.predictions.leave()
        self.inference.stop()
        self.finetune.close()
        self.playback.attach(None)
        self.thumbnails.close()
        self.background.close()
        self.evaluation.close()
        self.statistics.close()
        self.project.close()

    # The engine

    def predict_all(self) -> None:
        """Predict everybody in the current video."""
        if (video := self.view_state.video) is not None:
            self.predict(0, video.frame_count)

    def predict(self, first: int, last: int, drawn: Annotation | None = None) -> None:
        """Predict frames first..last of the current video, `last` excluded; only `drawn`, where given."""
        video = self.view_state.video
        if video is None or self._video_path is None or self.predictions.running:
            return
        self.messages.settle(Cause.PREDICTION)
        self.predictions.start(
            video,
            self._video_path,
            range(first, last),
            visible_frame=self.view_state.frame_index,
            weights=self.settings.weights,
            drawn=drawn,
        )

    def refine(self) -> None:
        """The network looks again at the selected person, and is told its labels: in the marked frames, or in all."""
        video, track_id = self.view_state.video, self.shown.track_id
        if video is None or self._video_path is None or track_id is None or self.predictions.running:
            return
        self.project.settle()
        given = self.project.given_labels(video.id, track_id, *(self.view_state.marked or (0, video.frame_count)))
        if given is None:
            self.messages.info("Correct or verify a joint of this person first: there is nothing to tell the network.")
            return
        self.messages.settle(Cause.PREDICTION)
        frame, weights = self.view_state.frame_index, self.settings.weights
        self.predictions.refine(video, self._video_path, given, visible_frame=frame, weights=weights)

    def _predict_added(self, person: Annotation) -> None:
        video = self.view_state.video
        if video is None or self._video_path is None or self.predictions.running:
            self.messages.info("The new person is saved. Predict again to fill in its joints.")
            return
        last = min(person.frame_index + FOLLOWED_FRAMES, video.frame_count)
        self.predict(person.frame_index, last, person)

    def use_weights(self, weights: str) -> None:
        """The pose network, by name or file, of the next prediction and, at once, of the panels."""
        self.settings.weights = weights
        self.inference.state_changed.emit()  # the status bar names it
        self.model_view.ask()

    def _on_imported(self, plan: ImportPlan, step: StepInfo | None) -> None:
        if step is None:
            self.messages.info(f"{plan.file.name}: the project has all of it already.")
            return
        self._look_at(step)
        self.messages.info(f"Imported {plan.people:,} people from {plan.file.name}. Undo takes them back.")

    def _look_at(self, step: StepInfo) -> None:
        """After undo, redo or an import: show where it happened."""
        video = self.view_state.video
        if video is None or step.video_id != video.id or step.frame_index is None:
            return
        if self.view_state.frame_index not in step.frames:
            self.view_state.set_frame(step.frame_index)

"""The parts of the window that are no widgets, and how they hear of each other."""

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs.background import Background
from app.jobs.finetune_job import FinetuneJob
from app.jobs.frame_reader import FrameReader
from app.jobs.inference_job import InferenceJob
from app.look.messages import Messages
from app.session.document import Document
from app.session.editor import Editor
from app.session.lanes import Lanes
from app.session.measuring import Evaluation
from app.session.navigator import Navigator
from app.session.opening import Opened, prepare, prepare_demo
from app.session.playback import Playback
from app.session.settings import Settings
from app.session.view_state import ViewState
from jmpose_core.annotations import Annotation
from jmpose_core.engine.client import EngineClient
from jmpose_core.engine.protocol import Seed
from jmpose_core.errors import ProjectError
from jmpose_core.project import StepInfo, VideoRecord
from jmpose_core.project.importing import ImportPlan

WRITE_EVERY_MS = 60_000  # a long prediction reaches the disk at least this often
PROBE_MS = 150  # a selection that rests this long is worth a look by the engine
SEED_FRAMES = 150  # a person added by hand is tracked this far


class Workbench(QObject):
    """Opens, closes and predicts; everything that needs more than one part and no widget."""

    failed_to_open = Signal(str)

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
        self.document = Document(self)
        self.view_state = ViewState(self)
        self.playback = Playback(self.view_state, self)
        self.editor = Editor(self.document, self.view_state, self)
        self.navigator = Navigator(self.document, self.view_state, self)
        self.lanes = Lanes(self.document, self.view_state, self.background, self)
        self.evaluation = Evaluation(self.document, self.view_state, self)
        self.inference = InferenceJob(engine, parent=self)
        self.finetune = FinetuneJob(parent=self)
        self._video_path: Path | None = None
        self._write_often = QTimer(self)
        self._write_often.setInterval(WRITE_EVERY_MS)
        self._write_often.timeout.connect(self.document.write_held_predictions)
        self._probe_soon = QTimer(self)
        self._probe_soon.setSingleShot(True)
        self._probe_soon.setInterval(PROBE_MS)
        self._probe_soon.timeout.connect(self._probe)
        self._connect()

    def _connect(self) -> None:
        document, inference, messages = self.document, self.inference, self.messages
        document.videos_changed.connect(self._show_video_again)
        document.failed.connect(lambda text: messages.error(text))
        document.turned.connect(self._look_at)
        document.imported.connect(self._on_imported)
        document.people_changed.connect(lambda *_: self._probe_soon.start())
        self.failed_to_open.connect(lambda text: messages.error(text))
        self.navigator.nothing_found.connect(messages.info)
        self.editor.person_added.connect(self._predict_added)
        self.view_state.selection_changed.connect(self._probe_soon.start)
        self.view_state.frame_changed.connect(lambda _: self._probe_soon.start())
        inference.people_found.connect(document.hold_predictions)
        inference.run_ended.connect(self._on_run_ended)
        inference.state_changed.connect(self._probe_soon.start)
        inference.failed.connect(lambda text: messages.error(text))
        inference.engine_lost.connect(messages.error)
        self.finetune.ended.connect(lambda text, details: messages.error(text, details) if text else None)

    @property
    def video_path(self) -> Path | None:
        """The file or folder of the current video."""
        return self._video_path

    # Opening and closing

    def open(self, path: Path) -> None:
        """Open a video, a folder of frames or a project; what is open stays so until the new one is ready."""
        self.background.run(lambda: prepare(path), self._open_prepared, self.failed_to_open.emit)

    def open_demo(self) -> None:
        """Open the bundled clip."""
        self.background.run(prepare_demo, self._open_prepared, self.failed_to_open.emit)

    def _open_prepared(self, opened: Opened) -> None:
        self.inference.abandon()
        self.document.end_predictions()
        try:
            self.document.open(opened.project)
        except ProjectError as error:
            self.failed_to_open.emit(str(error))
            return
        self.settings.add_recent(opened.project)
        videos = self.document.videos()
        wanted = next((video for video in videos if video.name == opened.video_name), videos[0] if videos else None)
        self.show_video(wanted)
        if opened.note:
            self.messages.info(opened.note)
        self.inference.start()

    def show_video(self, video: VideoRecord | None) -> None:
        """Look at one of the project's videos; where its file is gone, the people are still there."""
        reader = None
        self._video_path = None
        if video is not None:
            try:
                self._video_path = self.document.video_path(video.id)
                reader = FrameReader(self._video_path)
                reader.failed.connect(self.messages.error)
            except ProjectError as error:
                self.messages.error(str(error))
        self.playback.attach(None)
        self.view_state.set_video(video)
        self.playback.attach(reader)

    def _show_video_again(self) -> None:
        """After a video was found again: its frames, at the place where the user is."""
        frame_index, video = self.view_state.frame_index, self.view_state.video
        self.show_video(next((new for new in self.document.videos() if video and new.id == video.id), None))
        self.view_state.set_frame(frame_index)

    def close_project(self) -> None:
        self.inference.abandon()
        self.show_video(None)
        self.document.close_project()

    def close(self) -> None:
        """End every thread and process; all edits are on disk already."""
        self.inference.stop()
        self.finetune.close()
        self.playback.attach(None)
        self.background.close()
        self.evaluation.close()
        self.document.close()

    # The engine

    def predict(self, first: int, last: int, seeds: list[Seed] | None = None) -> None:
        """Predict frames first..last of the current video, `last` excluded."""
        video = self.view_state.video
        if video is None or self._video_path is None or self.inference.running:
            return
        self._write_often.start()
        self.document.begin_predictions(video.id, [seed.track_id for seed in seeds] if seeds else None)
        self.inference.predict(
            video.id,
            self._video_path,
            (first, last),
            visible_frame=min(max(self.view_state.frame_index, first), last - 1),
            weights=self.settings.weights,
            seeds=seeds or [],
        )

    def _predict_added(self, person: Annotation) -> None:
        video = self.view_state.video
        if video is None or self.inference.running:
            self.messages.info("The new person is saved. Predict again to fill in its joints.")
            return
        last = min(person.frame_index + SEED_FRAMES, video.frame_count)
        self.predict(person.frame_index, last, [Seed(person.track_id, person.frame_index, person.bbox_xyxy)])

    def _on_run_ended(self, text: str) -> None:
        self._write_often.stop()
        self.document.end_predictions()
        if text:
            self.messages.info(text)

    def _probe(self) -> None:
        """Ask for the selected person's heatmaps, unless the frames are rushing by."""
        person = self.editor.person_shown
        if person is None or self._video_path is None or self.playback.playing:
            return
        self.inference.probe(self._video_path, person, self.settings.weights)

    def use_weights(self, weights: str) -> None:
        """The pose network, by name or file, of the next prediction and, at once, of the panels."""
        self.settings.weights = weights
        self.inference.state_changed.emit()  # the status bar names it
        self._probe()

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

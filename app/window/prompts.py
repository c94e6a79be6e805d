"""What needs an answer from the user before it can be done: which file, which track, which range."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.dialogs.about_dialog import AboutDialog
from app.dialogs.export_dialog import ExportDialog
from app.dialogs.finetune_dialog import FinetuneDialog
from app.dialogs.import_dialog import ImportDialog
from app.dialogs.merge_dialog import MergeDialog
from app.dialogs.system_dialog import SystemDialog
from app.dialogs.track_dialog import TrackDialog, ranges_of
from app.session.finetuning import plan_finetuning
from app.session.workbench import Workbench
from jmpose_core.formats.table import READ_SUFFIXES
from jmpose_core.project import PROJECT_SUFFIX

VIDEO_FILTER = "Videos (*.mp4 *.mov *.mkv *.avi *.webm *.m4v *.mpg *.mpeg);;All files (*)"
PROJECT_FILTER = f"JM-Pose projects (*{PROJECT_SUFFIX})"


class Prompts:
    """Each method asks and, unless it is called off, does."""

    def __init__(self, window: QWidget, bench: Workbench) -> None:
        self._window, self._bench = window, bench
        self._finetune = FinetuneDialog(bench.finetune, window)
        self._finetune.weights_chosen.connect(self._use_weights)

    def video(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self._window, "Open video", self._folder(), VIDEO_FILTER)
        self._open(name)

    def folder(self) -> None:
        self._open(QFileDialog.getExistingDirectory(self._window, "Open folder of frames", self._folder()))

    def project(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self._window, "Open project", self._folder(), PROJECT_FILTER)
        self._open(name)

    def add_video(self) -> None:
        """Ask for a video that goes into the open project."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Add video to project", self._folder(), VIDEO_FILTER)
        if name:
            self._bench.add_video(Path(name))

    def add_folder(self) -> None:
        """Ask for a folder of frames that goes into the open project."""
        name = QFileDialog.getExistingDirectory(self._window, "Add folder of frames to project", self._folder())
        if name:
            self._bench.add_video(Path(name))

    def take_files(self, paths: list[Path]) -> None:
        """Files that were dropped: annotations go into the open video, anything else is opened."""
        path, *others = paths
        if path.suffix.lower() in READ_SUFFIXES:
            if self._bench.view_state.video is None:
                text = f"{path.name}: annotations go into a video. Open the video first, then drop them again."
                self._bench.messages.info(text)
                return
            self.import_people(path)
        else:
            self._bench.open(path)
        if others:
            self._bench.messages.info(f"{path.name} is taken. The other {len(others)} can be dropped one by one.")

    def locate(self) -> None:
        """Ask where a video that was moved is now."""
        video = self._bench.view_state.video
        if video is None:
            return
        question = f"Where is {video.name}?"
        if Path(video.name).suffix:
            name, _ = QFileDialog.getOpenFileName(self._window, question, self._folder(), VIDEO_FILTER)
        else:
            name = QFileDialog.getExistingDirectory(self._window, question, self._folder())
        if name:
            self._bench.project.relocate_video(video.id, Path(name))

    def import_people(self, file: Path | None = None) -> None:
        """Ask for an annotation file, show what it would do, and import it as one step."""
        project, video = self._bench.project, self._bench.view_state.video
        if project.path is not None and video is not None:
            project.settle()
            dialog = ImportDialog(project.path, video, self._bench.background, self._window)
            dialog.planned.connect(project.import_people)
            dialog.open()
            if file is not None:
                dialog.choose(file)

    def export(self) -> None:
        """Ask for format and file, and write it in the background."""
        project, video = self._bench.project, self._bench.view_state.video
        if project.path is not None and video is not None:
            project.settle()
            dialog = ExportDialog(project.path, video, self._bench.background, self._bench.messages, self._window)
            project.people_changed.connect(dialog.refresh)
            dialog.open()

    def track(self) -> None:
        """Ask which track the selected person is, and in which frames."""
        state, shown, editor = self._bench.view_state, self._bench.shown, self._bench.track_editor
        if state.video is None or shown.track_id is None:
            return
        title = f"Set track of person {shown.track_id}"
        dialog = TrackDialog(title, shown.track_id, ranges_of(state), self._window)
        dialog.chosen.connect(editor.set_track)
        dialog.open()

    def swap_tracks(self) -> None:
        """Swap the selected person with the only other one here; with more, or nobody, ask with whom."""
        state, shown, editor = self._bench.view_state, self._bench.shown, self._bench.track_editor
        if state.video is None or shown.track_id is None:
            return
        others = [person.track_id for person in shown.people(state.frame_index) if person.track_id != shown.track_id]
        if len(others) == 1:
            editor.swap_tracks(others[0], *state.working_range)
            return
        first = others[0] if others else shown.track_id
        dialog = TrackDialog(f"Swap person {shown.track_id} with track", first, ranges_of(state), self._window)
        dialog.chosen.connect(editor.swap_tracks)
        dialog.open()

    def merge(self) -> None:
        """Ask with which other track the selected person is one."""
        lanes, own = self._bench.lanes.lanes, self._bench.shown.track_id
        lane = next((lane for lane in lanes if lane.track_id == own), None)
        if lane is not None:
            dialog = MergeDialog(lane, [other for other in lanes if other is not lane], self._window)
            dialog.chosen.connect(self._bench.track_editor.merge)
            dialog.open()

    def finetune(self) -> None:
        """Say what a training would learn from and start it when told to; or show the one that runs."""
        path = self._bench.project.path
        if self._bench.finetune.running:
            self._finetune.show_running()
        elif path is not None:
            self._bench.project.settle()
            weights = self._bench.settings.weights
            self._finetune.ask(path)
            self._bench.background.run(
                lambda: plan_finetuning(path, weights), self._finetune.show_plan, self._finetune.refuse
            )

    def system(self) -> None:
        """Ask which pose network to use."""
        dialog = SystemDialog(self._bench.inference.systems, self._bench.settings.weights, self._window)
        dialog.chosen.connect(self._use_weights)
        dialog.open()

    def about(self) -> None:
        """Say what program this is."""
        AboutDialog(self._bench.settings.weights, self._window).open()

    def may_quit(self) -> bool:
        """Whether the window may close: a training that runs would end with it."""
        if not self._bench.finetune.running:
            return True
        text = "A training is running. It ends with the window, and what it has learned is lost."
        return self._bench.messages.confirm(self._window, text, "End training and quit")

    def _use_weights(self, weights: str) -> None:
        self._bench.use_weights(weights)
        self._bench.messages.info(f"The next prediction uses {Path(weights).stem}.")

    def _open(self, name: str) -> None:
        if name:
            self._bench.open(Path(name))

    def _folder(self) -> str:
        path = self._bench.project.path
        return str(path.parent) if path is not None else ""

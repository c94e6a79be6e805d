"""What needs an answer from the user before it can be done: which file, which track, which range."""

from pathlib import Path

from platformdirs import user_data_path
from PySide6.QtWidgets import QFileDialog, QWidget

from app.dialogs.export_dialog import ExportDialog
from app.dialogs.finetune_dialog import FinetuneDialog
from app.dialogs.import_dialog import ImportDialog
from app.dialogs.system_dialog import SystemDialog
from app.dialogs.track_dialog import TrackDialog
from app.session.workbench import Workbench

VIDEO_FILTER = "Videos (*.mp4 *.mov *.mkv *.avi *.webm *.m4v *.mpg *.mpeg);;All files (*)"
PROJECT_FILTER = "JM-Pose projects (*.jmpose)"


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

    def locate(self) -> None:
        """Ask where a video that was moved is now."""
        video = self._bench.view_state.video
        if video is None:
            return
        name, _ = QFileDialog.getOpenFileName(self._window, f"Where is {video.name}?", self._folder(), VIDEO_FILTER)
        if name:
            self._bench.document.relocate_video(video.id, Path(name))

    def import_people(self) -> None:
        """Ask for an annotation file, show what it would do, and import it as one step."""
        document, video = self._bench.document, self._bench.view_state.video
        if document.path is not None and video is not None:
            document.write_held_predictions()
            dialog = ImportDialog(document.path, video, self._bench.background, self._window)
            dialog.planned.connect(document.import_people)
            dialog.open()

    def export(self) -> None:
        """Ask for format and file, and write it in the background."""
        document, video = self._bench.document, self._bench.view_state.video
        if document.path is not None and video is not None:
            document.write_held_predictions()
            ExportDialog(document.path, video, self._bench.background, self._bench.messages, self._window).open()

    def track(self) -> None:
        """Ask which track the selected person is, and in which frames."""
        state, editor = self._bench.view_state, self._bench.editor
        if state.video is None or state.track_id is None:
            return
        dialog = TrackDialog(state.track_id, state.frame_index, state.video.frame_count, self._window)
        dialog.chosen.connect(editor.set_track)
        dialog.open()

    def finetune(self) -> None:
        """Train on this project's corrected joints, or show the training that runs."""
        path = self._bench.document.path
        if path is None:
            return
        if self._bench.finetune.running:
            self._finetune.show()
            return
        self._finetune.begin()
        out = user_data_path("jmpose-studio", "jmpose") / "weights" / path.stem
        self._bench.finetune.start(path, out, self._bench.settings.weights)

    def system(self) -> None:
        """Ask which pose network to use."""
        dialog = SystemDialog(self._bench.inference.systems, self._bench.settings.weights, self._window)
        dialog.chosen.connect(self._use_weights)
        dialog.open()

    def _use_weights(self, weights: str) -> None:
        self._bench.use_weights(weights)
        self._bench.messages.info(f"The next prediction uses {Path(weights).stem}.")

    def _open(self, name: str) -> None:
        if name:
            self._bench.open(Path(name))

    def _folder(self) -> str:
        path = self._bench.document.path
        return str(path.parent) if path is not None else ""

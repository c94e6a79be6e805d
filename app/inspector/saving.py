"""A panel's picture and its arrays as files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QFileDialog, QWidget

from app.inspector.pictures import Panel, Picture
from app.jobs.background import Background
from app.look.messages import Cause, Messages
from jmpose_core.drawing import write_picture
from jmpose_core.errors import JMPoseError


class PanelSaver:
    """Asks for a file and writes it in the background; says when it is there, or why it is not."""

    def __init__(self, window: QWidget, background: Background, messages: Messages) -> None:
        self._window, self._background, self._messages = window, background, messages

    def save_picture(self, panel: Panel, picture: Picture) -> None:
        """Ask where to, and write the panel's pixels as PNG."""
        if (path := self._ask(panel, ".png")) is not None:
            self._run(path, lambda: write_picture(path, picture.rgb))

    def save_arrays(self, panel: Panel, picture: Picture) -> None:
        """Ask where to, and write what the panel shows in numbers as NPZ."""
        if (path := self._ask(panel, ".npz")) is not None:
            self._run(path, lambda: write_arrays(path, picture))

    def _ask(self, panel: Panel, suffix: str) -> Path | None:
        name = panel.name.lower() + suffix
        chosen, _ = QFileDialog.getSaveFileName(self._window, f"Save “{panel}”", name, f"*{suffix}")
        if not chosen:
            return None
        path = Path(chosen)
        return path if path.suffix.lower() == suffix else path.with_name(path.name + suffix)

    def _run(self, path: Path, write: Callable[[], None]) -> None:
        def done(_: None) -> None:
            self._messages.info(f"Written: {path}")

        def failed(text: str) -> None:
            self._messages.error(text, cause=Cause.EXPORT)

        self._background.run(write, done, failed)


def write_arrays(path: Path, picture: Picture) -> None:
    """Write a picture's arrays to an .npz file.

    Raises:
        JMPoseError: the file cannot be written.
    """
    try:
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **picture.arrays)
    except OSError as error:
        raise JMPoseError(f"{path}: not written ({error}); choose a folder with space you may write to") from error

"""What tests of the window wait for: a frame on the screen, a prediction in the project, work that is done."""

import sys
from pathlib import Path
from typing import Final

from pytestqt.qtbot import QtBot

from app.session.open_project import OpenProject
from app.window.main_window import MainWindow

STAND_IN: Final = (sys.executable, "-m", "tests.builders.stand_in_engine")
PATIENCE_MS: Final = 60_000  # a loaded machine is slow; nothing is waited for longer than it takes


def open_and_wait(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    """Open a video or project and wait until a frame of it is on the screen: the first, or where it was left."""
    with qtbot.waitSignal(window.bench.opened, timeout=PATIENCE_MS):
        window.bench.open(path)
    state = window.bench.view_state
    qtbot.waitUntil(lambda: window.frame_view.frame_index == state.frame_index, timeout=PATIENCE_MS)


def predict_and_wait(window: MainWindow, qtbot: QtBot) -> None:
    """Predict the whole clip and wait until it is in the project."""
    with qtbot.waitSignal(window.bench.predictions.written, timeout=PATIENCE_MS):
        window.actions_by_name["predict"].trigger()


def go_to(window: MainWindow, frame_index: int, qtbot: QtBot) -> None:
    """Show a frame and wait until it is on the screen."""
    window.bench.view_state.set_frame(frame_index)
    qtbot.waitUntil(lambda: window.frame_view.frame_index == frame_index, timeout=PATIENCE_MS)


def settle(project: OpenProject, qtbot: QtBot) -> None:
    """Wait until everything asked for is written, and told."""
    qtbot.waitUntil(lambda: not project.busy, timeout=PATIENCE_MS)

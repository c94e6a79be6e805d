"""The inspector in the real window: what its panels show and save."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.inspector.pictures import Panel
from app.look.messages import Level, Message
from app.window.main_window import MainWindow
from tests.builders.waiting import PATIENCE_MS, predict_and_wait


@pytest.fixture
def looking(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """A window whose inspector shows a person."""
    predict_and_wait(window, qtbot)
    with qtbot.waitSignal(window.bench.inference.probed, timeout=PATIENCE_MS):
        window.bench.shown.seek(1, None)
    return window


def test_a_panel_is_saved_as_picture_and_as_arrays(
    looking: MainWindow, told: list[Message], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    panels, probe = looking.inspector.panels, looking.inspector.probe
    assert probe is not None
    first = QPointF(panels.width() / 6, panels.height() / 4)
    for action, name in enumerate(("crop.png", "crop.npz")):
        chosen = str(tmp_path / Path(name).stem) if action else str(tmp_path / name)  # a suffix is added
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, chosen=chosen: (chosen, ""))
        menu = panels.panel_menu(first)
        assert menu is not None
        menu.actions()[action].trigger()
        qtbot.waitUntil((tmp_path / name).exists, timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: not looking.bench.background.busy, timeout=PATIENCE_MS)
        assert told[-1].level is Level.INFO and name in told[-1].text
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "crop.png"))[..., ::-1], probe.crop_rgb)
    with np.load(tmp_path / "crop.npz") as arrays:
        np.testing.assert_array_equal(arrays["crop_rgb"], probe.crop_rgb)
        np.testing.assert_array_equal(arrays["crop_from_image"], probe.crop_from_image)


def test_where_nothing_can_be_written_the_user_is_told(
    looking: MainWindow, told: list[Message], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    gone = str(tmp_path / "gone" / "flow.npz")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (gone, ""))
    panels = looking.inspector.panels
    panels.arrays_wanted.emit(Panel.FLOW, panels.pictures[Panel.FLOW])
    qtbot.waitUntil(lambda: told[-1].level is Level.ERROR, timeout=PATIENCE_MS)
    assert "choose a folder" in told[-1].text


def test_all_joints_are_seen_without_scrolling(looking: MainWindow, qtbot: QtBot) -> None:
    looking.resize(1280, 800)
    table = looking.inspector.table
    qtbot.waitUntil(lambda: table.height() >= table.minimumHeight(), timeout=PATIENCE_MS)
    assert table.verticalScrollBar().maximum() == 0

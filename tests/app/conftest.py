"""A real window over a copy of the demo clip, with an engine that needs no model."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from pytestqt.qtbot import QtBot

from app.look.messages import Message, Messages
from app.look.theme import ThemeController
from app.session.settings import Settings
from app.window.main_window import MainWindow
from jmpose_core.engine.client import EngineClient
from resources import DEMO_CLIP
from tests.builders.waiting import PATIENCE_MS, STAND_IN, open_and_wait


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """The demo clip where a project may be made beside it."""
    return Path(shutil.copy(DEMO_CLIP, tmp_path / "walk.mp4"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))


@pytest.fixture
def told() -> list[Message]:
    """What the user was told, in order."""
    return []


@pytest.fixture
def new_window(
    qtbot: QtBot, tmp_path: Path, settings: Settings, told: list[Message]
) -> Iterator[Callable[..., MainWindow]]:
    """Makes windows, and closes at the end those that are still open."""
    from PySide6.QtWidgets import QApplication

    application = QApplication.instance()
    assert isinstance(application, QApplication)
    theme = ThemeController(application)
    theme.set_mode(theme.mode)
    windows: list[MainWindow] = []

    def make(engine: EngineClient | None = None) -> MainWindow:
        messages = Messages()
        messages.posted.connect(told.append)
        engine = engine or EngineClient(lambda _reply: None, command=STAND_IN, log_path=tmp_path / "engine.log")
        window = MainWindow(messages=messages, settings=settings, theme=theme, engine=engine)
        qtbot.addWidget(window)
        window.resize(1400, 900)
        windows.append(window)
        with qtbot.waitExposed(window):
            window.show()
        window.activateWindow()  # keys go to the active window, and a bare X server makes none active
        qtbot.waitUntil(window.isActiveWindow, timeout=PATIENCE_MS)
        return window

    yield make
    for window in windows:
        window.bench.finetune.close()  # a training that a test left running would be asked about
        window.close()
    theme.deleteLater()


@pytest.fixture
def window(new_window: Callable[[], MainWindow], clip: Path, qtbot: QtBot) -> MainWindow:
    """A window with the clip open and its first frame on the screen."""
    window = new_window()
    open_and_wait(window, clip, qtbot)
    return window

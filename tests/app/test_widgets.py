"""Models, palette, theme, settings, messages and the exception hook."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from app.__main__ import install_exception_hook
from app.inspector.joint_table import JointModel
from app.look.messages import Banner, Level, Message, Messages
from app.look.theme import DARK, LIGHT, Theme, ThemeController, ThemeMode, palette_of
from app.session.edits import with_visibility_toggled
from app.session.settings import RECENT_MAX, Settings
from app.timeline.track_table import TrackModel
from app.window.main_window import MainWindow
from app.window.palette import CommandPalette
from jmpose_core.annotations import Visibility
from jmpose_core.evaluation.effort import INPUTS, KEYS
from jmpose_core.project import Lane
from tests.builders.stand_in_engine import figure

DONE = 5


def lane(track_id: int, states: list[int]) -> Lane:
    """A lane with these states; DONE: every joint is settled."""
    done = np.array([state == DONE for state in states])
    codes = np.array([min(state, 4) for state in states], np.uint8)
    return Lane(track_id, np.arange(len(states)), codes, np.full(len(states), 0.5), done)


def no_name(_track_id: int) -> str:
    return ""


def test_track_model(qapp: QApplication, qtmodeltester: ModelTester) -> None:
    model = TrackModel()
    model.set_lanes([lane(1, [1, 1, 3]), lane(4, [4, DONE])], no_name)
    qtmodeltester.check(model, force_py=True)
    model.set_lanes([lane(1, [1, DONE, 3]), lane(4, [4, 3])], no_name)
    assert [model.data(model.index(0, column)) for column in range(3)] == ["Person 1", "3", "1"]
    assert model.row_of(4) == 1 and model.row_of(9) is None
    model.set_lanes([lane(4, [4])], {4: "goalkeeper"}.__getitem__)
    assert model.data(model.index(0, 0)) == "4 goalkeeper"
    model.set_lanes([], no_name)
    assert model.rowCount() == 0


def test_joint_model(qapp: QApplication, qtmodeltester: ModelTester) -> None:
    model = JointModel()
    model.set_person(None)
    assert model.rowCount() == 0
    model.set_person(with_visibility_toggled(figure(0, 1), 1, Visibility.ABSENT))
    qtmodeltester.check(model, force_py=True)
    row = [model.data(model.index(6, column)) for column in range(6)]
    assert row[0] == "right wrist" and row[3:] == ["●", "0.20", "predicted"]
    assert [model.data(model.index(1, column)) for column in (1, 3, 4, 5)] == ["", "–", "", "corrected"]


def test_palette_finds_by_every_word_and_runs(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    ran: list[str] = []
    actions = [QAction(text, parent) for text in ("Next frame", "Next joint", "Export…")]
    actions[1].triggered.connect(lambda: ran.append("joint"))
    palette = CommandPalette(actions, parent)
    palette.narrow("NEXT fr")
    assert palette.shown() == ["Next frame"]
    palette.narrow("nothing like it")
    assert palette.shown() == []
    palette.narrow("joint")
    palette.run_current()
    assert ran == ["joint"]


def contrast(first: str, second: str) -> float:
    """WCAG 2 contrast ratio of two #rrggbb colours."""

    def luminance(colour: str) -> float:
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    light, dark = sorted([luminance(first), luminance(second)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_text_can_be_read(theme: Theme) -> None:
    assert contrast(theme.on_accent, theme.accent) >= 4.5
    for ground in ("window", "surface", "raised"):
        assert contrast(theme.text, getattr(theme, ground)) >= 7
        assert contrast(theme.muted, getattr(theme, ground)) >= 4.5


def test_theme_can_be_forced_and_let_go(qapp: QApplication) -> None:
    controller = ThemeController(qapp)
    for mode, theme in ((ThemeMode.DARK, DARK), (ThemeMode.LIGHT, LIGHT)):
        controller.set_mode(mode)
        assert controller.theme is theme
        assert qapp.palette().color(QPalette.ColorRole.Window) == palette_of(theme).color(QPalette.ColorRole.Window)
    controller.set_mode(ThemeMode.SYSTEM)
    controller.deleteLater()


def test_settings_come_back_typed(settings: Settings, tmp_path: Path) -> None:
    assert settings.theme is ThemeMode.SYSTEM and settings.recent == [] and settings.layout() is None
    settings.theme = ThemeMode.LIGHT
    assert settings.theme is ThemeMode.LIGHT
    paths = [tmp_path / f"{number}.jmpose" for number in range(RECENT_MAX + 2)]
    for path in paths:
        path.touch()
        settings.add_recent(path)
    settings.add_recent(paths[5])
    assert settings.recent[0] == paths[5] and len(settings.recent) == RECENT_MAX
    paths[5].unlink()
    assert paths[5] not in settings.recent


def test_an_error_stays_and_its_details_can_be_copied(qtbot: QtBot, qapp: QApplication) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()
    messages = Messages()
    banner = Banner(messages, parent)
    messages.error("The disk is full.", "errno 28")
    assert banner.isVisible() and banner.text == "The disk is full."
    banner.copy_details()
    assert qapp.clipboard().text() == "The disk is full.\n\nerrno 28"


def test_a_defect_is_told_with_its_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    messages, told = Messages(), list[Message]()
    messages.posted.connect(told.append)
    install_exception_hook(messages)
    try:
        raise ZeroDivisionError("a defect")
    except ZeroDivisionError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert told[0].level is Level.ERROR and "ZeroDivisionError: a defect" in told[0].details
    assert "ZeroDivisionError" not in told[0].text
    assert "a defect" in capsys.readouterr().err


def test_the_keys_that_bench_effort_counts_on_are_the_windows(window: MainWindow) -> None:
    keys = {shortcut.toString() for action in window.actions() for shortcut in action.shortcuts()}
    counted = {key for used in KEYS.values() for key in used}
    assert counted and counted <= keys
    assert KEYS.keys() == {edit for edit, inputs in INPUTS.items() if inputs.keys}

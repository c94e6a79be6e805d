"""What the window says: the frames and commands that it names are there, and an error goes with its cause."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from pytestqt.qtbot import QtBot

import app
import jmpose_core
from app.dialogs.export_dialog import ExportDialog
from app.look.messages import Cause, Level, Message
from app.window.main_window import MainWindow
from jmpose_core.cli.program import COMMANDS
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.posetrack18 import read_posetrack18
from tests.builders.hand import press
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import PATIENCE_MS, go_to, open_and_wait, predict_and_wait

MENU_PATH = re.compile(r"\b(File|Edit|Go|Model|Tools|View|Help) ▸ ([^.,;:()…]+…?)")
KEYS = re.compile(r"\b((?:Ctrl|Shift|Alt)\+[\w.+]+|(?<=[Pp]ress )(?:[A-Z]\b|[A-Z]\w+))")
SHELL = re.compile(r"`jmpose ([a-z]\w*)")


def texts(package: object) -> Iterator[tuple[str, str]]:
    """File and text of everything a package may say: its strings, less its docstrings."""
    for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):  # type: ignore[attr-defined]
        tree = ast.parse(path.read_text())
        documents = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
                yield f"{path}:{node.lineno}", node.value


ALL_TEXTS = [*texts(app), *texts(jmpose_core)]


def test_every_menu_path_that_is_named_exists(window: MainWindow) -> None:
    there = {f"{command.menu} ▸ {command.text}" for command in window.actions_of_table.commands}
    named = {(where, f"{menu} ▸ {text}") for where, said in ALL_TEXTS for menu, text in MENU_PATH.findall(said)}
    assert named
    assert {(where, path) for where, path in named if path not in there} == set()


def test_every_key_that_is_named_does_something(window: MainWindow) -> None:
    there = {key.toString() for action in window.actions_by_name.values() for key in action.shortcuts()}
    named = {
        (where, key)
        for where, said in ALL_TEXTS
        if not any(name in where for name in ("command_table.py", "key_presets.py"))  # there they are made
        for key in KEYS.findall(said)
    }
    assert {key for _, key in named} >= {"Enter"}
    assert {(where, key) for where, key in named if QKeySequence(key).toString() not in there} == set()


def test_every_shell_command_that_is_named_exists() -> None:
    named = {(where, command) for where, said in ALL_TEXTS for command in SHELL.findall(said)}
    assert named
    assert {(where, command) for where, command in named if command not in COMMANDS} == set()


def test_no_text_speaks_of_what_the_window_cannot_do() -> None:
    impossible = ("as a new video", "swap the two tracks", "merge the", "split the track", "(relocate)")
    assert [(where, said) for where, said in ALL_TEXTS if any(words in said for words in impossible)] == []


# Frames


def test_a_frame_has_one_number_wherever_it_is_named(window: MainWindow, told: list[Message], qtbot: QtBot) -> None:
    go_to(window, 80, qtbot)
    assert "frame 81/230" in window.status.place and window.transport.number.text() == "81"
    window.bench.project.put(1, figure(80, 1), "One")
    window.bench.project.put(1, figure(80, 2), "Two")
    window.bench.shown.select(1)
    window.bench.track_editor.set_track(2, 80, 90)
    assert told[-1].level is Level.ERROR and "in frame 81 already" in told[-1].text


def test_a_frame_that_cannot_be_decoded_is_named_as_it_is_shown_and_shows_no_other_picture(
    window: MainWindow, told: list[Message], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.bench.project.put(1, figure(200, 1), "One")
    video = window.bench.view_state.video
    assert video is not None
    monkeypatch.setattr("app.jobs.frame_reader.qimage", out_of_range)
    window.bench.show_video(video)
    window.bench.view_state.set_frame(200)
    qtbot.waitUntil(lambda: window.frame_view.frame_index == 200, timeout=PATIENCE_MS)
    assert "no frame 201" in window.central_area.banner.text
    assert [person.frame_index for person in window.frame_view.people] == [200]
    monkeypatch.undo()
    go_to(window, 10, qtbot)
    assert window.central_area.banner.text == ""


def out_of_range(*_: object) -> None:
    raise IndexError


# Errors and their cause


def test_an_error_of_opening_goes_when_something_opens(
    window: MainWindow, clip: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    with qtbot.waitSignal(window.bench.failed_to_open, timeout=PATIENCE_MS):
        window.bench.open(broken)
    assert "broken.mp4" in window.central_area.banner.text
    open_and_wait(window, clip, qtbot)
    assert window.central_area.banner.text == ""


def test_an_error_of_saving_goes_with_the_next_change_that_is_saved(window: MainWindow) -> None:
    window.bench.project.put(1, figure(9999, 1), "Beyond the end")
    banner = window.central_area.banner
    assert "frame 10000" in banner.text
    window.bench.messages.info("Theme: dark")
    assert banner.text == "Theme: dark"
    banner._timer.timeout.emit()  # the note has passed, the error still stands
    assert "frame 10000" in banner.text
    window.bench.project.put(1, figure(0, 1), "Sound")
    assert banner.text == ""


def test_an_errors_project_takes_it_along(window: MainWindow) -> None:
    for cause in (Cause.VIDEO, Cause.SAVING, Cause.EXPORT, Cause.PREDICTION):
        window.bench.messages.error(f"about {cause}", cause=cause)
    window.bench.messages.error("the engine cannot start", cause=Cause.ENGINE)
    window.bench.close_project()
    assert window.central_area.banner.text == "the engine cannot start"
    window.central_area.banner.dismiss()
    assert window.central_area.banner.text == ""


# Counts


def test_an_export_writes_what_it_said(window: MainWindow, told: list[Message], tmp_path: Path, qtbot: QtBot) -> None:
    for frame_index, track_id in ((3, 1), (3, 2), (7, 1)):
        window.bench.project.put(1, figure(frame_index, track_id), "One")
    window.actions_by_name["export"].trigger()
    dialog = window.findChildren(ExportDialog)[-1]
    said = "3 people in 2 frames, on 2 tracks; 230 images listed"
    qtbot.waitUntil(lambda: said in dialog.summary.text, timeout=PATIENCE_MS)
    window.bench.project.put(1, figure(9, 1), "While the dialog is open")
    said = "4 people in 3 frames, on 2 tracks; 230 images listed"
    qtbot.waitUntil(lambda: dialog.ready and said in dialog.summary.text, timeout=PATIENCE_MS)
    dialog.accept()
    qtbot.waitUntil(lambda: bool(told) and told[-1].text.startswith("Exported to"), timeout=PATIENCE_MS)
    assert said in told[-1].text
    written = annotations_of(read_posetrack18(tmp_path / "walk-posetrack18.json"))
    assert (len(written), len({person.frame_index for person in written})) == (4, 3)


def test_a_drawn_box_that_is_cancelled_is_not_exported(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_and_wait(window, qtbot)
    monkeypatch.setenv("STAND_IN_FRAME_SECS", "60")
    window.bench.inference.stop()
    window.bench.editor.add_person((10.0, 10.0, 60.0, 160.0))
    assert len(window.bench.project.people(1, 0)) == 3
    press_cancel_and_stop(window, qtbot)
    assert len(window.bench.project.people(1, 0)) == 2


def press_cancel_and_stop(window: MainWindow, qtbot: QtBot) -> None:
    """Cancel gives a sign at once, whatever the engine is at."""
    cancel, button = window.actions_by_name["cancel"], window.toolbar.predict_button
    assert cancel.isEnabled() and button.text() == "Cancel"
    cancel.trigger()
    assert not cancel.isEnabled() and button.text() == "Cancelling…" and not button.isEnabled()
    assert "cancelling" in window.status.engine
    assert not window.actions_by_name["predict"].isEnabled()
    with qtbot.waitSignal(window.bench.predictions.written, timeout=PATIENCE_MS):
        window.bench.inference.stop()
    assert window.actions_by_name["predict"].isEnabled() and button.text() == "Predict"


def test_enter_verifies_and_done_counts_only_what_is_settled_whole(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, 11)
    press(window, Qt.Key.Key_Q, qtbot)
    model = window.track_table.tracks

    def done(row: int, role: Qt.ItemDataRole = Qt.ItemDataRole.DisplayRole) -> str:
        return model.data(model.index(row, 2), role) or ""

    qtbot.waitUntil(lambda: "Touched in 1" in done(0, Qt.ItemDataRole.ToolTipRole), timeout=PATIENCE_MS)
    assert done(0) == "–"
    press(window, Qt.Key.Key_Return, qtbot)
    qtbot.waitUntil(lambda: done(0) == "1", timeout=PATIENCE_MS)
    assert done(1) == "–"

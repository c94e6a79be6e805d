"""Every command in every context, and long random sequences of them: nothing breaks, and undo gives everything back."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from app.session.view_state import Layer
from app.window.main_window import MainWindow
from jmpose_core.annotations import Annotation
from tests.builders.hand import everybody
from tests.builders.waiting import PATIENCE_MS, open_and_wait, predict_and_wait, settle

COMMANDS: Final = int(os.environ.get("JMPOSE_RANDOM_COMMANDS", "150"))  # of a random sequence
ROUND: Final = 25  # commands, then all of them are undone, redone and undone
SEEDS: Final = (1, 2)
LEAVING: Final = ("close", "quit")  # the context is over after these
LONG: Final = ("predict", "refine", "finetune", "evaluate")  # what a random sequence does not wait for
FRAMES: Final = 230

Context = Callable[[MainWindow], None]


def _nobody(window: MainWindow) -> None:
    window.bench.view_state.set_frame(5)
    window.bench.shown.select(None)


def _person(window: MainWindow) -> None:
    window.bench.view_state.set_frame(20)
    window.bench.shown.select(1)


def _joint(window: MainWindow) -> None:
    window.bench.view_state.set_frame(20)
    window.bench.shown.select(2, 5)


def _joints(window: MainWindow) -> None:
    window.bench.view_state.set_frame(20)
    window.bench.shown.select(1, gathered=frozenset({2, 3, 5}))


def _gone(window: MainWindow) -> None:
    """Selected, and not in the frame that is looked at."""
    window.bench.view_state.set_frame(21)
    window.bench.shown.select(77, 3)


def _first_frame(window: MainWindow) -> None:
    window.bench.view_state.set_frame(0)
    window.bench.shown.select(1, 0)


def _last_frame(window: MainWindow) -> None:
    window.bench.view_state.set_frame(FRAMES - 1)
    window.bench.shown.select(1, 14)


def _marked(window: MainWindow) -> None:
    _joint(window)
    window.bench.view_state.mark((10, 40))


def _marked_elsewhere(window: MainWindow) -> None:
    _person(window)
    window.bench.view_state.mark((100, 101))


def _hidden(window: MainWindow) -> None:
    _person(window)
    window.bench.view_state.set_people_hidden(True)


def _alone(window: MainWindow) -> None:
    _person(window)
    window.bench.view_state.set_alone(True)


def _layer(window: MainWindow) -> None:
    _person(window)
    window.bench.view_state.set_layer(Layer.FLOW)


def _in_queue(window: MainWindow) -> None:
    window.bench.queue.next()


def _playing(window: MainWindow) -> None:
    _joint(window)
    if not window.bench.playback.playing:
        window.bench.playback.toggle()


def _typing(window: MainWindow) -> None:
    _joint(window)
    window.transport.number.setFocus()


def _drawing(window: MainWindow) -> None:
    _person(window)
    window.frame_view.begin_box()


def _undone(window: MainWindow) -> None:
    _joint(window)
    window.bench.editor.toggle_occluded()
    window.bench.project.undo()


CONTEXTS: Final[tuple[Context, ...]] = (
    _nobody, _person, _joint, _joints, _gone, _first_frame, _last_frame, _marked, _marked_elsewhere, _hidden, _alone,
    _layer, _in_queue, _playing, _typing, _drawing, _undone,
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_file_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dialogs of the system hold up the window, and are called off."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")


def actions(window: MainWindow) -> Iterator[QAction]:
    yield from (action for name, action in window.actions_by_name.items() if name not in LEAVING)


def run(window: MainWindow, action: QAction, qtbot: QtBot) -> None:
    """Trigger it, call off what it asks, and wait for what it began."""
    action.trigger()
    QApplication.processEvents()
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog | QMenu) and widget.isVisible():
            widget.close()
    bench = window.bench
    if action.objectName() != "cancel" and bench.predictions.running:
        bench.predictions.cancel()
    qtbot.waitUntil(lambda: not (bench.predictions.running or bench.project.busy), timeout=PATIENCE_MS)


def state(window: MainWindow) -> tuple[str | None, list[Annotation]]:
    """What the step before would be undone as, and the people; a step may change no person."""
    return window.bench.project.undo_text, everybody(window)


def undo(window: MainWindow, qtbot: QtBot) -> None:
    window.bench.project.undo()
    settle(window.bench.project, qtbot)


def redo(window: MainWindow, qtbot: QtBot) -> None:
    window.bench.project.redo()
    settle(window.bench.project, qtbot)


def undo_all(window: MainWindow, qtbot: QtBot) -> int:
    project, count = window.bench.project, 0
    while project.undo_text is not None:
        undo(window, qtbot)
        count += 1
    return count


def redo_all(window: MainWindow, qtbot: QtBot) -> None:
    while window.bench.project.redo_text is not None:
        redo(window, qtbot)


@pytest.fixture
def predicted(window: MainWindow, qtbot: QtBot) -> MainWindow:
    predict_and_wait(window, qtbot)
    settle(window.bench.project, qtbot)
    qtbot.waitUntil(lambda: len(window.bench.queue.items) > 0, timeout=PATIENCE_MS)
    return window


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.__name__.strip("_"))
def test_every_command_can_be_given_in(predicted: MainWindow, context: Context, qtbot: QtBot) -> None:
    for action in actions(predicted):
        context(predicted)
        if action.isEnabled():
            run(predicted, action, qtbot)
    redo_all(predicted, qtbot)
    after = everybody(predicted)
    assert undo_all(predicted, qtbot) > 0
    assert everybody(predicted) == []  # the prediction was a step, too
    redo_all(predicted, qtbot)
    assert everybody(predicted) == after


def test_every_command_can_be_given_with_nothing_open(new_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    window = new_window()
    for action in actions(window):
        if action.isEnabled():
            run(window, action, qtbot)
    assert window.bench.project.path is None


def test_every_command_can_be_given_where_nobody_was_found(window: MainWindow, qtbot: QtBot) -> None:
    for action in actions(window):
        if action.isEnabled():
            run(window, action, qtbot)
    undo_all(window, qtbot)
    assert everybody(window) == []


def test_every_command_can_be_given_during_a_prediction(
    predicted: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    for action in actions(predicted):
        _joint(predicted)
        if not predicted.bench.predictions.running:
            predicted.bench.predict_all()
        if action.isEnabled():
            run(predicted, action, qtbot)
    undo_all(predicted, qtbot)
    assert everybody(predicted) == []


def test_a_project_that_cannot_be_written_stays_as_it_is_whatever_is_asked_for(
    predicted: MainWindow,
    clip: Path,
    new_window: Callable[[], MainWindow],
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    before: list[Annotation] = everybody(predicted)
    predicted.close()
    path = clip.with_suffix(".jmpose")
    content = path.read_bytes()
    monkeypatch.setattr("jmpose_core.project.files._why_not_writable", lambda _: "the file is write-protected")
    window = new_window()
    open_and_wait(window, path, qtbot)
    for action in actions(window):
        _joint(window)
        if action.isEnabled():
            run(window, action, qtbot)
    assert everybody(window) == before and path.read_bytes() == content


def test_every_command_can_be_given_where_the_video_is_lost(predicted: MainWindow, clip: Path, qtbot: QtBot) -> None:
    predicted.bench.close_project()
    clip.rename(clip.with_name("elsewhere.bin"))
    with qtbot.waitSignal(predicted.bench.video_shown, timeout=PATIENCE_MS):
        predicted.bench.open(clip.with_suffix(".jmpose"))
    for action in actions(predicted):
        _joint(predicted)
        if action.isEnabled():
            run(predicted, action, qtbot)
    undo_all(predicted, qtbot)
    assert everybody(predicted) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_any_sequence_of_commands_is_undone_and_redone_step_by_step(
    predicted: MainWindow, seed: int, qtbot: QtBot
) -> None:
    """The model is the list of all states: each undo gives back the one before, each redo the one after."""
    dice, bench, made = random.Random(seed), predicted.bench, 0
    given = [action for action in actions(predicted) if action.objectName() not in LONG]
    states, place = [state(predicted)], 0  # those after `place` are undone
    for _ in range(COMMANDS // ROUND):
        for _ in range(ROUND):
            bench.view_state.set_frame(dice.randrange(FRAMES))
            bench.shown.select(dice.choice((None, 1, 1, 1, 2, 2, 2, 3)), dice.choice((None, dice.randrange(15))))
            action = dice.choice([action for action in given if action.isEnabled()])
            name = action.objectName()
            if name == "undo" and place == 0:
                continue  # without people there is little to do
            run(predicted, action, qtbot)
            now = state(predicted)
            if name in ("undo", "redo"):
                place += 1 if name == "redo" else -1
                assert now == states[place], name
            elif now != states[place]:
                place += 1
                states[place:] = [now]
                made += 1
        back, forth = states[-2::-1], states[1:]
        for turn, expected in ((redo, states[place + 1 :]), (undo, back), (redo, forth), (undo, back)):
            for before_or_after in expected:
                turn(predicted, qtbot)
                assert state(predicted) == before_or_after, turn.__name__
        place = 0
    assert made > COMMANDS / 20

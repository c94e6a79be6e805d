"""Fine-tuning from the window: it asks first, stays in sight while it runs, and is not ended unasked."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.dialogs.finetune_dialog import FinetuneDialog
from app.session.finetuning import plan_finetuning, weights_folder
from app.window.main_window import MainWindow
from tests.builders.hand import press
from tests.builders.waiting import PATIENCE_MS, go_to, predict_and_wait

TRAINS = """
import time
from jmpose_core.training_messages import StepsDone, encode_line
print(encode_line(StepsDone(3, 9, 0.5, 1.0)), end="", flush=True)
time.sleep(60)
"""


@pytest.fixture
def trainer(window: MainWindow) -> MainWindow:
    """A window whose training is a child that reports one step and goes on."""
    window.bench.finetune._command = [sys.executable, "-c", TRAINS]
    return window


def dialog_of(window: MainWindow, qtbot: QtBot) -> FinetuneDialog:
    window.actions_by_name["finetune"].trigger()
    dialog = window.findChildren(FinetuneDialog)[0]
    qtbot.waitUntil(lambda: "Counting" not in dialog.summary.text, timeout=PATIENCE_MS)
    return dialog


def correct(window: MainWindow, qtbot: QtBot, frames: range) -> None:
    predict_and_wait(window, qtbot)
    for frame_index in frames:
        go_to(window, frame_index, qtbot)
        window.bench.shown.select(1, 3)
        window.bench.editor.place_joint(100.0, 120.0)


def start(window: MainWindow, qtbot: QtBot) -> FinetuneDialog:
    correct(window, qtbot, range(5))
    dialog = dialog_of(window, qtbot)
    with qtbot.waitSignal(window.bench.finetune.progressed, timeout=PATIENCE_MS):
        dialog.start_button.click()
    return dialog


def test_it_says_what_it_would_learn_from_and_waits_for_a_yes(trainer: MainWindow, qtbot: QtBot) -> None:
    correct(trainer, qtbot, range(5))
    dialog = dialog_of(trainer, qtbot)
    assert "5 people in 5 frames: 5 corrected or verified joints" in dialog.summary.text
    assert "1 frame of these, held out" in dialog.summary.text and "jmpose_lite" in dialog.summary.text
    assert not trainer.bench.finetune.running and dialog.start_button.isEnabled()
    dialog.reject()
    assert not trainer.bench.finetune.running


def test_nothing_to_learn_from_cannot_be_started(trainer: MainWindow, qtbot: QtBot) -> None:
    dialog = dialog_of(trainer, qtbot)
    assert "nothing yet" in dialog.summary.text and not dialog.start_button.isEnabled()


def test_a_training_stays_in_sight_when_its_dialog_is_closed_and_comes_back(trainer: MainWindow, qtbot: QtBot) -> None:
    dialog = start(trainer, qtbot)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible() and trainer.bench.finetune.running
    assert trainer.status.training == "training 3/9"
    assert trainer.actions_by_name["finetune"].text() == "Show training…"
    trainer.bench.close_project()
    assert trainer.status.training != "" and trainer.status.isVisible()
    trainer.actions_by_name["finetune"].trigger()
    assert dialog.isVisible() and "Step 3 of 9" in dialog.note
    trainer.bench.finetune.cancel()
    qtbot.waitUntil(lambda: not trainer.bench.finetune.running, timeout=PATIENCE_MS)
    assert trainer.status.training == "" and trainer.actions_by_name["finetune"].text() == "Fine-tune…"


@pytest.mark.parametrize("leave", ["key", "button"])
def test_leaving_asks_before_it_ends_a_training(
    trainer: MainWindow, leave: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(trainer, qtbot).hide()
    trainer.activateWindow()
    qtbot.waitUntil(trainer.isActiveWindow, timeout=PATIENCE_MS)
    asked: list[str] = []
    answers = iter([False, True])

    def confirm(_parent: object, text: str, _action: str) -> bool:
        asked.append(text)
        return next(answers)

    monkeypatch.setattr(trainer.bench.messages, "confirm", confirm)
    go: Callable[[], object] = trainer.close
    if leave == "key":
        go = lambda: press(trainer, Qt.Key.Key_Q, qtbot, Qt.KeyboardModifier.ControlModifier)  # noqa: E731
    go()
    assert trainer.isVisible() and trainer.bench.finetune.running and "training is running" in asked[0]
    go()
    assert not trainer.isVisible() and not trainer.bench.finetune.running and len(asked) == 2


def test_leaving_asks_nothing_where_no_training_runs(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window.bench.messages, "confirm", lambda *_: pytest.fail("asked"))
    window.close()
    assert not window.isVisible()


def test_projects_of_one_name_in_different_folders_have_weights_of_their_own(clip: Path, window: MainWindow) -> None:
    project = window.bench.project.path
    assert project is not None
    other = clip.parent / "other" / project.name
    assert weights_folder(project) != weights_folder(other)
    assert weights_folder(project) == plan_finetuning(project, "jmpose_lite").out

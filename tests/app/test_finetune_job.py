"""Fine-tuning as the window sees it: a child process that reports, fails, or is cancelled."""

import sys
from pathlib import Path

from pytestqt.qtbot import QtBot

from app.jobs.finetune_job import FinetuneJob
from jmpose_core.training_messages import Preparing, StepsDone
from tests.builders.waiting import PATIENCE_MS

REPORTS = """
from jmpose_core.training_messages import *
print("loading")
print(12)  # a bare number, as a library may print it
steps = [StepsDone(1, 2, 1.0, 4.0), StepsDone(2, 2, 0.5, 4.0)]
done = NewWeights("new.safetensors", "PCK 0.70 to 0.74")
for message in [Preparing("reading", 1, 1), LeftOut("frame 3: no area"), *steps, done]:
    print(encode_line(message), end="", flush=True)
"""


def job(source: str) -> FinetuneJob:
    return FinetuneJob((sys.executable, "-c", source))


def test_progress_and_new_weights(qtbot: QtBot, tmp_path: Path) -> None:
    training, progress = job(REPORTS), list[StepsDone]()
    prepared, left_out = list[Preparing](), list[str]()
    training.progressed.connect(progress.append)
    training.prepared.connect(prepared.append)
    training.left_out.connect(left_out.append)
    with qtbot.waitSignal(training.finished, timeout=PATIENCE_MS) as finished:
        training.start(tmp_path / "a.jmpose", tmp_path, "jmpose_lite")
    assert list(finished.args or ()) == ["new.safetensors", "PCK 0.70 to 0.74"]
    assert progress == [StepsDone(1, 2, 1.0, 4.0), StepsDone(2, 2, 0.5, 4.0)]
    assert prepared == [Preparing("reading", 1, 1)] and left_out == ["frame 3: no area"]
    assert "loading\n12" in training.log and not training.running


def test_a_failure_is_told_with_what_was_printed(qtbot: QtBot, tmp_path: Path) -> None:
    training = job("print('no corrected joints'); raise SystemExit(3)")
    with qtbot.waitSignal(training.ended, timeout=PATIENCE_MS) as ended:
        training.start(tmp_path / "a.jmpose", tmp_path, "jmpose_lite")
    text, details = ended.args or ("", "")
    assert "exit code 3" in text and "no corrected joints" in details


def test_a_failure_that_explains_itself(qtbot: QtBot, tmp_path: Path) -> None:
    training = job("""print('{"message": "failed", "reason": "Correct a few joints first."}'); raise SystemExit(1)""")
    with qtbot.waitSignal(training.ended, timeout=PATIENCE_MS) as ended:
        training.start(tmp_path / "a.jmpose", tmp_path, "jmpose_lite")
    assert (ended.args or [""])[0] == "Correct a few joints first."


def test_cancel_ends_the_child_quietly(qtbot: QtBot, tmp_path: Path) -> None:
    training = job("""import time
print('{"message": "steps", "step": 1, "steps": 9, "loss": 1, "per_second": 2}', flush=True)
time.sleep(60)""")
    with qtbot.waitSignal(training.progressed, timeout=PATIENCE_MS):
        training.start(tmp_path / "a.jmpose", tmp_path, "jmpose_lite")
    with qtbot.waitSignal(training.ended, timeout=PATIENCE_MS) as ended:
        training.cancel()
    assert list(ended.args or ()) == ["", ""] and not training.running

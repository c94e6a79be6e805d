"""Ctrl-C and SIGTERM to a real training process, before it has begun and while it learns."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.child_process import python_command
from jmpose_core.drawing import write_picture
from jmpose_core.project import Project
from jmpose_core.training_messages import StepsDone, decode_line

WAIT_SECS = 300  # no measure of anything: only so that a defect fails instead of hanging


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_ends_it_without_a_traceback(tmp_path: Path, number: signal.Signals) -> None:
    words = python_command("train", "finetune", str(tmp_path / "a.jmpose"), "--out", str(tmp_path / "new"))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        _wait_for_handlers(process.pid)
        process.send_signal(number)
        printed, faults = process.communicate(timeout=WAIT_SECS)
    assert process.returncode == 130
    assert "Traceback" not in faults and not printed
    assert not (tmp_path / "new").exists()


def _wait_for_handlers(pid: int) -> None:
    """Until the process catches SIGTERM: before, the interpreter itself has not begun to run the program."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("asks Linux which signals a process catches")
    while True:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) & 1 << (signal.SIGTERM - 1):
            return
        time.sleep(0.01)


def test_ctrl_c_before_the_command_runs_ends_jmpose_without_a_traceback(tmp_path: Path) -> None:
    program = (
        "import sys, jmpose_core.cli as cli\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'jmpose_core.cli.program': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "cli.main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One corrected person."""
    folder = tmp_path / "walk"
    folder.mkdir()
    write_picture(folder / "000000.png", np.full((120, 90, 3), 90, np.uint8))
    person = Annotation(
        0,
        1,
        (10.0, 10.0, 60.0, 100.0),
        np.random.default_rng(0).uniform(15, 55, (15, 2)),
        np.full(15, Visibility.VISIBLE, np.uint8),
        origin=np.full(15, Origin.CORRECTED, np.uint8),
    )
    with Project.create(tmp_path / "walk.jmpose") as project:
        video = project.add_video(folder)
        with project.step("Correct") as step:
            step.put(video.id, person)
    return tmp_path / "walk.jmpose"


def test_sigterm_while_it_learns_keeps_a_checkpoint(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    words = python_command("train", "finetune", str(project), "--out", str(out), "--steps", "100000")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if isinstance(decode_line(line), StepsDone):
                break
        process.send_signal(signal.SIGTERM)
        _, faults = process.communicate(timeout=WAIT_SECS)
    assert process.returncode == 130, faults
    assert (out / "checkpoint.pt").is_file() and "Traceback" not in faults

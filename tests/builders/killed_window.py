"""A window in a process of its own that is killed as soon as it has done something."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def killed_after_its_word(clip: Path, *options: str) -> str:
    """Run `tests.app.edit_and_wait` on a clip and kill it once it says what it has done; what it said."""
    command = [sys.executable, "-m", "tests.app.edit_and_wait", str(clip), *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        line = process.stdout.readline()
        process.kill()
    return line

"""jmpose app, demo and train: what runs as a process of its own, and the demo."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from jmpose_core.cli.terminal import console, progress_bars, stoppable


def app(
    path: Annotated[Path | None, typer.Argument(help="A video, a folder of images, or a project.")] = None,
) -> int:
    """Open the window."""
    return _run_module("app", *([] if path is None else [str(path)]))


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's files.")] = Path("demo-output"),
    headless: Annotated[bool, typer.Option("--headless", help="Never open the window.")] = False,
) -> int:
    """Predict the bundled clip: in the window where there is a display, else as files."""
    from jmpose_core import demo as main_job

    with stoppable() as should_stop, progress_bars("demo clip") as show:
        if headless or not _has_display():
            written = main_job.write_files(out, on_progress=show, should_stop=should_stop)
        else:
            written = [main_job.filled_project(out, on_progress=show, should_stop=should_stop)]
    for path in written:
        console.print(str(path))
    if written[0].suffix == ".jmpose":
        return _run_module("app", str(written[0]))
    return 0


def train(context: typer.Context) -> int:
    """Fine-tune on corrected labels: jmpose train DATA... --out DIR (all options: jmpose train --help)."""
    return _run_module("train", "finetune", *context.args)


def _run_module(name: str, *arguments: str) -> int:
    """Run a package of the program as a process; its exit code, and Ctrl-C goes to it."""
    process = subprocess.Popen([sys.executable, "-m", name, *arguments])
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the child got it too, and ends in its own time


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

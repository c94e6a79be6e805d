"""jmpose app, demo and train: what runs as a process of its own, and the demo."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from jmpose_core.child_process import child_environment, python_command
from jmpose_core.cli.terminal import progress_bars, stoppable, tell, tell_error
from jmpose_core.engine.protocol import Progress
from jmpose_core.errors import JMPoseError
from jmpose_core.project import PROJECT_SUFFIX
from jmpose_core.training_messages import (
    EpochDone,
    LeftOut,
    NewWeights,
    Preparing,
    StepsDone,
    TrainingFailed,
    decode_line,
)


def app(
    path: Annotated[Path | None, typer.Argument(help="A video, a folder of images, or a project.")] = None,
) -> int:
    """Open the window, on a video, a folder of images or a project."""
    if not _has_display() and "QT_QPA_PLATFORM" not in os.environ:
        raise JMPoseError(
            "there is no display for the window (neither DISPLAY nor WAYLAND_DISPLAY is set); "
            "`jmpose predict` and `jmpose demo --headless` do without one"
        )
    return _run_module("app", *([] if path is None else [str(path)]))


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's files.")] = Path("demo-output"),
    headless: Annotated[bool, typer.Option("--headless", help="Never open the window.")] = False,
) -> int:
    """Predict the bundled clip: in the window where there is a display, else as files."""
    from jmpose_core.cli import demo_job as main_job

    with stoppable() as should_stop, progress_bars("demo clip") as show:
        if headless or not _has_display():
            written = main_job.write_files(out, on_progress=show, should_stop=should_stop)
        else:
            written = [main_job.filled_project(out, on_progress=show, should_stop=should_stop)]
    for path in written:
        tell(str(path))
    if written[0].suffix == PROJECT_SUFFIX:
        return _run_module("app", str(written[0]))
    return 0


def train(
    data: Annotated[
        list[Path], typer.Argument(help="Projects, or PoseTrack or COCO files with their images; PoseTrack folders.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the new weights.", show_default=False)],
    init: Annotated[
        list[str] | None,
        typer.Option(help="Weights to start from: a bundled name or a file.", show_default="jmpose_lite"),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the optimiser.", show_default="300")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint that --out holds.")] = False,
    by_position: Annotated[
        bool, typer.Option("--by-position", help="A file's image N is the N-th picture of its folder.")
    ] = False,
    preset: Annotated[
        Literal["jm-pose"] | None,
        typer.Option(help="The paper's recipe on PoseTrack folders; --init once for each fixed part."),
    ] = None,
    variant: Annotated[str | None, typer.Option(help="With --preset: the system to train.")] = None,
    estimator: Annotated[
        Literal["gauss", "vsd", "family"] | None, typer.Option(help="With --preset: of the information objective.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="With --preset: cjl, jmml, jmib or io, left out as the paper's ablations.")
    ] = None,
    switch: Annotated[
        list[str] | None,
        typer.Option(help="With --preset: NAME or NAME=VALUE of the system's builder, as feature_skip or reach=4."),
    ] = None,
    at_once: Annotated[int | None, typer.Option(min=1, help="With --preset: clips a pass, as memory allows.")] = None,
) -> int:
    """Fine-tune on corrected labels, kept only where better on held-out frames; or train a system as its paper does."""
    of_preset = _words(variant=variant, estimator=estimator, without=without, switch=switch, at_once=at_once)
    if preset is None and of_preset:
        raise JMPoseError(f"{of_preset[0]} is an option of the presets; add --preset jm-pose")
    if preset is not None and steps is not None:
        raise JMPoseError(f"the preset {preset} has its own number of steps; leave --steps out")
    if preset is None and init is not None and len(init) > 1:
        raise JMPoseError("fine-tuning starts from one weights file; give --init once")
    words = [*map(str, data), *_words(out=out, init=init, steps=steps, device=device), *of_preset]
    if resume:
        words.append("--resume")
    if by_position and preset is not None:
        raise JMPoseError("--by-position is of fine-tuning; a preset reads PoseTrack folders by name")
    if by_position:
        words.append("--by-position")
    process = subprocess.Popen(
        python_command("train", preset or "finetune", *words),
        stdout=subprocess.PIPE,
        text=True,
        env=child_environment(),
    )
    assert process.stdout is not None
    # Ctrl-C reaches the training by itself: it ends in its own time, and its last lines are read.
    forward = partial(_forward, process)
    with stoppable(forward), progress_bars(preset or "fine-tuning") as show, process.stdout:
        for line in process.stdout:
            _tell_training(line, show)
    return process.wait()


def _forward(process: "subprocess.Popen[str]", number: int) -> None:
    """Pass a signal on to the child, but for Ctrl-C, which it gets by itself."""
    if number != signal.SIGINT and process.poll() is None:
        process.send_signal(number)


def _words(**options: object) -> list[str]:
    """The options that are given, as words of a command line; a list repeats its option."""
    return [
        word
        for name, given in options.items()
        for value in (given if isinstance(given, list) else [given])
        if value is not None
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def _tell_training(line: str, show: Callable[[Progress], None]) -> None:
    """Show one line of a training's output."""
    match decode_line(line):
        case None:  # a library's own words
            tell(line.rstrip())
        case Preparing(what, done, total):
            show(Progress(done=done, total=total, per_second=0.0, stage=what))
        case StepsDone(step, steps, _, per_second):
            show(Progress(done=step, total=steps, per_second=per_second, stage="steps"))
        case EpochDone(epoch, figures):
            tell(", ".join([f"epoch: {epoch}", *(f"{name}: {value}" for name, value in figures.items())]))
        case LeftOut(what):
            tell(f"left out: {what}")
        case NewWeights(path, measured):
            tell(f"weights: {path}, measured: {measured}")
        case TrainingFailed(reason):
            tell_error(reason)


def _run_module(name: str, *arguments: str) -> int:
    """Run a package of the program as a process; its exit code, and Ctrl-C goes to it."""
    process = subprocess.Popen(python_command(name, *arguments), env=child_environment())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the child got it too, and ends in its own time


def _has_display() -> bool:
    """Whether a window can be shown; on Linux someone must have said where."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))

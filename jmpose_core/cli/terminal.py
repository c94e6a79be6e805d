"""What a person sees of a command: progress, messages, exit codes."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from jmpose_core.engine.protocol import Progress as EngineProgress
from jmpose_core.errors import Cancelled, JMPoseError

console: Final = Console()
errors: Final = Console(stderr=True)
INTERRUPTED: Final = 130


def explained(command: Callable[[], Any]) -> int:
    """Run a command; what goes wrong by the user's input becomes one message. The exit code."""
    try:
        code = command()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (Cancelled, click.Abort, KeyboardInterrupt):
        errors.print("stopped; what was written before is kept")
        return INTERRUPTED
    except JMPoseError as error:
        errors.print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        return 1
    return code if isinstance(code, int) else 0


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """A question that Ctrl-C answers with yes; a second Ctrl-C ends the program at once."""
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield stop.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress_bars(name: str) -> Iterator[Callable[[EngineProgress], None]]:
    """One bar a stage, with rate and time left."""
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=errors,
    )
    tasks: dict[str, TaskID] = {}

    def show(progress: EngineProgress) -> None:
        if progress.stage not in tasks:
            tasks[progress.stage] = bars.add_task(f"{name}: {progress.stage}", rate="")
        rate = f"{progress.per_second:.1f}/s"
        bars.update(tasks[progress.stage], total=progress.total, completed=progress.done, rate=rate)

    with bars:
        yield show

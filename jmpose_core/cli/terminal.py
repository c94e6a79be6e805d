"""What a person sees of a command: progress, messages, exit codes."""

import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Final, NoReturn, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from jmpose_core.engine.protocol import Progress as EngineProgress
from jmpose_core.errors import Cancelled, JMPoseError

Arguments = ParamSpec("Arguments")

console: Final = Console()
errors: Final = Console(stderr=True)
INTERRUPTED: Final = 130
_NUMBER: Final = re.compile(r"([~+-]?\d[\d.,]*( [\w%]+)?|nan|-|–)?")  # with its unit, or nothing


def tell(text: str) -> None:
    """One line of result, as it is."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def tell_error(text: object) -> None:
    """What went wrong and how to cure it, on standard error."""
    errors.print(f"[bold red]error:[/] {escape(str(text))}", highlight=False, soft_wrap=True)


def show_table(rows: list[list[str]]) -> None:
    """A head row and rows of cells; columns of numbers to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, *cells in zip(*rows, strict=True):
        numbers = all(map(_NUMBER.fullmatch, cells))
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows[1:]:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


def explained(command: Callable[[], None]) -> NoReturn:
    """Run the command line to its exit code; what goes wrong by the user's input becomes one message."""
    try:
        command()
    except Cancelled:
        errors.print("stopped; what was written before is kept")
        sys.exit(INTERRUPTED)
    except JMPoseError as error:
        tell_error(error)
        sys.exit(1)
    sys.exit(0)


def exits(command: Callable[Arguments, int]) -> Callable[Arguments, None]:
    """The command, ending the program with the code it returns."""

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        raise typer.Exit(command(*args, **kwargs))

    return run


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
    """One bar with what is being done, rate and time left."""
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=errors,
    )
    task: TaskID | None = None

    def show(progress: EngineProgress) -> None:
        nonlocal task
        text = escape(f"{name}: {progress.stage}")
        if task is None:
            task = bars.add_task(text, rate="")
        rate = f"{progress.per_second:.1f}/s"
        bars.update(task, description=text, total=progress.total, completed=progress.done, rate=rate)

    with bars:
        yield show

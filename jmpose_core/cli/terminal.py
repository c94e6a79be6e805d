"""What a person sees of a command: progress, messages, exit codes."""

import io
import os
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

from jmpose_core.child_process import INTERRUPTED
from jmpose_core.engine.protocol import Progress as EngineProgress
from jmpose_core.errors import Cancelled, JMPoseError

Arguments = ParamSpec("Arguments")

console: Final = Console()
errors: Final = Console(stderr=True)
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


class StopRequest:
    """Whether the user or the system has asked for the work to end; call it to know."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self.exit_code = INTERRUPTED

    def __call__(self) -> bool:
        return self._asked.is_set()

    def ask(self, signal_number: int) -> None:
        """Note the request; a second Ctrl-C ends the program at once."""
        if self._asked.is_set() and signal_number == signal.SIGINT:
            raise KeyboardInterrupt
        self.exit_code = 128 + signal_number
        self._asked.set()
        if signal_number == getattr(signal, "SIGHUP", None):
            _leave_terminal()


@contextmanager
def stoppable(on_signal: Callable[[int], None] = lambda number: None) -> Iterator[StopRequest]:
    """A question that is answered with yes after Ctrl-C, a request to end (SIGTERM) or a closed terminal (SIGHUP).

    What the program was started to ignore (as `nohup` does with SIGHUP) stays ignored.

    Args:
        on_signal: called with the number of each signal.
    """
    request = StopRequest()

    def handle(number: int, _frame: object) -> None:
        on_signal(number)
        request.ask(number)

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # the last on Windows, the last but one elsewhere
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield request
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def show_any_name() -> None:
    """Let every name be printed, whatever the terminal's or file's encoding: what it cannot show is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _leave_terminal() -> None:
    """Print nowhere from now on: writing to a terminal that was closed is an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        if os.isatty(stream):
            os.dup2(nowhere, stream)
    os.close(nowhere)


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

"""What every command shows and how it is stopped. Messages go to standard error, results to standard output."""

import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from jmpose_core.engine.protocol import Progress as Step

INTERRUPTED: Final = 130  # exit code after Ctrl-C, as shells have it

console: Final = Console(stderr=True)
output: Final = Console(soft_wrap=True)


def say(text: str) -> None:
    """One line for the user, as it is."""
    console.print(escape(text), highlight=False, soft_wrap=True)


def show_table(rows: list[list[str]], *, title: str | None = None) -> None:
    """Print a head row and rows of cells; numbers to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for index, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows[1:]:
        table.add_row(*(escape(cell) for cell in row))
    output.print(table)


class ProgressBar:
    """What is being done, how far it is, its rate and the time left; one bar a stage."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def tell(self, step: Step, *, of: str = "") -> None:
        """Show one step; `of` names what it is a step of, where there are several."""
        name = f"{of}: {step.stage}" if of else step.stage
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(escape(name), total=step.total, rate="")
        rate = f"{step.per_second:.1f}/s"
        self._bars.update(self._tasks[name], completed=step.done, total=step.total, rate=rate)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()


class Interrupt:
    """Ctrl-C asks the work to stop and keep what is done; a second Ctrl-C ends it at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Callable[[int, FrameType | None], object] | int | None = None

    def should_stop(self) -> bool:
        return self.asked

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        sys.stderr.write("\nstopping; what is done is kept (Ctrl-C again: at once)\n")

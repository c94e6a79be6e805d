"""What the benchmarks share: timing, and telling the figures."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
import typer

from jmpose_core.cli.terminal import show_table
from jmpose_core.formats.files import write_atomically

T = TypeVar("T")
Figures: TypeAlias = dict[str, float]
VideoArgument: TypeAlias = Annotated[Path | None, typer.Argument(help="A video or folder; the demo clip by default.")]
JsonOption: TypeAlias = Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")]


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result, and the wall seconds it took."""
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def tell_figures(figures: Figures, json_out: Path | None) -> int:
    """Print a line a figure, and write them where asked; the exit code."""
    show_table([["", "measured"], *([name, f"{value:.2f}"] for name, value in figures.items())])
    return keep(figures, json_out)


def keep(figures: Any, json_out: Path | None) -> int:
    """Write figures as JSON where asked; the exit code."""
    if json_out is not None:
        write_atomically(json_out, msgspec.json.format(msgspec.json.encode(figures), indent=2))
    return 0

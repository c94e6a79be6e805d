"""The public report of a training: OUT/report/ with report.md, its charts and its samples; nothing outside it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jmpose_core.drawing import Picture, write_picture
from jmpose_core.errors import FormatError
from train.loop.training import Training
from train.report.chart import Points, line_chart

FOLDER = "report"
_BOOKKEEPING = {"step", "progress", "elapsed_secs", "learning_rate", "steps_per_second"}


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines of a log over the steps: which of its numbers belong on one chart."""

    title: str
    names: tuple[str, ...]


def is_reported(out: Path) -> bool:
    """Whether a recipe came to its end in this folder: the report is the last thing it writes."""
    return (out / FOLDER / "report.md").is_file()


def write_report(
    out: Path,
    command: str,
    data: Sequence[str],
    training: Training,
    figures: Mapping[str, float],
    charts: Sequence[Chart],
    samples: Mapping[str, Picture],
) -> None:
    """Write `out`/report/ from `out`/log.jsonl and what the recipe knows.

    Args:
        command: as the weights' card tells it, without any machine's paths.
        figures: of the finished weights, on held-out data.
        samples: pictures by what they show.

    Raises:
        FormatError: a line of the log is torn.
        JMPoseError: a picture cannot be written.
    """
    folder = out / FOLDER
    pictures = write_charts(out, charts)
    for number, (title, picture) in enumerate(samples.items(), start=1):
        pictures.append((title, f"samples-{number}.jpg"))
        write_picture(folder / pictures[-1][1], picture)
    (folder / "report.md").write_text(_text(command, data, training, figures, pictures))


def write_charts(out: Path, charts: Sequence[Chart]) -> list[tuple[str, str]]:
    """Draw `out`/log.jsonl into `out`/report/; each chart that the log has numbers for, as title and file name."""
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    log = read_log(out / "log.jsonl")
    drawn: list[tuple[str, str]] = []
    for number, chart in enumerate(charts, start=1):
        lines = {name: points for name in chart.names if (points := line_of(log, name))}
        if lines:
            drawn.append((chart.title, f"chart-{number}.svg"))
            (folder / drawn[-1][1]).write_text(line_chart(chart.title, lines, x_label="step"))
    return drawn


def every_number(log: Sequence[Mapping[str, float]]) -> list[Chart]:
    """A chart for each number that a training logs: losses, their terms and figures differ too much for one axis."""
    names = dict.fromkeys(name for entry in log for name in entry if name not in _BOOKKEEPING)
    return [Chart(name, (name,)) for name in names]


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a training's log.

    Raises:
        FormatError: a line is torn.
    """
    lines = path.read_text().splitlines() if path.is_file() else []
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise FormatError(f"{path}: not JSON lines ({error}); delete the torn line") from error


def line_of(log: Sequence[Mapping[str, float]], name: str) -> Points:
    """(step, value) of every line that has both; where a resumed run went over a step again, its later word counts."""
    points = {entry["step"]: entry[name] for entry in log if "step" in entry and name in entry}
    return sorted((step, value) for step, value in points.items() if math.isfinite(value))


def _text(
    command: str,
    data: Sequence[str],
    training: Training,
    figures: Mapping[str, float],
    pictures: Sequence[tuple[str, str]],
) -> str:
    minutes, seconds = divmod(round(training.elapsed_secs), 60)
    schedule = training.schedule
    lines = [
        f"# {command.split()[2].rpartition('.')[2].capitalize()}: a training's report",
        "",
        f"`{command}`",
        "",
        f"{training.step} steps, {minutes} min {seconds} s of learning on {training.device.type}; learning "
        f"rate up to {schedule.peak:g}; figures and samples are of the moving average of the weights "
        f"(decay {training.average.decay:g}).",
        "",
        "Data:",
        "",
        *(f"- {part}" for part in data),
        "",
        "| Figure, on held-out data | |",
        "|---|---:|",
        *(f"| {name} | {value:.4g} |" for name, value in figures.items()),
    ]
    for title, file in pictures:
        lines += ["", f"## {title}", "", f"![{title}]({file})"]
    return "\n".join([*lines, ""])

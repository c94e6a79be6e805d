"""The command line: one module a group of commands.

Starts the window and training as processes and never imports them; imports torch
only in the commands that compute, so that `jmpose --help` answers at once.
"""

import sys
from pathlib import Path

import typer

from jmpose_core.cli import convert, demo, doctor, evaluate, predict, train, weights, window
from jmpose_core.cli.terminal import console
from jmpose_core.errors import JMPoseError

app = typer.Typer(
    name="jmpose",
    help="Annotate human pose in video, pre-filled by JM-Pose. `jmpose VIDEO` opens the window on a video.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("app")(window.open_window)
app.command("demo")(demo.run_demo)
app.command("predict")(predict.predict)
app.command("export")(convert.export)
app.command("eval")(evaluate.evaluate)
app.command("train")(train.train)
app.command("doctor")(doctor.doctor)
app.add_typer(weights.commands, name="weights")


def main() -> None:
    """Run one command; an error that the user can act on is one line, without a traceback."""
    try:
        app(with_command(sys.argv[1:]))
    except JMPoseError as error:
        console.print(f"[bold red]jmpose:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)


def with_command(arguments: list[str]) -> list[str]:
    """`jmpose` and `jmpose VIDEO` mean `jmpose app [VIDEO]`."""
    if not arguments:
        return ["app"]
    names = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    word = arguments[0]
    is_path = Path(word).exists() or Path(word).suffix or Path(word).name != word
    return ["app", *arguments] if word not in names and not word.startswith("-") and is_path else arguments

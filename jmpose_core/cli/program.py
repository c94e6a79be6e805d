"""Every command of `jmpose`, by name."""

from typing import Final

import typer

from jmpose_core.cli.bench import bench
from jmpose_core.cli.doctor import doctor
from jmpose_core.cli.evaluate import evaluate_files
from jmpose_core.cli.exchange import export_project, import_files
from jmpose_core.cli.predict import predict
from jmpose_core.cli.run import app, demo, train
from jmpose_core.cli.script import run
from jmpose_core.cli.terminal import exits
from jmpose_core.cli.weights import weights

_program = typer.Typer(
    name="jmpose",
    help="JM-Pose Studio: annotate human pose in video. `jmpose VIDEO` opens a video in the window.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_program.command("app")(exits(app))
_program.command("demo")(exits(demo))
_program.command("predict")(exits(predict))
_program.command("import")(exits(import_files))
_program.command("export")(exits(export_project))
_program.command("eval")(exits(evaluate_files))
_program.command("train")(exits(train))
_program.command("run")(exits(run))
_program.command("doctor")(exits(doctor))
_program.add_typer(weights, name="weights")
_program.add_typer(bench, name="bench")

program: Final = typer.main.get_group(_program)
COMMANDS: Final = frozenset(program.commands)

"""jmpose bench: what this machine does, each figure beside a baseline measured in the same run."""

import typer

from jmpose_core.cli.bench.effort import bench_effort
from jmpose_core.cli.bench.engine import bench_engine
from jmpose_core.cli.bench.project import bench_project
from jmpose_core.cli.bench.scrub import bench_scrub
from jmpose_core.cli.terminal import exits

bench = typer.Typer(help="Measure on this machine.", no_args_is_help=True)
bench.command("engine")(exits(bench_engine))
bench.command("scrub")(exits(bench_scrub))
bench.command("project")(exits(bench_project))
bench.command("effort")(exits(bench_effort))

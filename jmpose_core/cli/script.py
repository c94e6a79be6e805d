"""jmpose run: a script over a project."""

from pathlib import Path
from typing import Annotated

import typer

from jmpose_core.scripting import open_project
from jmpose_core.scripting.running import run_script


def run(
    script: Annotated[Path, typer.Argument(help="A Python file; `project` and `arguments` are there when it begins.")],
    project: Annotated[Path, typer.Argument(help="The project; a new one where there is none.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="What the script takes.")] = None,
) -> int:
    """Run a script over a project: see docs/scripting.md. A step that it does not finish does not happen."""
    with open_project(project) as opened:
        run_script(script, opened, arguments or [])
    return 0

"""Runs a script over a project: `project` and `arguments` are there when it begins."""

import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from jmpose_core.errors import JMPoseError
from jmpose_core.scripting.project import ScriptedProject


class ScriptError(JMPoseError):
    """A script failed; the message names its lines."""


def run_script(script: Path, project: ScriptedProject, arguments: Sequence[str]) -> None:
    """Run a Python file as `python SCRIPT ARGUMENTS` would, with the open project as `project`.

    Raises:
        ScriptError: no such file, or the script raised; what it had not finished as a step did not happen.
        SystemExit: the script asked for it.
    """
    if not script.is_file():
        raise ScriptError(f"{script}: there is no such script; check the path")
    argv, path = sys.argv, sys.path[:]
    sys.argv, sys.path[:0] = [str(script), *arguments], [str(script.parent.absolute())]
    try:
        runpy.run_path(
            str(script), init_globals={"project": project, "arguments": list(arguments)}, run_name="__main__"
        )
    except Exception as error:
        raise ScriptError(_told(script, error)) from error
    finally:
        sys.argv, sys.path[:] = argv, path


def _told(script: Path, error: Exception) -> str:
    """What went wrong and where, by the lines of the script and of what lies beside it."""
    if isinstance(error, SyntaxError):
        return "".join(traceback.format_exception_only(error)).strip()
    folder = script.parent.absolute()
    own = [
        f"{Path(place.filename).name}, line {place.lineno}: {place.line}"
        for place in traceback.extract_tb(error.__traceback__)
        if Path(place.filename).absolute().parent == folder
    ]
    name = "" if isinstance(error, JMPoseError) else f"{type(error).__name__}: "
    return "\n  ".join([f"{script}: {name}{error}", *own])

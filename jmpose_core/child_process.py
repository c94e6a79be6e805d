"""Start parts of the program as processes of their own, so that only installed packages can run.

`python -m train` would put the current folder first on the import path, and a machine learning folder
often holds a `train.py`, an `app.py` or a `torch.py`. `python_command` therefore starts this file by its
full path with `-P` (no current folder on the path). It puts what PYTHONPATH names behind the standard
library, the installed packages and this program, and then runs the module that was asked for.

Imports nothing but the standard library: it runs before the import path is in order.
"""

import os
import runpy
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

PACKAGES_FOLDER: Final = str(Path(__file__).resolve().parents[1])  # where app, jmpose_core, train and resources lie
INTERRUPTED: Final = 130  # exit code of a program that Ctrl-C has ended
INTERPRETER: Final = (sys.executable, "-P")


def python_command(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line that runs an installed module as `python -m MODULE` does; pass `child_environment()` with it."""
    return (*INTERPRETER, str(Path(__file__).resolve()), module, *arguments)


def child_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for a child: PYTHONPATH keeps only absolute folders, since any other means the current one."""
    child = dict(environment)
    named = child.pop("PYTHONPATH", "").split(os.pathsep)
    if absolute := [folder for folder in named if Path(folder).is_absolute()]:
        child["PYTHONPATH"] = os.pathsep.join(absolute)
    return child


def installed_first(path: Sequence[str], pythonpath: str) -> list[str]:
    """The import path in the order: standard library, this program, installed packages, PYTHONPATH's absolute folders.

    Args:
        path: as Python made it at its start, absolute.
        pythonpath: the variable; its relative and empty entries (the current folder) are dropped.
    """
    named = pythonpath.split(os.pathsep) if pythonpath else []
    from_variable = {os.path.abspath(folder) for folder in named}  # noqa: PTH100 - as site.py does
    library = sysconfig.get_path("stdlib")
    kept = [folder for folder in path if folder not in from_variable and folder not in ("", PACKAGES_FOLDER)]
    ends = [number for number, folder in enumerate(kept, start=1) if _within_library(folder, library)]
    first_installed = ends[-1] if ends else 0
    absolute = [folder for folder in dict.fromkeys(named) if Path(folder).is_absolute() and folder != PACKAGES_FOLDER]
    return [*kept[:first_installed], PACKAGES_FOLDER, *kept[first_installed:], *absolute]


def put_installed_first() -> None:
    """Order this process's import path by `installed_first`."""
    sys.path[:] = installed_first(sys.path, os.environ.get("PYTHONPATH", ""))


def _within_library(folder: str, library: str) -> bool:
    """The standard library and its lib-dynload, not the site-packages that may lie within."""
    parts = Path(folder).parts
    return Path(folder).is_relative_to(library) and not {"site-packages", "dist-packages"} & set(parts)


if __name__ == "__main__":
    put_installed_first()
    module = sys.argv[1]
    del sys.argv[1]  # run_module sets argv[0] to the module's file
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:  # Ctrl-C while it starts: nothing has begun
        sys.exit(INTERRUPTED)

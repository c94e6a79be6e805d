"""The command line. torch is imported only by the commands that compute; the window is a process of its own."""

import sys
from pathlib import Path

from jmpose_core.child_process import INTERRUPTED, put_installed_first


def main() -> None:
    """Entry point of `jmpose`."""
    put_installed_first()  # before any library is imported, so that PYTHONPATH=. cannot replace one
    try:
        from jmpose_core.cli.program import program
        from jmpose_core.cli.terminal import explained, show_any_name

        show_any_name()
        arguments = with_command(sys.argv[1:])
        explained(lambda: program(arguments))
    except KeyboardInterrupt:  # before the command could take it
        sys.exit(INTERRUPTED)


def with_command(arguments: list[str]) -> list[str]:
    """`jmpose` and `jmpose VIDEO` mean `jmpose app [VIDEO]`; a word that is no path is a mistyped command."""
    from jmpose_core.cli.program import COMMANDS

    if not arguments:
        return ["app"]
    word = arguments[0]
    is_path = Path(word).suffix != "" or Path(word).name != word or Path(word).exists()
    return ["app", *arguments] if word not in COMMANDS and not word.startswith("-") and is_path else arguments

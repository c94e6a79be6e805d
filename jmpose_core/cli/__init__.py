"""The command line. torch is imported only by the commands that compute; the window is a process of its own."""

import sys

from jmpose_core.cli.program import COMMANDS, program
from jmpose_core.cli.terminal import explained


def main() -> None:
    """Entry point of `jmpose`: a first argument that is no command is something to open in the window."""
    arguments = sys.argv[1:]
    if not arguments or (arguments[0] not in COMMANDS and not arguments[0].startswith("-")):
        arguments = ["app", *arguments]
    sys.exit(explained(lambda: program(arguments, standalone_mode=False)))

"""The engine's process: python -m jmpose_core.engine FOLDER, started by `EngineClient`."""

import sys
from pathlib import Path

from jmpose_core.engine.server import Work, serve


def _open_work() -> Work:
    from jmpose_core.engine.session import Session  # imports torch, which takes seconds: in the computing thread

    return Session()


if __name__ == "__main__":
    serve(_open_work, Path(sys.argv[1]))

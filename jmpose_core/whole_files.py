"""Files that are written whole or not at all: the old one stays until the new one is on disk."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A new, empty file beside `path` for the body to write; it takes the place of `path` when the body ends.

    Where the body raises, the new file is removed and `path` is as it was. The folder must exist.

    Raises:
        OSError: the folder is missing or read-only, or the disk is full.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        _flush_to_disk(part)
        part.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner may read
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

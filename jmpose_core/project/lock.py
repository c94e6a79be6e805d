"""One program writes a project at a time.

The lock is the operating system's, on a small file beside the project: it ends
with the process that holds it, however that ends. The project file itself is
not used for it, since closing any handle on that file would drop SQLite's own locks.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import Self

from jmpose_core.errors import ProjectError


class ProjectLock:
    """The right to write one project, held from `acquire` to `release`."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._handle: int | None = handle

    @classmethod
    def acquire(cls, project_path: Path) -> Self:
        """Take the lock at once or not at all.

        Raises:
            ProjectError: another window or program has the project open.
        """
        real = project_path.resolve()  # whatever links lead to it, it is one project
        path = real.with_name(real.name + "-lock")
        try:
            handle = _open_and_lock(path)
        except BlockingIOError:
            raise ProjectError(
                f"{project_path}: is open in another window ({_holder(path)}); "
                "close it there, or open it for reading only"
            ) from None
        except OSError as error:
            raise ProjectError(
                f"{path}: cannot be made ({error.strerror}); make room or open for reading only"
            ) from error
        return cls(path, handle)

    def release(self) -> None:
        """Give the lock back and delete its file; a second time does nothing."""
        if self._handle is None:
            return
        with contextlib.suppress(OSError):  # Windows does not delete an open file; a file left behind is unlocked
            self._path.unlink()
        os.close(self._handle)
        self._handle = None


def _open_and_lock(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle)
            if _is_still_at(path, handle):
                os.ftruncate(handle, 0)
                os.write(handle, f"process {os.getpid()}".encode())
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its last holder deleted the file between our opening and our locking it


def _holder(path: Path) -> str:
    try:
        return path.read_text() or "process unknown"
    except OSError:
        return "process unknown"


def _is_still_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 1000, os.SEEK_SET)  # a byte beyond the text, which stays readable
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(error.errno, error.strerror) from error
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

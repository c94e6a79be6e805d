"""Create and open project files, with all that can be wrong with one."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jmpose_core.errors import ProjectError
from jmpose_core.project.database import TORN, Database, connect
from jmpose_core.project.lock import ProjectLock
from jmpose_core.project.migrate import migrate, read_version
from jmpose_core.project.schema import APPLICATION_ID, TABLES, VERSION

PROJECT_SUFFIX: Final = ".jmpose"


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A database and, where it may be written, the lock that says so."""

    database: Database
    lock: ProjectLock | None

    def close(self) -> None:
        """Close the database, then let others write."""
        try:
            self.database.close()
        finally:
            if self.lock is not None:
                self.lock.release()


def create_file(path: Path) -> OpenFile:
    """Make an empty project and open it.

    Raises:
        ProjectError: there is a file of that name already, or none can be made there.
    """
    try:
        path.open("xb").close()
    except FileExistsError:
        raise ProjectError(f"{path}: exists already; open it, or choose another name") from None
    except OSError as error:
        raise ProjectError(f"{path}: cannot be made ({error.strerror}); choose a folder that you can write") from error
    try:
        return _open(path, "mode=rw", "", new=True)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def open_file(path: Path, *, read_only: bool) -> OpenFile:
    """Open a project, migrated to this version where it is older, also if it is only to be read.

    A file that cannot be written is opened for reading only, and `why_read_only` says why.

    Raises:
        ProjectError: no such file; not a project; torn; of a newer version; open or locked elsewhere.
    """
    if not path.is_file():
        found = "is a folder, not a project" if path.is_dir() else "there is no such project"
        raise ProjectError(f"{path}: {found}; choose a .jmpose file")
    if path.stat().st_size == 0:
        raise ProjectError(f"{path}: is an empty file, not a project; choose another, or delete it and make a new one")
    obstacle = _why_not_writable(path)
    if obstacle:
        # SQLite reads a WAL file only where it may make its index beside it. Without recent
        # changes in a '-wal' file the database is complete, and can be read without one.
        return _open(path, "mode=ro" if _has_recent_changes(path) else "immutable=1", obstacle)
    if not read_only:
        return _open(path, "mode=rw", "")
    if _is_older(path):
        _open(path, "mode=rw", "").close()
    return _open(path, "mode=ro", "it was opened for reading only")


def _is_older(path: Path) -> bool:
    """Whether it must be migrated. False of what is no project: opening it says so."""
    database = connect(path, "mode=ro", why_read_only="its version is looked at")
    try:
        return _is_project(database) and read_version(database) < VERSION
    finally:
        database.close()


def _open(path: Path, mode: str, why_read_only: str, *, new: bool = False) -> OpenFile:
    lock = None if why_read_only else ProjectLock.acquire(path)
    try:
        database = connect(path, mode, why_read_only=why_read_only)
        try:
            if new:
                _write_schema(database)
            _check_is_project(database)
            _check_is_whole(database)
            migrate(database)
            if not why_read_only:
                database.run("PRAGMA journal_mode = WAL")
        except BaseException:
            database.close()
            raise
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    return OpenFile(database, lock)


def _write_schema(database: Database) -> None:
    with database.transaction():
        for statement in TABLES:
            database.run(statement)
        database.run(f"PRAGMA application_id = {APPLICATION_ID}")
        database.run(f"PRAGMA user_version = {VERSION}")


def _check_is_project(database: Database) -> None:
    if not _is_project(database):
        raise ProjectError(
            f"{database.path}: is not a JM-Pose project (it is another program's SQLite file); choose a .jmpose file"
        )


def _is_project(database: Database) -> bool:
    return database.rows("PRAGMA application_id")[0][0] == APPLICATION_ID


def _check_is_whole(database: Database) -> None:
    """SQLite itself notices missing pages; not that the last one is cut short, until that is read."""
    page_size = database.rows("PRAGMA page_size")[0][0]
    if database.path.stat().st_size % page_size and not _has_recent_changes(database.path):
        raise ProjectError(f"{database.path}: {TORN}")


def _why_not_writable(path: Path) -> str:
    if not os.access(path, os.W_OK):
        return "the file is write-protected; copy it to where you can write"
    if not os.access(path.absolute().parent, os.W_OK):
        return "its folder is read-only; copy the project and its videos to a folder that you can write"
    return ""


def _has_recent_changes(path: Path) -> bool:
    real = path.resolve()  # where SQLite puts it
    wal = real.with_name(real.name + "-wal")
    return wal.is_file() and wal.stat().st_size > 0

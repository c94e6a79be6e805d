"""One SQLite connection whose failures are ProjectErrors that name the file and the cure."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jmpose_core.errors import ProjectError

_WAIT_SECS = 1.0  # for another program's lock, before saying so

TORN = (
    "the file is torn: part of it is missing or overwritten. Keep it, and go on from a backup "
    "(NAME.jmpose.backup-...) or rescue it with `sqlite3 FILE .recover`"
)

# SQLite's primary result codes (https://www.sqlite.org/rescode.html) that a person can do something about.
_CURES = {
    sqlite3.SQLITE_FULL: "the disk is full; nothing of this change was saved. Free some space and do it again",
    sqlite3.SQLITE_BUSY: "another program has locked it; close that program and do it again",
    sqlite3.SQLITE_LOCKED: "another program has locked it; close that program and do it again",
    sqlite3.SQLITE_READONLY: "it cannot be written here; copy it to a folder that you can write",
    sqlite3.SQLITE_PERM: "you may not open it; ask for the right to read and write it",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write it; check the disk, and keep a copy of the file",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; if its folder is read-only, copy the project, with the "
    "'-wal' file beside it, to a folder that you can write",
    sqlite3.SQLITE_CORRUPT: TORN,
    sqlite3.SQLITE_NOTADB: "is not a JM-Pose project; choose a .jmpose file",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the file at `path` into a ProjectError; a defect of ours passes as it is."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        cure = None if code is None else _CURES.get(code & 0xFF)
        if cure is None:
            raise
        raise ProjectError(f"{path}: {cure} ({error})") from error


class Database:
    """The open file. Of one thread, as sqlite3 connections are."""

    def __init__(self, connection: sqlite3.Connection, path: Path, *, why_read_only: str = "") -> None:
        self.connection = connection
        self.path = path
        self.why_read_only = why_read_only  # empty where it can be written
        self._open = True

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with explained(self.path):
            return self.connection.execute(sql, parameters).fetchall()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Change something; the id of the row inserted last."""
        with explained(self.path):
            return self.connection.execute(sql, parameters).lastrowid or 0

    def run_many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Change something once for each set of parameters."""
        with explained(self.path):
            self.connection.executemany(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that the body changes, on disk when it ends; nothing of it if it raises.

        Raises:
            ProjectError: the project was opened for reading only, or the file cannot be written.
            RuntimeError: a transaction is open already.
        """
        if self.why_read_only:
            raise ProjectError(f"{self.path}: cannot be changed: {self.why_read_only}")
        if self.connection.in_transaction:
            raise RuntimeError("steps do not nest: another step of this project is open")
        try:
            self.run("BEGIN IMMEDIATE")
            yield
            self.run("COMMIT")
            self._gather()
        except BaseException:
            if self.connection.in_transaction:  # SQLite itself rolls back on a full disk
                self.connection.rollback()
            raise

    def _gather(self) -> None:
        """Move what is in the '-wal' file into the project, so that a copy of that file alone holds everything.

        What a reader still needs stays there until the next time, and is as safe there.
        """
        with contextlib.suppress(ProjectError):
            self.run("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the file; an open transaction is rolled back. A second time does nothing.

        The last one to close moves all from the '-wal' file into the project; a writer does so
        beside a reader that stays, so that the project file alone is whole when it is copied.
        """
        if self._open and not self.why_read_only:
            self._gather()
        with explained(self.path):
            self.connection.close()
        self._open = False


def connect(path: Path, mode: str, *, why_read_only: str = "") -> Database:
    """Open the SQLite file at `path` with a URI `mode` ("mode=rw", "mode=ro", "immutable=1"); no content is read.

    `synchronous` is FULL: a committed step survives a killed process and a power cut.
    """
    with explained(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_WAIT_SECS, isolation_level=None
        )
    database = Database(connection, path, why_read_only=why_read_only)
    try:
        database.run("PRAGMA foreign_keys = ON")
        database.run("PRAGMA trusted_schema = OFF")  # a project from elsewhere may hold views and triggers of its own
        database.run("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return database

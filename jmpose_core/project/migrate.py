"""Bring a project of an older version to this one, keeping a copy of it as it was."""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from jmpose_core.errors import ProjectError
from jmpose_core.project.database import Database, explained
from jmpose_core.project.schema import REFUSALS, VERSION

Migration: TypeAlias = Callable[[Database], None]


def _make_room_for_the_fill(database: Database) -> None:
    """Version 2 has a layer between predictions (0) and annotations, which were 1 and are 2."""
    for table in ("people", "undo_people"):
        database.run(f"UPDATE {table} SET layer = 2 WHERE layer = 1")


def _remember_refusals(database: Database) -> None:
    """Version 3 keeps which proposals about tracks were refused."""
    for table in REFUSALS:
        database.run(table)


# MIGRATIONS[n] brings version n to n + 1 inside a transaction that is open already.
MIGRATIONS: Mapping[int, Migration] = {1: _make_room_for_the_fill, 2: _remember_refusals}


def migrate(
    database: Database, *, target: int = VERSION, migrations: Mapping[int, Migration] = MIGRATIONS
) -> Path | None:
    """Bring an open project to `target` in one transaction, after a backup.

    Returns:
        The backup `NAME.jmpose.backup-vN`, or None where there was nothing to do.

    Raises:
        ProjectError: the project is of a newer version, of one that can no longer
            be migrated, or cannot be written. The file is as it was.
    """
    path = database.path
    version = read_version(database)
    if version == target:
        return None
    if version > target:
        raise ProjectError(
            f"{path}: made by a newer program (version {version}, this one reads up to {target}); update JM-Pose Studio"
        )
    if database.why_read_only:
        raise ProjectError(
            f"{path}: is of the older version {version} and must be brought to {target} first; "
            f"open it once where it can be written ({database.why_read_only})"
        )
    missing = [n for n in range(version, target) if n not in migrations]
    if missing:
        raise ProjectError(f"{path}: version {missing[0]} can no longer be read; open it once with an older program")
    backup = _back_up(database, version)
    with database.transaction():
        for step in range(version, target):
            migrations[step](database)
        database.run(f"PRAGMA user_version = {target}")
    return backup


def read_version(database: Database) -> int:
    """The version that the file itself states."""
    return database.rows("PRAGMA user_version")[0][0]


def _back_up(database: Database, version: int) -> Path:
    target = _free_name(database.path.with_name(f"{database.path.name}.backup-v{version}"))
    unfinished = target.with_name(target.name + ".part")
    try:
        with explained(unfinished):
            copy = sqlite3.connect(unfinished)
            try:
                database.connection.backup(copy)
            finally:
                copy.close()
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return target


def _free_name(path: Path) -> Path:
    """`path`, or the first of path-2, path-3 ... that no earlier backup has."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate

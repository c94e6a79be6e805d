"""Projects of older and newer programs."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.session.opening import prepare
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project
from jmpose_core.project.database import Database, connect
from jmpose_core.project.migrate import migrate, read_version
from jmpose_core.project.schema import VERSION
from tests.builders.projects import everything, make_older, new_project, person


def saved_project(folder: Path) -> Path:
    """A closed project with one person in frame 0."""
    with new_project(folder) as project:
        with project.step("Draw") as step:
            step.put(1, person(0, 1))
        return project.path


def refusal(path: Path) -> str:
    with pytest.raises(ProjectError) as caught:
        Project.open(path)
    return str(caught.value)


@pytest.mark.parametrize("read_only", [False, True])
def test_an_older_project_is_brought_up_to_date_whoever_opens_it(tmp_path, read_only):
    path = saved_project(tmp_path)
    with Project.open(path) as project:
        before = everything(project)
    make_older(path, 2)
    with Project.open(path, read_only=read_only) as project:
        assert everything(project) == before and project.proposals(1) == []
    assert (tmp_path / "a.jmpose.backup-v2").exists()


def test_an_older_project_opens_in_the_window(tmp_path):
    path = saved_project(tmp_path)
    make_older(path, 2)
    assert prepare(path).project == path  # it reads before the window writes


def set_version(path: Path, version: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def test_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = saved_project(tmp_path)
    set_version(path, VERSION + 1)
    before = path.read_bytes()
    assert f"newer program (version {VERSION + 1}, this one reads up to {VERSION}); update" in refusal(path)
    assert path.read_bytes() == before


def test_a_version_that_can_no_longer_be_migrated_is_refused(tmp_path):
    path = saved_project(tmp_path)
    set_version(path, 0)
    assert "version 0 can no longer be read" in refusal(path)


def add_column(name: str):
    return lambda database: database.run(f"ALTER TABLE videos ADD COLUMN {name} TEXT")


@contextmanager
def open_database(path: Path) -> Iterator[Database]:
    database = connect(path, "mode=rw")
    try:
        yield database
    finally:
        database.close()


def test_an_older_version_is_migrated_step_by_step_after_a_backup(tmp_path):
    path = saved_project(tmp_path)
    set_version(path, 11)
    migrations = {11: add_column("first"), 12: add_column("second")}
    with open_database(path) as database:
        backup = migrate(database, target=13, migrations=migrations)
        assert read_version(database) == 13
        assert database.rows("SELECT first, second FROM videos") == [(None, None)]
        assert migrate(database, target=13, migrations=migrations) is None
    assert backup == tmp_path / "a.jmpose.backup-v11"
    with open_database(backup) as database:
        assert read_version(database) == 11
        assert database.rows("SELECT count(*) FROM people") == [(1,)]
    set_version(path, 11)
    with open_database(path) as database, pytest.raises(sqlite3.OperationalError, match="duplicate column"):
        migrate(database, target=13, migrations=migrations)
    assert (tmp_path / "a.jmpose.backup-v11-2").exists()


def test_a_migration_that_fails_changes_nothing(tmp_path):
    path = saved_project(tmp_path)
    set_version(path, 11)

    def fail(database: Database) -> None:
        raise ProjectError("cannot")

    with open_database(path) as database:
        before = database.rows("SELECT sql FROM sqlite_master ORDER BY name")
        with pytest.raises(ProjectError, match="cannot"):
            migrate(database, target=13, migrations={11: add_column("first"), 12: fail})
        assert read_version(database) == 11
        assert database.rows("SELECT sql FROM sqlite_master ORDER BY name") == before

"""Whatever happens to a project file: nothing is lost, and the message says what to do."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jmpose_core.annotations import Origin
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project, lock
from tests.builders.projects import everything, new_project, person, reopened

NOBODY = 65534


def draw(project: Project, frame: int, track: int = 1) -> None:
    with project.step(f"Draw in {frame}") as step:
        step.put(1, person(frame, track, origin=Origin.CORRECTED))


def saved_project(folder: Path) -> Path:
    """A closed project with one person in frame 0."""
    with new_project(folder) as project:
        draw(project, 0)
        return project.path


def refusal(path: Path) -> str:
    with pytest.raises(ProjectError) as caught:
        Project.open(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


# Not a project


def test_create_does_not_overwrite(tmp_path):
    path = saved_project(tmp_path)
    with pytest.raises(ProjectError, match="exists already"):
        Project.create(path)
    with Project.open(path) as project:
        assert len(everything(project)) == 1
    with pytest.raises(ProjectError, match="cannot be made"):
        Project.create(tmp_path / "no such folder" / "a.jmpose")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty file"), (b"\x89PNG" + bytes(5000), "not a JM-Pose project"), (b"short", "not a JM-Pose project")],
)
def test_a_file_that_is_no_project_is_named_and_left_alone(tmp_path, content, message):
    path = tmp_path / "a.jmpose"
    path.write_bytes(content)
    assert message in refusal(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "a.jmpose"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE notes (text)")
    other.close()
    before = path.read_bytes()
    assert "another program's SQLite file" in refusal(path)
    assert path.read_bytes() == before


def test_a_missing_file_and_a_folder(tmp_path):
    assert "no such project" in refusal(tmp_path / "a.jmpose")
    assert "is a folder" in refusal(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", [0.999, 0.95, 0.5, 0.1])
def test_a_torn_file_is_named_and_left_alone(tmp_path, part):
    with new_project(tmp_path) as project:
        for frame in range(50):
            draw(project, frame)
        path = project.path
    whole = path.read_bytes()
    torn = whole[: int(len(whole) * part)]
    path.write_bytes(torn)
    assert "torn" in refusal(path)
    assert path.read_bytes() == torn


def test_overwritten_pages_are_a_torn_file(tmp_path):
    with new_project(tmp_path) as project:
        for frame in range(50):
            draw(project, frame)
        path = project.path
    whole = bytearray(path.read_bytes())
    whole[8192:] = b"\xff" * (len(whole) - 8192)
    path.write_bytes(whole)
    with pytest.raises(ProjectError, match="torn"), Project.open(path) as project:
        everything(project)


# Several programs


def test_a_second_window_is_refused_until_the_first_has_closed(tmp_path):
    path = saved_project(tmp_path)
    with Project.open(path) as first:
        assert re.search(rf"open in another window \(process {os.getpid()}\); close it there", refusal(path))
        draw(first, 1)
    with Project.open(path) as second:
        assert len(everything(second)) == 2
    second.close()  # closing twice is harmless
    assert [file.name for file in tmp_path.glob("a.jmpose*")] == ["a.jmpose"]


def test_a_lock_file_deleted_under_our_hands_is_made_again(tmp_path, monkeypatch):
    path, really_lock = saved_project(tmp_path), lock._lock
    lock_file = tmp_path / "a.jmpose-lock"

    def lock_as_another_window_closes(handle: int) -> None:
        really_lock(handle)
        monkeypatch.setattr(lock, "_lock", really_lock)
        lock_file.unlink()

    monkeypatch.setattr(lock, "_lock", lock_as_another_window_closes)
    with Project.open(path):
        assert lock_file.exists()
        assert "open in another window" in refusal(path)


def test_a_commit_waits_for_the_disk(tmp_path):
    with reopened(new_project(tmp_path)) as project:
        assert project._database.rows("PRAGMA journal_mode") == [("wal",)]
        assert project._database.rows("PRAGMA synchronous") == [(2,)]  # FULL


def test_reading_beside_a_window_sees_what_is_committed(tmp_path):
    path = saved_project(tmp_path)
    with Project.open(path) as window, Project.open(path, read_only=True) as reader:
        draw(window, 1)
        with window.step("Not finished") as step:
            step.put(1, person(2, 1, origin=Origin.CORRECTED))
            assert [a.frame_index for a in everything(reader)] == [0, 1]
        assert [a.frame_index for a in everything(reader)] == [0, 1, 2]
        with pytest.raises(ProjectError, match="cannot be changed: it was opened for reading only"):
            draw(reader, 3)


def test_a_project_closed_beside_a_reader_is_whole_in_its_one_file(tmp_path):
    path = saved_project(tmp_path)
    with Project.open(path) as window, Project.open(path, read_only=True) as reader:
        assert len(everything(reader)) == 1
        draw(window, 1)
        window.close()
        shutil.copy(path, tmp_path / "copy.jmpose")
    with Project.open(tmp_path / "copy.jmpose") as copy:
        assert len(everything(copy)) == 2


def test_a_database_locked_by_another_program_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("jmpose_core.project.database._WAIT_SECS", 0.01)
    with new_project(tmp_path) as project:
        other = sqlite3.connect(project.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ProjectError, match="another program has locked it"):
            draw(project, 1)
        other.execute("ROLLBACK")
        other.close()
        draw(project, 1)
        assert len(everything(project)) == 1


CHILD = """
import sys, time
from pathlib import Path
from jmpose_core.project import Project, lock
from tests.builders.projects import person
from jmpose_core.annotations import Origin
project = Project.open(Path(sys.argv[1]))
with project.step("Draw in 7") as step:
    step.put(1, person(7, 1, origin=Origin.CORRECTED))
with project.step("Never finished") as step:
    step.put(1, person(8, 1, origin=Origin.CORRECTED))
    print("committed", flush=True)
    time.sleep(60)
"""


def test_a_killed_program_loses_nothing_that_was_committed_and_leaves_no_lock(tmp_path):
    path = saved_project(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", CHILD, path], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert child.stdout.readline() == b"committed\n"
    assert f"open in another window (process {child.pid})" in refusal(path)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with Project.open(path) as project:
        assert [a.frame_index for a in everything(project)] == [0, 7]
        assert project.people(1, 7) == [person(7, 1, origin=Origin.CORRECTED)]
        assert project.undo_text == "Draw in 7"
        project.undo()
        assert [a.frame_index for a in everything(project)] == [0]


# Disks


def test_a_full_disk_undoes_the_step_and_says_so(tmp_path):
    with new_project(tmp_path) as project:
        draw(project, 0)
        project.undo()
        pages = project._database.rows("PRAGMA page_count")[0][0]
        project._database.run(f"PRAGMA max_page_count = {pages + 3}")
        with pytest.raises(ProjectError, match=r"a\.jmpose: the disk is full; nothing of this change was saved"):
            project.apply_predictions(1, [person(f, 1) for f in range(100)], text="Predict")
        assert everything(project) == []
        assert (project.undo_text, project.redo_text) == (None, "Draw in 0")
        project._database.run(f"PRAGMA max_page_count = {pages + 1000}")
        project.apply_predictions(1, [person(f, 1) for f in range(100)], text="Predict")
        with reopened(project) as again:
            assert len(everything(again)) == 100


def test_a_full_disk_inside_a_redo_leaves_the_step_undone(tmp_path):
    with new_project(tmp_path) as project:
        project.apply_predictions(1, [person(f, 1) for f in range(90)], text="Predict")
        project.undo()
        project._database.run("VACUUM")  # gives the room of the people back to the disk
        pages = project._database.rows("PRAGMA page_count")[0][0]
        project._database.run(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(ProjectError, match="disk is full"):
            project.redo()
        assert everything(project) == []
        assert (project.undo_text, project.redo_text) == (None, "Predict")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an unprivileged user may read."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root writes everywhere: be somebody else for a while."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.skipif(not hasattr(os, "setresuid"), reason="needs a system on which root can become somebody else")
@pytest.mark.parametrize("protected", ["file", "folder"])
def test_a_write_protected_project_is_opened_for_viewing(open_folder, protected):
    path = saved_project(open_folder)
    with Project.open(path):  # loads what is imported late, as Python's own files may be unreadable to others
        pass
    before = path.read_bytes()
    path.chmod(0o444 if protected == "file" else 0o666)
    open_folder.chmod(0o777 if protected == "file" else 0o555)
    with unprivileged(), Project.open(path) as project:
        assert len(everything(project)) == 1
        assert protected in project.why_read_only
        for change in (lambda: draw(project, 1), project.undo, lambda: project.set_setting("a", 1)):
            with pytest.raises(ProjectError, match=r"cannot be changed: .*copy"):
                change()
    assert path.read_bytes() == before
    if protected == "folder":
        with unprivileged(), pytest.raises(ProjectError, match="cannot be made"):
            Project.create(open_folder / "b.jmpose")


# One file holds everything, and one program writes it


def test_a_copy_of_the_file_alone_holds_everything_while_the_project_is_open(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        for frame in range(5):
            draw(project, frame)
        project.undo()
        project.set_setting("colour", "red")
        shutil.copy(project.path, tmp_path / "copy.jmpose")
        with Project.open(tmp_path / "copy.jmpose") as copy:
            assert everything(copy) == everything(project)
            assert len(list(copy.people_between(1, 0, 10))) == 4
            assert copy.setting("colour") == "red"


def test_a_copy_holds_everything_though_a_window_reads_the_project(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, Project.open(project.path, read_only=True) as reader:
        for frame in range(5):
            draw(project, frame)
            assert len(list(reader.people_between(1, 0, 10))) == frame + 1
        shutil.copy(project.path, tmp_path / "copy.jmpose")
        with Project.open(tmp_path / "copy.jmpose") as copy:
            assert len(list(copy.people_between(1, 0, 10))) == 5


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_project_that_is_open_is_not_written_through_a_link_either(tmp_path: Path) -> None:
    path = saved_project(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.jmpose"
    link.symlink_to(path)
    with Project.open(path), pytest.raises(ProjectError, match="is open in another window"):
        Project.open(link)
    with Project.open(link), pytest.raises(ProjectError, match="is open in another window"):
        Project.open(path)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_project_opened_through_a_link_finds_its_videos(tmp_path: Path) -> None:
    path = saved_project(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.jmpose"
    link.symlink_to(path)
    with Project.open(path) as project:
        video = project.videos()[0]
        (path.parent / video.path).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / video.path).touch()
        where = project.video_path(video.id)
    with Project.open(link) as project:
        assert project.video_path(video.id).samefile(where)

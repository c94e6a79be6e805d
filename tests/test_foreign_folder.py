"""The program started in a stranger's folder, full of files named like its own modules: none of them may run."""

import ast
import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.jobs.finetune_job import FinetuneJob
from jmpose_core.child_process import child_environment, installed_first, python_command
from jmpose_core.cli import doctor
from jmpose_core.engine.client import EngineClient
from jmpose_core.engine.protocol import Ready, Reply
from jmpose_core.project import Project
from tests.builders.waiting import PATIENCE_MS

ROOT = Path(__file__).resolve().parents[1]
CONSOLE_SCRIPT = (sys.executable, "-P", "-c", "import sys; from jmpose_core.cli import main; sys.exit(main())")
NAMES = (
    "train.py",
    "app.py",
    "resources.py",
    "jmpose_core/__init__.py",
    "torch.py",
    "torchvision/__init__.py",
    "numpy.py",
    "cv2.py",
    "av.py",
    "msgspec.py",
    "typer.py",
    "rich/__init__.py",
    "PySide6/__init__.py",
    "pyqtgraph.py",
    "scipy.py",
    "safetensors.py",
    "platformdirs.py",
    "json.py",
    "random.py",
    "sitecustomize.py",
    "usercustomize.py",
)
TRAP = (
    "import pathlib\npathlib.Path({marker!r}).open('a').write(__file__ + '\\n')\nraise SystemExit('foreign code ran')\n"
)


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, full of traps; what a trap ran is written to tmp_path/ran."""
    folder = tmp_path / "somebody's project"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(TRAP.format(marker=str(tmp_path / "ran")))
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return folder


def ran(foreign: Path) -> str:
    marker = foreign.parent / "ran"
    return marker.read_text() if marker.exists() else ""


def started(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **variables}
    return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300, check=False)


def test_the_traps_work(foreign: Path) -> None:
    assert "foreign code ran" in started(sys.executable, "-m", "train", "finetune", "--help").stderr
    assert "train.py" in ran(foreign)


def test_jmpose_train_runs_the_installed_training(foreign: Path) -> None:
    ended = started(*CONSOLE_SCRIPT, "train", "missing.jmpose", "--out", "new")
    assert ended.returncode == 1
    assert "missing.jmpose" in ended.stderr
    assert not ran(foreign), ended.stderr


@pytest.mark.parametrize("named", ["", ".", "FOLDER"])
def test_jmpose_app_runs_the_installed_window_whatever_pythonpath_names(foreign: Path, named: str) -> None:
    """An empty entry and "." mean the current folder to Python. The folder's full name is the user's own wish, so
    Python itself runs its sitecustomize.py; but no module of the program or of a library comes from there."""
    (foreign / "sitecustomize.py").unlink()
    (foreign / "usercustomize.py").unlink()
    for name in ("jmpose_core/__init__.py", "json.py", "random.py"):
        (foreign / name).unlink()  # Python reads these from PYTHONPATH before the first line of the program runs
    variable = os.pathsep.join((str(foreign) if named == "FOLDER" else named, "/nowhere"))
    child = child_environment({**os.environ, "PYTHONPATH": variable, "QT_QPA_PLATFORM": "offscreen"})
    ended = subprocess.run(
        python_command("app", "--help"), capture_output=True, text=True, env=child, timeout=300, check=False
    )
    assert ended.returncode == 0 and "python -m app" in ended.stdout, ended.stderr
    console = started(*CONSOLE_SCRIPT, "train", "--help", PYTHONPATH=os.pathsep.join((str(ROOT), variable)))
    assert console.returncode == 0, console.stderr
    assert not ran(foreign)


def test_the_engine_is_the_installed_one(foreign: Path, tmp_path: Path) -> None:
    ready, replies = threading.Event(), list[Reply]()

    def take(reply: Reply) -> None:
        replies.append(reply)
        ready.set()

    client = EngineClient(take, log_path=tmp_path / "engine.log")
    client.start()
    assert ready.wait(PATIENCE_MS / 1000)
    client.stop()
    assert isinstance(replies[0], Ready), client.log_path.read_text()
    assert not ran(foreign)


def test_the_window_fine_tunes_with_the_installed_training(qtbot: QtBot, foreign: Path) -> None:
    job = FinetuneJob()
    with qtbot.waitSignal(job.ended, timeout=PATIENCE_MS) as ended:
        job.start(foreign / "missing.jmpose", foreign / "new", "jmpose_lite")
    assert "missing.jmpose" in (ended.args or [""])[0], job.log
    assert not ran(foreign)


def test_doctor_tries_the_installed_qt(foreign: Path) -> None:
    assert doctor._faults_of_qt() == []
    assert not ran(foreign)


def test_the_import_path_puts_installed_packages_before_pythonpath() -> None:
    library, installed = os.__file__.rpartition("/")[0], "/venv/lib/python3/site-packages"
    path = ["/home/ann/project", library, f"{library}/lib-dynload", installed, "/opt/torch", str(Path.cwd())]
    ordered = installed_first(path, os.pathsep.join(("", ".", "/home/ann/project", "/opt/torch")))
    assert ordered == [library, f"{library}/lib-dynload", str(ROOT), installed, "/home/ann/project", "/opt/torch"]


def test_a_child_keeps_the_absolute_folders_of_pythonpath_alone() -> None:
    variable = os.pathsep.join(("", "/opt/torch", "lib", "."))
    assert child_environment({"PYTHONPATH": variable, "HOME": "/h"}) == {"PYTHONPATH": "/opt/torch", "HOME": "/h"}
    assert child_environment({"PYTHONPATH": ":"}) == {}


def test_checkpoints_are_read_as_tensors_alone() -> None:
    """torch.load runs code that a file names unless it is told not to; ruff sees to pickle, YAML and shells."""
    for package in ("app", "jmpose_core", "train"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                    told = {word.arg: ast.unparse(word.value) for word in node.keywords}
                    assert told.get("weights_only") == "True", f"{path}:{node.lineno}"


def test_a_projects_own_triggers_may_not_call_what_reaches_outside(foreign: Path) -> None:
    path = foreign / "theirs.jmpose"
    Project.create(path).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE VIEW theirs AS SELECT load_extension('trap')")
        connection.commit()
    with Project.open(path) as project:
        connection = project._file.database.connection
        with pytest.raises(sqlite3.OperationalError, match=r"unsafe use of load_extension|not authorized"):
            connection.execute("SELECT * FROM theirs").fetchall()
        assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
    assert not ran(foreign)

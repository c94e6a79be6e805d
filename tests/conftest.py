"""For every test: no window on the screen, no thread left behind, and no Qt test where Qt cannot be loaded."""

import importlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no reason to fail: no test here judges time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# Programs that a test starts inherit what is ignored here, and a run under nohup or in a script's background
# ignores these: a program that a test signals would never hear of it.
for name in ("SIGINT", "SIGHUP"):
    number = getattr(signal, name, None)  # Windows has no SIGHUP
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

QT_LIBRARIES = "libegl1 libgl1 libglib2.0-0 libxkbcommon0 libfontconfig1 libdbus-1-3"
WINDOW_TESTS = Path(__file__).parent / "app"


def _qt_fault() -> str | None:
    """Why Qt cannot be loaded here: a bare Linux lacks system libraries that no Python package carries."""
    try:
        importlib.import_module("PySide6.QtWidgets")
    except ImportError as error:
        return f"Qt cannot be loaded: {error}. On Debian and Ubuntu: apt-get install {QT_LIBRARIES}"
    return None


QT_FAULT = _qt_fault()


class _SkippedModule(pytest.Module):
    """A test file of the window where there is no Qt: not imported, and counted as skipped."""

    def collect(self) -> list[pytest.Item]:  # type: ignore[override]
        pytest.skip(str(QT_FAULT), allow_module_level=True)


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    if QT_FAULT:  # pytest-qt ends the whole run where Qt cannot be loaded
        pluginmanager.unregister(name="pytest-qt")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    if QT_FAULT and WINDOW_TESTS in module_path.parents:
        return _SkippedModule.from_parent(parent, path=module_path)
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if QT_FAULT:
        terminalreporter.section("the tests of the window were SKIPPED", yellow=True)
        terminalreporter.write_line(QT_FAULT)


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 2
    while leaked := set(threading.enumerate()) - before:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left behind: {sorted(thread.name for thread in leaked)}")
        time.sleep(0.01)

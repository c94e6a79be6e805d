"""The window's hold on the engine's process. No torch, no Qt.

Three threads take part: the caller's, which never waits for the engine except
in `stop`; one that writes requests; one that reads replies and calls `on_reply`.
"""

import contextlib
import itertools
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from jmpose_core.app_folders import log_folder
from jmpose_core.child_process import child_environment, python_command
from jmpose_core.engine.protocol import (
    Cancel,
    Look,
    Reply,
    Request,
    Stopped,
    decode_reply,
    encode,
    read_message,
    shared_folder,
    write_message,
)
from jmpose_core.errors import EngineError

COMMAND: Final = python_command("jmpose_core.engine")
GRACE_SECS: Final = 1.0  # between asking the process to end and killing it


class EngineClient:
    """Starts the engine, sends it requests and hands its replies to `on_reply`.

    The process may end at any moment: then `on_reply` gets one Stopped, `alive`
    turns false, and `start` may be called again.

    Args:
        on_reply: called from the reading thread, in the order the engine sent.
        command: the engine's command line, less the folder for arrays.
        log_path: file for what the engine and its libraries print; the last run's is kept beside it. Where it cannot
            be written, the log goes to the system's temporary folder, or nowhere.
    """

    def __init__(
        self,
        on_reply: Callable[[Reply], None],
        *,
        command: Sequence[str] = COMMAND,
        log_path: Path | None = None,
    ) -> None:
        self.on_reply = on_reply
        self.log_path: Final = log_path or log_folder() / "engine.log"
        self._command = tuple(command)
        self._numbers = itertools.count(1)
        self._run: _Run | None = None

    @property
    def alive(self) -> bool:
        return self._run is not None and self._run.alive

    def start(self) -> None:
        """Start the process and return at once; its first reply is Ready.

        Raises:
            EngineError: it is running already, or cannot be started.
        """
        if self.alive:
            raise EngineError("the engine is running already")
        self.stop()
        try:
            self._run = _Run(self._command, self.log_path, lambda reply: self.on_reply(reply))
        except OSError as error:
            raise EngineError(f"the engine cannot be started: {error}") from error

    def stop(self) -> None:
        """End the process, within a second or by force, and its threads. Does nothing where none runs."""
        if self._run is not None:
            self._run.stop()

    def send(self, request: Request) -> int:
        """Queue a request and return its number.

        Raises:
            EngineError: the engine is not running.
        """
        if self._run is None or not self._run.alive:
            raise EngineError("the engine is not running; start it again")
        request_id = next(self._numbers)
        self._run.send(msgspec.structs.replace(request, request_id=request_id))
        return request_id

    def cancel(self, request_id: int) -> None:
        """Ask for a request to end early; it does so with Done. Nothing happens where it has ended."""
        if self._run is not None and self._run.alive:
            self._run.send(Cancel(request_id=request_id))

    def look(self, request_id: int, visible_frame: int) -> None:
        """Say which frame the user looks at now while a prediction runs: that frame comes next."""
        if self._run is not None and self._run.alive:
            self._run.send(Look(request_id=request_id, visible_frame=visible_frame))


class _Run:
    """One life of the engine's process."""

    def __init__(self, command: Sequence[str], log_path: Path, on_reply: Callable[[Reply], None]) -> None:
        self._on_reply = on_reply
        self._asked = False
        self._ended = threading.Event()
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._folder = shared_folder()
        try:
            log, self._log_path = _open_log(log_path)
            with log:
                self._process = _start_process([*command, str(self._folder)], log)
        except OSError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._writer = threading.Thread(target=self._write, name="engine-requests", daemon=True)
        self._reader = threading.Thread(target=self._read, name="engine-replies", daemon=True)
        self._writer.start()
        self._reader.start()

    @property
    def alive(self) -> bool:
        return not self._ended.is_set() and self._process.poll() is None

    def send(self, request: Request) -> None:
        self._requests.put(request)

    def stop(self) -> None:
        self._asked = True
        self._requests.put(None)  # the writer closes the pipe, and the engine ends with it
        try:
            self._process.wait(GRACE_SECS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for thread in (self._writer, self._reader):
            if thread is not threading.current_thread():
                thread.join()

    def _write(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError), pipe:  # a dead engine is reported by the reading thread
            while (request := self._requests.get()) is not None:
                write_message(cast(BinaryIO, pipe), encode(request, self._folder))

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        fault = "it closed its output"
        try:
            with pipe:
                while (payload := read_message(cast(BinaryIO, pipe))) is not None:
                    self._on_reply(decode_reply(payload))
        except EngineError as error:
            fault = str(error)
        finally:  # also where on_reply raises: the process must not outlive its reader
            self._finish(fault)

    def _finish(self, fault: str) -> None:
        exit_code = self._wait_or_kill()
        self._requests.put(None)
        self._ended.set()
        shutil.rmtree(self._folder, ignore_errors=True)
        message = "The engine was stopped." if self._asked else self._obituary(exit_code, fault)
        self._on_reply(Stopped(exit_code=exit_code, asked=self._asked, message=message))

    def _wait_or_kill(self) -> int:
        """A process that has closed its output is of no use, even if it still runs."""
        deadline = time.monotonic() + GRACE_SECS
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        self._process.kill()
        return self._process.wait()

    def _obituary(self, exit_code: int, fault: str) -> str:
        how = f"was ended by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}"
        printed = "What it printed could not be kept" if self._log_path is None else "What it printed is in"
        return f"The engine {how} ({fault}). {printed} {self._log_path or '(no folder can be written to)'}"


def _open_log(wanted: Path) -> tuple[BinaryIO, Path | None]:
    """The engine's log and where it is: without a place for it, the engine works all the same."""
    with contextlib.suppress(OSError):
        wanted.parent.mkdir(parents=True, exist_ok=True)
        if wanted.exists():
            wanted.replace(wanted.with_suffix(".previous.log"))
        return wanted.open("wb"), wanted
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(prefix="jmpose-engine-", suffix=".log")
        return os.fdopen(handle, "wb"), Path(name)
    return Path(os.devnull).open("wb"), None


def _start_process(command: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
    """The process, in a session of its own so that Ctrl-C in the window's terminal does not reach it."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**child_environment(), "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )

"""Fine-tuning as a child process, which reports by jmpose_core.training_messages."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal

from jmpose_core.child_process import child_environment, python_command
from jmpose_core.training_messages import (
    EpochDone,
    LeftOut,
    NewWeights,
    Preparing,
    StepsDone,
    TrainingFailed,
    decode_line,
)

KILL_AFTER_MS = 3000
LOG_LINES = 200
COMMAND = python_command("train", "finetune")


class FinetuneJob(QObject):
    """One training at a time; what it prints that is no message is kept for `log`."""

    prepared = Signal(object)  # Preparing
    progressed = Signal(object)  # StepsDone
    left_out = Signal(str)  # labels that cannot be learnt from, and why
    finished = Signal(str, str)  # weights file, what was measured
    ended = Signal(str, str)  # without weights: what to tell the user ("" where asked to stop), details
    failed = Signal(str, str)  # the same, where it was not asked to stop
    state_changed = Signal()  # it runs, or no longer does

    def __init__(self, command: Sequence[str] = COMMAND, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command = list(command)
        self._process: QProcess | None = None
        self._cancelled = False
        self._weights = self._measured = self._fault = ""
        self._log: list[str] = []

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def log(self) -> str:
        return "\n".join(self._log)

    def start(self, project: Path, out: Path, init: str) -> None:
        """Train on the corrected joints of a project, from the weights `init`, into the folder `out`."""
        self._begin([*self._command, str(project), "--out", str(out), "--init", init])

    def cancel(self) -> None:
        """Ask the child to stop, then make it: the device is free afterwards."""
        if self._process is not None:
            self._cancelled = True
            self._process.terminate()
            if not self._process.waitForFinished(0):
                self.startTimer(KILL_AFTER_MS)

    def close(self) -> None:
        """End the child now."""
        if self._process is not None:
            self._cancelled = True
            self._process.kill()
            self._process.waitForFinished(KILL_AFTER_MS)

    def timerEvent(self, event: object) -> None:
        self.killTimer(event.timerId())  # type: ignore[attr-defined]
        if self._process is not None and self._cancelled:
            self._process.kill()

    def _begin(self, command: list[str]) -> None:
        self._cancelled = False
        self._weights = self._measured = self._fault = ""
        self._log.clear()
        process = QProcess(self)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        process.setProcessEnvironment(_environment())
        process.start(command[0], command[1:])
        self.state_changed.emit()

    def _read(self) -> None:
        while self._process is not None and self._process.canReadLine():
            self._take(bytes(self._process.readLine().data()).decode(errors="replace").rstrip())

    def _take(self, line: str) -> None:
        match decode_line(line):
            case None:
                self._log = [*self._log[1 - LOG_LINES :], line]
            case Preparing() as preparing:
                self.prepared.emit(preparing)
            case StepsDone() as done:
                self.progressed.emit(done)
            case LeftOut(what):
                self.left_out.emit(what)
            case NewWeights(path, measured):
                self._weights, self._measured = path, measured
            case TrainingFailed(reason):
                self._fault = reason
            case EpochDone():  # of the paper's recipe, which the window does not start
                pass

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._end("The training could not be started.")

    def _on_finished(self, code: int, _status: QProcess.ExitStatus) -> None:
        self._read()
        if self._weights and code == 0:
            self._process = None
            self.finished.emit(self._weights, self._measured)
            self.state_changed.emit()
        elif self._cancelled:
            self._end("")
        else:
            self._end(self._fault or f"The training ended early (exit code {code}). Nothing of yours was changed.")

    def _end(self, text: str) -> None:
        self._process = None
        self.ended.emit(text, self.log)
        if text:
            self.failed.emit(text, self.log)
        self.state_changed.emit()


def _environment() -> QProcessEnvironment:
    environment = QProcessEnvironment()
    for name, value in child_environment().items():
        environment.insert(name, value)
    return environment

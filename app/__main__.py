"""The program: python -m app [VIDEO|FOLDER|PROJECT]."""

import argparse
import signal
import sys
import traceback
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.look.messages import Messages
from app.look.theme import ThemeController
from app.session.settings import Settings
from app.window.main_window import MainWindow


def main() -> int:
    """Show the window until it is closed; the exit code of Qt."""
    arguments = _arguments()
    application = QApplication(sys.argv[:1])
    application.setApplicationName("JM-Pose Studio")
    application.setDesktopFileName("jmpose-studio")
    messages, settings = Messages(), Settings()
    install_exception_hook(messages)
    theme = ThemeController(application)
    theme.set_mode(settings.theme)
    window = MainWindow(messages=messages, settings=settings, theme=theme)
    window.show()
    if arguments.path is not None:
        window.bench.open(arguments.path)
    stop_on_interrupt(window)
    return application.exec()


def install_exception_hook(messages: Messages) -> None:
    """Show an unexpected error with details to copy; the window goes on, since every edit is on disk already."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        details = "".join(traceback.format_exception(kind, error, trace))
        text = "Something went wrong in the program. Your edits are saved; if it happens again, restart it."
        messages.error(text, details)

    sys.excepthook = hook


def stop_on_interrupt(window: MainWindow) -> None:
    """Ctrl-C in the terminal closes the window as its button does."""
    signal.signal(signal.SIGINT, lambda *_: window.close())
    awake = QTimer(window)  # Python sees a signal only when it gets a turn
    awake.timeout.connect(lambda: None)
    awake.start(200)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app", description="Annotate human pose in video.")
    parser.add_argument("path", nargs="?", type=Path, help="a video, a folder of frames or a project (.jmpose)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

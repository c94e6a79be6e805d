"""A real window that makes one edit and then waits to be killed: `python -m tests.app.edit_and_wait CLIP [--press]`.

With --press a key is pressed, and the window is to be killed once that has been written as effort.
"""

import sys
from pathlib import Path

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.look.messages import Messages
from app.look.theme import ThemeController
from app.session.settings import Settings
from app.window.main_window import MainWindow
from jmpose_core.engine.client import EngineClient
from tests.builders.waiting import STAND_IN


def main(clip: Path, *, press: bool) -> None:
    application = QApplication(sys.argv[:1])
    folder = clip.parent
    window = MainWindow(
        messages=Messages(),
        settings=Settings(QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)),
        theme=ThemeController(application),
        engine=EngineClient(lambda _reply: None, command=STAND_IN, log_path=folder / "engine.log"),
    )
    window.show()
    window.bench.open(clip)

    def edit() -> None:
        if window.frame_view.frame_index != 0:
            return
        polling.stop()
        window.bench.editor.add_person((100.0, 100.0, 200.0, 400.0))
        window.bench.shown.select(1, 3)
        window.bench.editor.place_joint(150.0, 222.25)
        if press:
            window.bench.effort.written.connect(lambda: tell("written"))
            QTest.keyClick(window.frame_view, Qt.Key.Key_Q)
        else:
            tell("edited")

    def tell(what: str) -> None:
        sys.stdout.write(f"{what}\n")
        sys.stdout.flush()

    polling = QTimer()
    polling.timeout.connect(edit)
    polling.start(20)
    application.exec()


if __name__ == "__main__":
    main(Path(sys.argv[1]), press="--press" in sys.argv)

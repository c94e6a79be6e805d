"""Files dropped anywhere in the window, and in its dialogs."""

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.dialogs.export_dialog import ExportDialog
from app.dialogs.import_dialog import ImportDialog
from app.look.messages import Message
from app.window.main_window import MainWindow
from jmpose_core.formats.people import document_from
from jmpose_core.formats.posetrack18 import write_posetrack18
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import PATIENCE_MS

PLACES = ("picture", "timeline", "tracks", "inspector", "frame number", "toolbar", "status", "floating tracks")


def drop(widget: QWidget, *paths: Path) -> bool:
    """Drag files over a widget and let go; whether they were taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, left, none)
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    let_go = QDropEvent(QPointF(5, 5), copy, data, left, none)
    QApplication.sendEvent(widget, let_go)
    return let_go.isAccepted()


def place(window: MainWindow, name: str) -> QWidget:
    if name == "floating tracks":
        window.tracks_dock.setFloating(True)
        name = "tracks"
    return {
        "picture": window.frame_view.viewport(),
        "timeline": window.timeline.viewport(),
        "tracks": window.track_table.viewport(),
        "inspector": window.inspector.findChildren(QWidget)[-1],
        "frame number": window.transport.number,
        "toolbar": window.toolbar,
        "status": window.status,
    }[name]


def test_files_dropped_anywhere_are_taken(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(window.bench, "open", opened.append)
    for name in PLACES:
        assert drop(place(window, name), tmp_path / name), name
    assert [path.name for path in opened] == list(PLACES)


def test_a_video_that_is_dropped_on_the_picture_is_opened(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    other = (tmp_path / "walk.mp4").rename(tmp_path / "other.mp4")
    with qtbot.waitSignal(window.bench.project.opened, timeout=PATIENCE_MS):
        assert drop(window.frame_view.viewport(), other)
    assert window.bench.project.path == other.with_suffix(".jmpose")


def test_annotations_that_are_dropped_are_offered_for_import(
    window: MainWindow, tmp_path: Path, told: list[Message], qtbot: QtBot
) -> None:
    names = [f"{frame:06d}.jpg" for frame in range(230)]
    file = tmp_path / "labels.json"
    write_posetrack18(document_from([figure(0, 1)], names, image_size=(1280, 720), scores=False), file)
    assert drop(window.frame_view.viewport(), file)
    dialog = window.findChildren(ImportDialog)[-1]
    qtbot.waitUntil(lambda: dialog.ready, timeout=PATIENCE_MS)
    assert "1 person" in dialog.summary.text
    assert drop(dialog.findChildren(QLineEdit)[0], tmp_path / "none.json")
    qtbot.waitUntil(lambda: "none.json" in dialog.summary.text and "Nothing was changed" in dialog.summary.text)
    dialog.reject()
    window.bench.close_project()
    drop(window.start_page, file)
    assert "Open the video first" in told[-1].text


def test_a_folder_dropped_on_the_export_dialog_is_where_the_file_goes(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    window.actions_by_name["export"].trigger()
    dialog = window.findChildren(ExportDialog)[-1]
    field = next(field for field in dialog.findChildren(QLineEdit) if "posetrack18" in field.text())
    (tmp_path / "out").mkdir()
    assert drop(field, tmp_path / "out")
    assert field.text() == str(tmp_path / "out" / "walk-posetrack18.json")
    dialog.reject()


def test_of_several_files_the_rest_is_not_dropped_in_silence(
    window: MainWindow, tmp_path: Path, told: list[Message], qtbot: QtBot
) -> None:
    other = (tmp_path / "walk.mp4").rename(tmp_path / "other.mp4")
    with qtbot.waitSignal(window.bench.project.opened, timeout=PATIENCE_MS):
        drop(window.frame_view, other, tmp_path / "b.mp4", tmp_path / "c.mp4")
    assert any("other.mp4 is taken. The other 2" in message.text for message in told)

"""Whole tracks in the real window: split, merged and named, each in one step."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.dialogs.merge_dialog import MergeDialog
from app.look.messages import Level, Message
from app.window.main_window import MainWindow
from jmpose_core.annotations import Origin
from jmpose_core.project import Project
from tests.builders.hand import everybody, find, person, press
from tests.builders.waiting import PATIENCE_MS, predict_and_wait, settle

ALT = Qt.KeyboardModifier.AltModifier


def predicted(window: MainWindow, qtbot: QtBot, *, select: int, frame: int) -> MainWindow:
    """Persons 1 and 2 are in every frame."""
    predict_and_wait(window, qtbot)
    settle(window.bench.project, qtbot)
    window.bench.view_state.set_frame(frame)
    window.bench.shown.select(select)
    window.frame_view.setFocus()
    return window


def merge_dialog(window: MainWindow) -> MergeDialog:
    return next(dialog for dialog in window.findChildren(MergeDialog) if dialog.isVisible())


def test_a_track_is_split_here_and_merged_again_by_keys(window: MainWindow, told: list[Message], qtbot: QtBot) -> None:
    predicted(window, qtbot, select=2, frame=100)
    before = everybody(window)
    press(window, Qt.Key.Key_M, qtbot, ALT)
    assert window.bench.shown.track_id == 3 and find(window, 100, 2) is None and find(window, 229, 3) is not None
    assert told[-1].text == "Person 2 is person 3 in frames 101 to 230."
    assert window.bench.project.path is not None
    with Project.open(window.bench.project.path, read_only=True) as reader:
        assert reader.proposals(1) == []  # who splits a track knows that it was two people
    window.bench.shown.select(2)
    qtbot.waitUntil(lambda: len(window.bench.lanes.lanes) == 3, timeout=PATIENCE_MS)
    press(window, Qt.Key.Key_M, qtbot)
    dialog = merge_dialog(window)
    offered = [dialog.tracks.item(row).text() for row in range(dialog.tracks.count())]
    assert offered == ["Person 3, frames 101 to 230", "Person 1, frames 1 to 230, 100 of them together"]
    QTest.keyClick(dialog.tracks, Qt.Key.Key_Return)
    assert everybody(window) == before
    assert told[-1].text == "Person 3 is person 2 now. Undo takes it back."


def test_only_the_marked_frames_are_split_and_all_of_a_track_is_not(
    window: MainWindow, told: list[Message], qtbot: QtBot
) -> None:
    predicted(window, qtbot, select=1, frame=0)
    before = everybody(window)
    press(window, Qt.Key.Key_M, qtbot, ALT)
    assert everybody(window) == before and "nothing to split" in told[-1].text
    window.bench.view_state.mark((10, 20))
    press(window, Qt.Key.Key_M, qtbot, ALT)
    assert [find(window, frame, 3) is not None for frame in (9, 10, 19, 20)] == [False, True, True, False]
    window.bench.project.undo()
    settle(window.bench.project, qtbot)
    assert everybody(window) == before


def test_labels_that_differ_are_no_reason_to_lose_one(window: MainWindow, told: list[Message], qtbot: QtBot) -> None:
    predicted(window, qtbot, select=1, frame=5)
    for track_id in (1, 2):
        window.bench.project.put(1, person(window, 5, track_id).with_joint(4, origin=Origin.VERIFIED), "Verify")
    before = everybody(window)
    qtbot.waitUntil(lambda: len(window.bench.lanes.lanes) == 2, timeout=PATIENCE_MS)
    press(window, Qt.Key.Key_M, qtbot)
    QTest.keyClick(merge_dialog(window).tracks, Qt.Key.Key_Return)
    assert everybody(window) == before
    assert told[-1].level is Level.ERROR and "frame 6: the left knee is labelled on both tracks" in told[-1].text


def test_a_name_is_typed_into_the_list_and_undone(window: MainWindow, qtbot: QtBot) -> None:
    predicted(window, qtbot, select=2, frame=0)
    table = window.track_table
    qtbot.waitUntil(lambda: table.tracks.rowCount() == 2, timeout=PATIENCE_MS)
    press(window, Qt.Key.Key_F2, qtbot)
    field = table.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    QTest.keyClicks(field, "goalkeeper")
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: table.tracks.index(1, 0).data() == "2 goalkeeper", timeout=PATIENCE_MS)
    window.bench.project.undo()
    qtbot.waitUntil(lambda: table.tracks.index(1, 0).data() == "Person 2", timeout=PATIENCE_MS)

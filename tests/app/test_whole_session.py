"""A whole session by mouse and keys alone, from the first look to the exported file.

JMPOSE_SCREENSHOTS=FOLDER keeps pictures of the window.
"""

import os
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.dialogs.export_dialog import ExportDialog
from app.look.messages import Message
from app.window.main_window import MainWindow
from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.posetrack18 import read_posetrack18
from tests.builders.hand import drag, everybody, find, on_screen, person, press
from tests.builders.waiting import PATIENCE_MS, go_to, settle

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
RIGHT_WRIST, LEFT_WRIST = 6, 11


def keep_picture(window: MainWindow, name: str) -> None:
    if folder := os.environ.get("JMPOSE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        window.grab().save(str(Path(folder) / f"{name}.png"))


def turned_until_the_end(window: MainWindow, key: Qt.Key, keys: Qt.KeyboardModifier, name: str, qtbot: QtBot) -> int:
    """Press undo or redo until there is nothing more; how often."""
    presses = 0
    while window.actions_by_name[name].isEnabled():
        press(window, key, qtbot, keys)
        settle(window.bench.project, qtbot)
        presses += 1
    return presses


def test_predict_review_correct_undo_redo_verify_export(
    window: MainWindow, told: list[Message], tmp_path: Path, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(window.bench.predictions.written, timeout=PATIENCE_MS):
        press(window, Qt.Key.Key_P, qtbot, CTRL)
    predicted = everybody(window)
    keep_picture(window, "1-predicted")

    queue = window.bench.queue
    qtbot.waitUntil(lambda: len(queue.items) > 0, timeout=PATIENCE_MS)
    for _ in range(10):
        press(window, Qt.Key.Key_Space, qtbot)
        item = queue.current
        assert item is not None and window.bench.shown.joint == item.joint
        press(window, Qt.Key.Key_V, qtbot)
        settle(window.bench.project, qtbot)
        assert person(window, item.first, item.track_id).origin[item.joint] == Origin.VERIFIED
    keep_picture(window, "2-reviewed")

    # A wrist that is a little off is dragged to its place, and the frames beside follow.
    go_to(window, 60, qtbot)
    start = on_screen(window, tuple(person(window, 60, 1).keypoints[LEFT_WRIST]))
    drag(window, start, start + QPoint(12, -7), qtbot)
    assert person(window, 60, 1).origin[LEFT_WRIST] == Origin.CORRECTED
    assert person(window, 61, 1).origin[LEFT_WRIST] == Origin.PROPAGATED
    keep_picture(window, "3-dragged")
    press(window, Qt.Key.Key_Q, qtbot)
    assert person(window, 60, 1).visibility[LEFT_WRIST] == Visibility.OCCLUDED
    was = person(window, 60, 1)
    press(window, Qt.Key.Key_X, qtbot)
    assert np.array_equal(person(window, 60, 1).keypoints[RIGHT_WRIST], was.keypoints[LEFT_WRIST])

    # Two people change places in eleven frames.
    go_to(window, 100, qtbot)
    press(window, Qt.Key.Key_BracketLeft, qtbot)
    go_to(window, 110, qtbot)
    press(window, Qt.Key.Key_BracketRight, qtbot)
    ours = person(window, 105, 1).bbox_xyxy
    press(window, Qt.Key.Key_T, qtbot, CTRL)
    assert person(window, 105, 2).bbox_xyxy == ours and window.bench.shown.track_id == 2
    press(window, Qt.Key.Key_Return, qtbot)
    assert person(window, 110, 2).touched.all()
    keep_picture(window, "4-swapped")

    done = everybody(window)
    undone = turned_until_the_end(window, Qt.Key.Key_Z, CTRL, "undo", qtbot)
    assert everybody(window) == [] and undone == 16  # the prediction, ten verified runs, five edits
    assert turned_until_the_end(window, Qt.Key.Key_Z, CTRL | SHIFT, "redo", qtbot) == undone
    assert everybody(window) == done != predicted

    press(window, Qt.Key.Key_E, qtbot, CTRL)
    qtbot.waitUntil(lambda: bool(window.findChildren(ExportDialog)), timeout=PATIENCE_MS)
    dialog = window.findChildren(ExportDialog)[-1]
    qtbot.waitUntil(lambda: dialog.ready, timeout=PATIENCE_MS)  # it has read what there is to write
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(told) and told[-1].text.startswith("Exported to"), timeout=PATIENCE_MS)
    (file,) = tmp_path.glob("*posetrack18.json")
    exported = {(one.frame_index, one.track_id): one for one in annotations_of(read_posetrack18(file))}
    assert len(exported) == len(done)
    for one in done:
        _assert_is_as_exported(one, exported[one.frame_index, one.track_id])
    keep_picture(window, "5-exported")
    assert find(window, 0, 1) is not None and QApplication.activeModalWidget() is None


def _assert_is_as_exported(one: Annotation, exported: Annotation) -> None:
    there = one.visibility != Visibility.ABSENT
    assert np.array_equal(exported.visibility != Visibility.ABSENT, there)
    assert np.allclose(exported.keypoints[there], one.keypoints[there], atol=0.01)

"""The main job, by mouse and keyboard, in the real window."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.dialogs.about_dialog import AboutDialog
from app.dialogs.export_dialog import ExportDialog
from app.look.messages import Level, Message
from app.session.export import ExportReader
from app.session.model_view import REST_MS
from app.session.view_state import Layer
from app.window.main_window import MainWindow
from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.engine.client import EngineClient
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.posetrack18 import read_posetrack18
from jmpose_core.formats.table import FORMATS
from jmpose_core.project.as_document import Which
from resources import WEIGHTS
from tests.builders.hand import drag, everybody, find, on_screen, person, press
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import PATIENCE_MS, go_to, open_and_wait, predict_and_wait, settle

LEFT_WRIST = 11


def test_predict_correct_undo_redo_export_reopen(
    window: MainWindow, new_window: Callable[[], MainWindow], clip: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    predict_and_wait(window, qtbot)
    go_to(window, 40, qtbot)
    before = person(window, 40, 1)
    assert before == figure(40, 1)

    start = on_screen(window, tuple(before.keypoints[LEFT_WRIST]))
    drag(window, start, start + QPoint(30, -18), qtbot)
    moved = person(window, 40, 1)
    expected = before.keypoints[LEFT_WRIST] + np.array([30, -18]) / window.frame_view.zoom
    assert np.allclose(moved.keypoints[LEFT_WRIST], expected, atol=1.5 / window.frame_view.zoom)
    assert moved.origin[LEFT_WRIST] == Origin.CORRECTED
    assert np.count_nonzero(moved.touched) == 1
    assert window.bench.shown.joint == LEFT_WRIST

    press(window, Qt.Key.Key_Q, qtbot)
    occluded = person(window, 40, 1)
    assert occluded.visibility[LEFT_WRIST] == Visibility.OCCLUDED

    press(window, Qt.Key.Key_Z, qtbot, Qt.KeyboardModifier.ControlModifier)
    settle(window.bench.project, qtbot)
    assert person(window, 40, 1) == moved
    press(window, Qt.Key.Key_Z, qtbot, Qt.KeyboardModifier.ControlModifier)
    settle(window.bench.project, qtbot)
    assert person(window, 40, 1) == before
    press(window, Qt.Key.Key_Y, qtbot, Qt.KeyboardModifier.ControlModifier)
    settle(window.bench.project, qtbot)
    press(window, Qt.Key.Key_Y, qtbot, Qt.KeyboardModifier.ControlModifier)
    settle(window.bench.project, qtbot)
    assert person(window, 40, 1) == occluded

    people = everybody(window)
    project = window.bench.project.path
    video = window.bench.view_state.video
    assert project is not None and video is not None
    out = tmp_path / "out.json"
    counts = ExportReader(project, video).write(out, FORMATS[0], scores=True, which=Which.ALL)
    assert counts.summary.people == len(people) == 460
    exported = annotations_of(read_posetrack18(out))
    for one, other in zip(people, exported, strict=True):
        assert (one.frame_index, one.track_id) == (other.frame_index, other.track_id)
        assert np.array_equal(one.keypoints, other.keypoints)
        assert np.array_equal(one.visibility, other.visibility)

    window.close()
    again = new_window()
    open_and_wait(again, project, qtbot)
    assert everybody(again) == people
    again.bench.project.undo()
    settle(again.bench.project, qtbot)
    assert person(again, 40, 1) == moved


def test_export_by_the_dialog(window: MainWindow, told: list[Message], qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    project, video = window.bench.project.path, window.bench.view_state.video
    assert project is not None and video is not None
    dialog = ExportDialog(project, video, window.bench.background, window.bench.messages, window)
    dialog.accept()
    qtbot.waitUntil(lambda: "460 people in 230 frames" in told[-1].text, timeout=PATIENCE_MS)
    assert len(annotations_of(read_posetrack18(project.with_name("walk-posetrack18.json")))) == 460


def test_an_edit_reads_its_frame_once_for_all_parts_of_the_window(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, LEFT_WRIST)
    read: list[int] = []
    people = window.bench.project.people

    def counted(video_id: int, frame_index: int) -> list[Annotation]:
        read.append(frame_index)
        return people(video_id, frame_index)

    monkeypatch.setattr(window.bench.project, "people", counted)
    press(window, Qt.Key.Key_Q, qtbot)
    assert read == [0]
    assert "occluded corrected" in window.status.place
    (drawn,) = [one for one in window.frame_view.people if one.track_id == 1]
    assert drawn.visibility[LEFT_WRIST] == Visibility.OCCLUDED
    window.bench.view_state.set_frame(1)
    assert read == [0, 1]


def test_prediction_is_one_undo_step(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    assert len(everybody(window)) == 460
    window.actions_by_name["undo"].trigger()
    settle(window.bench.project, qtbot)
    assert everybody(window) == []
    assert not window.actions_by_name["undo"].isEnabled()
    window.actions_by_name["redo"].trigger()
    settle(window.bench.project, qtbot)
    assert len(everybody(window)) == 460


def test_predicting_again_keeps_corrections(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, LEFT_WRIST)
    window.bench.editor.place_joint(10.0, 20.0)
    predict_and_wait(window, qtbot)
    assert tuple(person(window, 0, 1).keypoints[LEFT_WRIST]) == (10.0, 20.0)
    assert {one.track_id for one in everybody(window)} == {1, 2}


def test_a_limb_is_dragged_only_with_shift(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    before = person(window, 0, 1)
    middle = on_screen(window, tuple((before.keypoints[0] + before.keypoints[1]) / 2))
    drag(window, middle, middle + QPoint(25, 10), qtbot)
    assert person(window, 0, 1) == before
    middle = on_screen(window, tuple((before.keypoints[0] + before.keypoints[1]) / 2))
    drag(window, middle, middle + QPoint(25, 10), qtbot, shift=True)
    shift = person(window, 0, 1).keypoints - before.keypoints
    assert np.allclose(shift, np.array([25, 10]) / window.frame_view.zoom, atol=1.5 / window.frame_view.zoom)


def test_a_correction_travels_to_the_frames_around_and_comes_back_with_one_undo(
    window: MainWindow, qtbot: QtBot
) -> None:
    predict_and_wait(window, qtbot)
    before = everybody(window)
    window.bench.shown.select(1, LEFT_WRIST)
    x, y = person(window, 0, 1).keypoints[LEFT_WRIST]
    told_frames: list[frozenset[int]] = []
    window.bench.project.people_changed.connect(lambda _, frames: told_frames.append(frames))
    window.bench.editor.place_joint(x + 30, y)
    beside = person(window, 1, 1)
    assert beside.origin[LEFT_WRIST] == Origin.PROPAGATED and np.count_nonzero(beside.origin != Origin.PREDICTED) == 1
    assert 10 < beside.keypoints[LEFT_WRIST][0] - figure(1, 1).keypoints[LEFT_WRIST][0] < 30
    assert {0, 1, 2} <= told_frames[0]  # all parts of the window show them
    window.bench.view_state.set_frame(1)
    (drawn,) = [one for one in window.frame_view.people if one.track_id == 1]
    assert drawn == beside
    window.bench.project.undo()
    settle(window.bench.project, qtbot)
    assert everybody(window) == before


def test_escape_gives_up_a_drag(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    before = person(window, 0, 1)
    start = on_screen(window, tuple(before.keypoints[LEFT_WRIST]))
    viewport = window.frame_view.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(viewport, start + QPoint(40, 40))
    press(window, Qt.Key.Key_Escape, qtbot)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=start + QPoint(40, 40))
    assert person(window, 0, 1) == before
    assert window.bench.project.undo_text == "Predict people"


def test_draw_a_box_to_add_a_person_and_delete_it(window: MainWindow, qtbot: QtBot) -> None:
    press(window, Qt.Key.Key_N, qtbot)
    with qtbot.waitSignal(window.bench.predictions.written, timeout=PATIENCE_MS):
        drag(window, on_screen(window, (900, 200)), on_screen(window, (1040, 560)), qtbot)
    added = window.bench.shown.track_id
    assert added == 1
    assert {one.track_id for one in everybody(window) if one.frame_index == 0} >= {1}
    press(window, Qt.Key.Key_Delete, qtbot)
    assert find(window, 0, added) is None
    window.bench.project.undo()
    settle(window.bench.project, qtbot)
    assert find(window, 0, added) is not None


def test_verify_swap_and_track(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(2)
    press(window, Qt.Key.Key_Return, qtbot)
    assert (person(window, 0, 2).origin == Origin.VERIFIED).all()
    press(window, Qt.Key.Key_X, qtbot)
    assert np.array_equal(person(window, 0, 2).keypoints[0], figure(0, 2).keypoints[5])
    window.bench.track_editor.set_track(7, 0, 10)
    assert find(window, 9, 7) is not None
    assert find(window, 10, 7) is None
    assert window.bench.shown.track_id == 7


def test_keys_move_through_frames_people_and_joints(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    state, shown, control = window.bench.view_state, window.bench.shown, Qt.KeyboardModifier.ControlModifier
    press(window, Qt.Key.Key_D, qtbot)
    press(window, Qt.Key.Key_Right, qtbot, control)
    assert state.frame_index == 11
    press(window, Qt.Key.Key_A, qtbot)
    assert state.frame_index == 10
    press(window, Qt.Key.Key_Tab, qtbot)
    press(window, Qt.Key.Key_Tab, qtbot)
    press(window, Qt.Key.Key_S, qtbot)
    assert (shown.track_id, shown.joint) == (2, 0)
    press(window, Qt.Key.Key_E, qtbot)
    assert (state.frame_index, shown.track_id, shown.joint) == (10, 2, 6)
    press(window, Qt.Key.Key_E, qtbot)
    assert (state.frame_index, shown.track_id, shown.joint) == (11, 1, 6)
    assert "frame 12/230" in window.status.place and "right wrist 0.20 predicted" in window.status.place


def test_inspector_follows_the_selection_and_shares_the_cursor(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    with qtbot.waitSignal(window.bench.inference.probed, timeout=PATIENCE_MS):
        window.bench.shown.select(1, LEFT_WRIST)
    assert window.inspector.probe is not None
    window.bench.view_state.set_layer(Layer.REFINED)
    assert window.frame_view.overlay_shown
    window.inspector.show_image_cursor((370.0, 380.0))
    assert "refined" in window.inspector.values_text
    window.bench.shown.select(None)
    assert window.inspector.probe is None
    assert not window.frame_view.overlay_shown


def test_the_engine_is_asked_for_panels_when_playing_pauses_and_not_before(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_and_wait(window, qtbot)
    bench = window.bench
    asked: list[int] = []
    monkeypatch.setattr(bench.inference, "probe", lambda _path, person, _weights: asked.append(person.frame_index))
    bench.playback.play()
    bench.shown.select(1)
    qtbot.wait(3 * REST_MS)
    assert asked == []
    bench.playback.pause()
    qtbot.waitUntil(lambda: asked == [bench.view_state.frame_index])


def test_play_moves_on_and_pauses(window: MainWindow, qtbot: QtBot) -> None:
    press(window, Qt.Key.Key_P, qtbot)
    qtbot.waitUntil(lambda: window.bench.view_state.frame_index > 3, timeout=PATIENCE_MS)
    press(window, Qt.Key.Key_P, qtbot)
    assert not window.bench.playback.playing
    stopped = window.bench.view_state.frame_index
    qtbot.waitUntil(lambda: window.frame_view.frame_index == stopped, timeout=PATIENCE_MS)


def test_the_engine_is_killed_and_the_prediction_goes_on(
    window: MainWindow, told: list[Message], tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = window.bench
    monkeypatch.setenv("STAND_IN_PID_FILE", str(tmp_path / "pid"))
    monkeypatch.setenv("STAND_IN_FRAME_SECS", "0.01")
    bench.inference.stop()
    with qtbot.waitSignal(bench.inference.people_found, timeout=PATIENCE_MS):
        window.actions_by_name["predict"].trigger()
    monkeypatch.setenv("STAND_IN_FRAME_SECS", "0")
    with qtbot.waitSignal(bench.predictions.written, timeout=PATIENCE_MS):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert any(m.level is Level.ERROR and "was restarted" in m.text and "Nothing is lost" in m.text for m in told)
    assert len(everybody(window)) == 460
    assert "restarted" in window.central_area.banner.text or "done" in window.central_area.banner.text


def test_cancel_keeps_what_is_done(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = window.bench
    monkeypatch.setenv("STAND_IN_FRAME_SECS", "0.02")
    bench.inference.stop()
    with qtbot.waitSignal(bench.inference.people_found, timeout=PATIENCE_MS):
        window.actions_by_name["predict"].trigger()
    assert window.actions_by_name["cancel"].isEnabled()
    with qtbot.waitSignal(bench.predictions.written, timeout=PATIENCE_MS):
        window.actions_by_name["cancel"].trigger()
    assert 0 < len(everybody(window)) < 460
    assert window.bench.project.undo_text == "Predict people"


def test_a_correction_during_a_prediction_stays(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, project = window.bench, window.bench.project
    monkeypatch.setenv("STAND_IN_FRAME_SECS", "0.01")
    bench.inference.stop()
    with qtbot.waitSignal(bench.predictions.written, timeout=PATIENCE_MS):
        window.actions_by_name["predict"].trigger()
        qtbot.waitUntil(lambda: bool(bench.shown.people(0)), timeout=PATIENCE_MS)
        window.bench.shown.select(1, LEFT_WRIST)
        window.bench.editor.place_joint(5.0, 6.0)
    assert tuple(person(window, 0, 1).keypoints[LEFT_WRIST]) == (5.0, 6.0)
    assert len(everybody(window)) == 460
    project.undo()
    project.undo()
    settle(project, qtbot)
    assert tuple(person(window, 0, 1).keypoints[LEFT_WRIST]) == tuple(figure(0, 1).keypoints[LEFT_WRIST])


def test_what_cannot_be_opened_is_told_and_nothing_is_left(
    new_window: Callable[[], MainWindow], tmp_path: Path, told: list[Message], qtbot: QtBot
) -> None:
    window = new_window()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    with qtbot.waitSignal(window.bench.failed_to_open, timeout=PATIENCE_MS):
        window.bench.open(broken)
    assert told[-1].level is Level.ERROR and "broken.mp4" in told[-1].text
    assert not list(tmp_path.glob("*.jmpose*"))
    assert window.bench.view_state.video is None


BUNDLED = {path.stem for path in WEIGHTS.glob("*.safetensors")}


@pytest.mark.slow
@pytest.mark.skipif(not {"detector", "jmpose_lite"} <= BUNDLED, reason="the weights are not bundled")
def test_the_real_engine_fills_the_first_frames(
    new_window: Callable[..., MainWindow], clip: Path, tmp_path: Path, told: list[Message], qtbot: QtBot
) -> None:
    window = new_window(EngineClient(lambda _reply: None, log_path=tmp_path / "real-engine.log"))
    open_and_wait(window, clip, qtbot)
    project = window.bench.project
    with qtbot.waitSignal(window.bench.predictions.written, timeout=10 * PATIENCE_MS):
        window.bench.predict(0, 8)
    assert [message.text for message in told] == ["Prediction done."]
    people = list(project.people_between(1, 0, 8))
    assert {one.frame_index for one in people} == set(range(8))
    assert all(one.confidence.mean() > 0.1 and one.source for one in people)
    with qtbot.waitSignal(window.bench.inference.probed, timeout=10 * PATIENCE_MS):
        window.bench.shown.select(people[0].track_id)
    assert window.inspector.probe is not None


def test_about_names_every_package_with_its_licence_and_is_copied(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_by_name["about"].trigger()
    dialog = window.findChild(AboutDialog)
    assert isinstance(dialog, AboutDialog) and dialog.isVisible()
    lines = {line.split()[0]: line for line in dialog.text.toPlainText().splitlines() if line}
    for name in ("torch", "numpy", "PySide6-Essentials", "opencv-python-headless", "pycocotools"):
        assert re.fullmatch(r"\S+ +\d\S* +\S.*", lines[name]), name
        assert "see its own" not in lines[name]
    copy = next(button for button in dialog.findChildren(QPushButton) if button.text() == "Copy")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == dialog.text.toPlainText()
    dialog.close()

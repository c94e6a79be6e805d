"""What the model saw serves the hand: peaks to snap to, labels that travel, and joints placed one after another."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.look.messages import Message
from app.window.main_window import MainWindow
from jmpose_core.annotations import Visibility
from jmpose_core.engine.protocol import Predict
from jmpose_core.skeleton import NUM_JOINTS
from tests.builders.hand import drag, everybody, on_screen, person, press
from tests.builders.waiting import PATIENCE_MS, go_to, predict_and_wait

LEFT_WRIST, RIGHT_WRIST = 11, 6


def test_a_correction_is_carried_along_the_flow_that_the_engine_saw(window: MainWindow, qtbot: QtBot) -> None:
    """A wrist that the model does not see, put far from where it is predicted, follows the picture's motion."""
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, RIGHT_WRIST)  # the stand-in's unsure joint
    x, y = person(window, 0, 1).keypoints[RIGHT_WRIST]
    window.bench.editor.place_joint(x + 30, y - 90)
    assert np.allclose(person(window, 1, 1).keypoints[RIGHT_WRIST], (x + 31, y - 90), atol=0.5)


def test_a_person_is_drawn_by_seventeen_actions(window: MainWindow, qtbot: QtBot) -> None:
    """A key, a box, and a click a joint; with Shift the joint is occluded."""
    actions = 2
    press(window, Qt.Key.Key_N, qtbot)
    with qtbot.waitSignal(window.bench.predictions.written, timeout=PATIENCE_MS):
        drag(window, on_screen(window, (300, 200)), on_screen(window, (500, 600)), qtbot)
    (drawn,) = window.frame_view.people
    wanted = [on_screen(window, (310 + 12 * joint, 220 + 25 * (joint % 15))) for joint in range(NUM_JOINTS)]
    for joint, place in enumerate(wanted):
        keys = Qt.KeyboardModifier.ControlModifier
        keys |= Qt.KeyboardModifier.ShiftModifier if joint == 4 else Qt.KeyboardModifier.NoModifier
        qtbot.mouseClick(window.frame_view.viewport(), Qt.MouseButton.LeftButton, keys, place)
        actions += 1
    after = person(window, 0, drawn.track_id)
    assert actions == 17 and after.touched.all() and window.bench.shown.joint is None
    assert [on_screen(window, tuple(xy)) for xy in after.keypoints.tolist()] == wanted
    assert np.flatnonzero(after.visibility == Visibility.OCCLUDED).tolist() == [4]


def test_g_takes_the_peaks_of_the_model_one_after_another(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    predicted = person(window, 0, 1)
    window.bench.shown.select(1, LEFT_WRIST)
    window.bench.editor.place_joint(*(predicted.keypoints[LEFT_WRIST] + 25).tolist())
    qtbot.mouseMove(window.frame_view.viewport(), on_screen(window, tuple(predicted.keypoints[LEFT_WRIST] + 20)))
    press(window, Qt.Key.Key_G, qtbot)
    assert np.allclose(person(window, 0, 1).keypoints[LEFT_WRIST], predicted.keypoints[LEFT_WRIST], atol=1)
    press(window, Qt.Key.Key_G, qtbot)
    there = person(window, 0, 1).keypoints[LEFT_WRIST]
    assert np.allclose(there, predicted.keypoints[RIGHT_WRIST], atol=1)  # the other side's peak is next
    assert window.bench.project.undo_text == "Place left wrist"


def test_g_says_so_where_the_model_kept_nothing(
    window: MainWindow, told: list[Message], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_and_wait(window, qtbot)
    before = everybody(window)
    window.bench.shown.select(1, LEFT_WRIST)
    monkeypatch.setattr(window.bench.project, "peaks", lambda *_place: None)
    press(window, Qt.Key.Key_G, qtbot)
    assert "predict this frame first" in told[-1].text and everybody(window) == before


def test_the_network_refines_the_selected_person_by_its_labels_alone(
    window: MainWindow, told: list[Message], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, LEFT_WRIST)
    press(window, Qt.Key.Key_R, qtbot, Qt.KeyboardModifier.ControlModifier)
    assert "there is nothing to tell the network" in told[-1].text and not window.bench.predictions.running
    go_to(window, 50, qtbot)
    window.bench.editor.place_joint(*(person(window, 50, 1).keypoints[LEFT_WRIST] + 9).tolist())
    before = everybody(window)
    asked: list[Predict] = []
    predict = window.bench.inference.predict
    monkeypatch.setattr(window.bench.inference, "predict", lambda request: asked.append(request) or predict(request))
    with qtbot.waitSignal(window.bench.predictions.written, timeout=PATIENCE_MS):
        press(window, Qt.Key.Key_R, qtbot, Qt.KeyboardModifier.ControlModifier)
    (request,) = asked
    assert request.boxes is not None and set(request.boxes[1]) == set(range(38, 63)) and not request.evidence
    x, y, weight = request.labels[1][50][LEFT_WRIST]
    assert (x, y) == pytest.approx(person(window, 50, 1).keypoints[LEFT_WRIST]) and weight == 1
    assert everybody(window) == before  # the stand-in says the same again, and labels and fill stay
    assert window.bench.project.undo_text is not None

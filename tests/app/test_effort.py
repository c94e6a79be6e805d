"""What the annotator's hands do is counted in the real window, and shown in the Statistics dock."""

import csv
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from app.evaluation.statistics_table import TallyModel, duration, share
from app.look.messages import Message
from app.session.effort_recorder import IDLE_SECS, WRITE_MS
from app.window.main_window import MainWindow
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project
from jmpose_core.project.effort import Place, SpentEffort
from jmpose_core.project.statistics import Tally
from tests.builders.killed_window import killed_after_its_word
from tests.builders.waiting import PATIENCE_MS, predict_and_wait, settle

LEFT = Qt.MouseButton.LeftButton


class Clock:
    def __init__(self, window: MainWindow) -> None:
        self.now = 100.0
        window.bench.effort._clock = lambda: self.now


def spent(window: MainWindow, qtbot: QtBot) -> dict[Place, SpentEffort]:
    window.bench.effort.write()
    settle(window.bench.project, qtbot)
    path = window.bench.project.path
    assert path is not None
    with Project.open(path, read_only=True) as project:
        return project.effort(1)


def on_joint(window: MainWindow, joint: int) -> QPoint:
    person = window.frame_view.people[0]
    return window.frame_view.mapFromScene(QPointF(*person.keypoints[joint].tolist()))


@pytest.fixture
def predicted(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """Predicted, with person 1 selected and nothing counted yet."""
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1, 0)
    window.bench.effort._begin_anew()
    return window


def test_a_drag_is_one_action_with_its_way_whatever_lies_between(predicted: MainWindow, qtbot: QtBot) -> None:
    viewport, start = predicted.frame_view.viewport(), on_joint(predicted, 0)
    qtbot.mousePress(viewport, LEFT, pos=start)
    qtbot.mouseMove(viewport, start + QPoint(30, 0))
    qtbot.mouseMove(viewport, start + QPoint(30, 40))
    qtbot.mouseRelease(viewport, LEFT, pos=start + QPoint(30, 40))
    one = spent(predicted, qtbot)[Place(1, 0, 1)]
    assert (one.pointer_actions, one.keys) == (1, 0)
    assert one.pixels == pytest.approx(70, abs=2)


def test_keys_count_once_for_the_frame_they_were_pressed_in(predicted: MainWindow, qtbot: QtBot) -> None:
    predicted.frame_view.setFocus()
    for key in (Qt.Key.Key_Q, Qt.Key.Key_D, Qt.Key.Key_Return):
        qtbot.keyClick(predicted.frame_view, key)
    qtbot.keyClick(predicted.frame_view, Qt.Key.Key_Shift)
    assert predicted.bench.view_state.frame_index == 1
    found = spent(predicted, qtbot)
    assert {place: one.keys for place, one in found.items() if one.keys} == {Place(1, 0, 1): 2, Place(1, 1, 1): 1}


def test_breaks_do_not_count(predicted: MainWindow, qtbot: QtBot) -> None:
    clock = Clock(predicted)
    predicted.frame_view.setFocus()
    for pause in (0.0, 2.0, IDLE_SECS + 1, 3.0):
        clock.now += pause
        qtbot.keyClick(predicted.frame_view, Qt.Key.Key_Q)
    assert spent(predicted, qtbot)[Place(1, 0, 1)].seconds == pytest.approx(5.0)


def test_undo_gives_no_effort_back_and_effort_makes_no_step(predicted: MainWindow, qtbot: QtBot) -> None:
    predicted.frame_view.setFocus()
    qtbot.keyClick(predicted.frame_view, Qt.Key.Key_Q)
    before = spent(predicted, qtbot)[Place(1, 0, 1)]
    undo_text = predicted.bench.project.undo_text
    assert undo_text is not None and "occluded" in undo_text
    predicted.bench.project.undo()
    settle(predicted.bench.project, qtbot)
    assert spent(predicted, qtbot)[Place(1, 0, 1)].keys >= before.keys


def test_effort_is_written_without_being_asked_for_and_at_closing(predicted: MainWindow, qtbot: QtBot) -> None:
    path = predicted.bench.project.path
    assert path is not None
    with qtbot.waitSignal(predicted.bench.effort.written, timeout=PATIENCE_MS + WRITE_MS):
        qtbot.keyClick(predicted.frame_view, Qt.Key.Key_Q)
    qtbot.keyClick(predicted.frame_view, Qt.Key.Key_Q)
    predicted.bench.close_project()
    with Project.open(path) as project:
        assert project.effort(1)[Place(1, 0, 1)].keys == 2


def test_effort_that_cannot_be_written_is_told_once_and_written_later(
    predicted: MainWindow, told: list[Message], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.clear()

    def full(_project: Project, _spent: object) -> None:
        raise ProjectError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Project, "add_effort", full)
        for _ in range(2):
            qtbot.keyClick(predicted.frame_view, Qt.Key.Key_F5)  # does nothing, and is a key
            predicted.bench.effort.write()
            settle(predicted.bench.project, qtbot)
    assert [message.text for message in told] == ["the disk is full"]
    assert sum(one.keys for one in spent(predicted, qtbot).values()) == 2


def test_a_killed_window_keeps_the_effort_that_was_written(clip: Path) -> None:
    assert killed_after_its_word(clip, "--press") == "written\n"
    with Project.open(clip.with_suffix(".jmpose")) as project:
        assert sum(one.keys for one in project.effort(1).values()) == 1


def test_the_dock_shows_what_was_spent_and_goes_there(predicted: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    panel = predicted.statistics
    with qtbot.waitSignal(predicted.bench.statistics.counted, timeout=PATIENCE_MS):
        predicted.actions_by_name["statistics"].trigger()
    assert "0 clicks and drags" in panel.summary.text and "100 % predicted" in panel.summary.text
    predicted.frame_view.setFocus()
    with qtbot.waitSignal(predicted.bench.effort.written, timeout=PATIENCE_MS):
        qtbot.keyClick(predicted.frame_view, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "1 key" in panel.summary.text, timeout=PATIENCE_MS)
    assert "1 of " in panel.summary.text.split("Touched")[1]
    panel.tabs.setCurrentWidget(panel.frame_table)
    row = panel.frame_table.visualRect(panel.frames.index(3, 0)).center()
    qtbot.mouseClick(panel.frame_table.viewport(), LEFT, pos=row)
    assert predicted.bench.view_state.frame_index == panel.frames.key(3)
    panel.export(tmp_path / "frames.csv")
    first = next(csv.DictReader((tmp_path / "frames.csv").read_text().splitlines()))
    assert (first["frame"], first["keys"]) == ("1", "1")


def test_nothing_is_counted_while_the_dock_is_hidden(predicted: MainWindow, qtbot: QtBot) -> None:
    told: list[object] = []
    predicted.bench.statistics.counted.connect(told.append)
    predicted.bench.editor.verify_person()
    spent(predicted, qtbot)
    qtbot.wait(700)
    assert told == []


def test_the_table_is_a_sound_model(qtmodeltester: ModelTester) -> None:
    model = TallyModel("Frame", str)
    qtmodeltester.check(model)
    model.set_tallies({3: Tally(SpentEffort(1, 2, 3.0, 4.0), 5, 3, 1), 4: Tally()})
    qtmodeltester.check(model)
    model.set_tallies({3: Tally(SpentEffort(2, 2, 3.0, 65.0), 5, 3, 1), 4: Tally()})
    assert [model.data(model.index(0, column)) for column in range(7)] == ["3", "2", "2", "3", "1:05", "60 %", "20 %"]
    assert model.data(model.index(1, 5)) == "–"


def test_shares_say_all_and_none_only_of_all_and_none() -> None:
    assert [share(part, 1000) for part in (0, 1, 999, 1000)] == ["0 %", "<1 %", "99 %", "100 %"]
    assert (duration(7199.6), duration(59.4)) == ("2:00:00", "0:59")

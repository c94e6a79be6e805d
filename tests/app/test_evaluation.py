"""Predictions measured in the window: what was corrected, as figures, bars and worst frames."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from app.evaluation.joint_bars import ORDER, JointBars
from app.evaluation.tables import COLUMNS, FigureModel, WorstModel
from app.look.theme import ThemeMode
from app.window.main_window import MainWindow
from jmpose_core.annotations import Visibility
from jmpose_core.evaluation.report import FigureRow
from jmpose_core.evaluation.worst import JointError, Outcome
from jmpose_core.skeleton import JOINTS
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import PATIENCE_MS, go_to, open_and_wait, predict_and_wait, settle

LEFT_WRIST = JOINTS.index("left_wrist")
ROW = FigureRow("ap", "AP", dict.fromkeys(COLUMNS[:-1], 50.0), dict.fromkeys(JOINTS, 50.0), float("nan"))


def correct_some(window: MainWindow, qtbot: QtBot) -> None:
    """Frames 10 to 13 of person 1 verified; its left wrist is 90 pixels off in frame 12, and 40 in frame 11."""
    predict_and_wait(window, qtbot)
    for frame_index, pixels in ((10, 0.0), (11, 40.0), (12, 90.0), (13, 0.0)):
        go_to(window, frame_index, qtbot)
        window.bench.shown.select(1, LEFT_WRIST)
        window.bench.editor.verify_person()
        if pixels:
            x, y = figure(frame_index, 1).keypoints[LEFT_WRIST]
            window.bench.editor.place_joint(float(x) + pixels, float(y))


def evaluate_and_wait(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.bench.evaluation.measured, timeout=PATIENCE_MS):
        window.actions_by_name["evaluate"].trigger()


def cell(window: MainWindow, title: str, column: str) -> str:
    model = window.evaluation.figures
    rows = [model.headerData(row, Qt.Orientation.Vertical) for row in range(model.rowCount())]
    return model.data(model.index(rows.index(title), COLUMNS.index(column)))


def choose(window: MainWindow, title: str, column: str, qtbot: QtBot) -> None:
    """A click on a cell."""
    table, model = window.evaluation.figure_table, window.evaluation.figures
    rows = [model.headerData(row, Qt.Orientation.Vertical) for row in range(model.rowCount())]
    place = table.visualRect(model.index(rows.index(title), COLUMNS.index(column))).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def worst_rows(window: MainWindow) -> list[tuple[str, ...]]:
    model = window.evaluation.worst
    return [tuple(model.data(model.index(row, column)) for column in range(4)) for row in range(model.rowCount())]


def test_nothing_corrected_says_so_and_how_to_begin(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    evaluate_and_wait(window, qtbot)
    assert window.evaluation_dock.isVisible()
    assert window.evaluation.note.startswith("Nothing to measure yet")
    assert "Enter to verify" in window.evaluation.note and "Import" in window.evaluation.note
    assert not window.evaluation.figure_table.isVisible()


def test_labels_without_predictions_ask_for_them(window: MainWindow, qtbot: QtBot) -> None:
    window.bench.project.put(1, figure(0, 1).with_joint(0, visibility=Visibility.OCCLUDED), "By hand")
    window.bench.project.undo()
    settle(window.bench.project, qtbot)
    evaluate_and_wait(window, qtbot)
    assert window.evaluation.note.startswith("Nothing to measure yet")
    window.bench.project.redo()
    settle(window.bench.project, qtbot)
    evaluate_and_wait(window, qtbot)
    assert window.evaluation.note.startswith("There are labels, but no predictions")


def test_figures_of_what_was_corrected_and_a_click_to_the_worst_frame(window: MainWindow, qtbot: QtBot) -> None:
    correct_some(window, qtbot)
    evaluate_and_wait(window, qtbot)
    assert window.evaluation.note.startswith("4 people in 4 frames of 230")
    assert cell(window, "PCKh@0.5", "Wrist") == "75.0" and cell(window, "PCKh@0.5", "Ankle") == "100.0"
    assert cell(window, "AP recall", "Mean") == f"{100 * 58 / 60:.1f}"
    go_to(window, 0, qtbot)
    choose(window, "AP recall", "Wrist", qtbot)
    assert worst_rows(window) == [("13", "1", "left wrist", "too far"), ("12", "1", "left wrist", "too far")]
    window.evaluation.worst_table.selectRow(1)
    state = window.bench.view_state
    assert (state.frame_index, window.bench.shown.track_id, window.bench.shown.joint) == (11, 1, LEFT_WRIST)
    window.evaluation.worst_table.selectRow(0)
    assert state.frame_index == 12
    choose(window, "AP recall", "Ankle", qtbot)
    assert worst_rows(window) == []


def test_a_bar_asks_for_its_joint_alone(window: MainWindow, qtbot: QtBot) -> None:
    correct_some(window, qtbot)
    evaluate_and_wait(window, qtbot)
    choose(window, "PCKh@0.5", "Mean", qtbot)
    assert len(worst_rows(window)) == 60
    bars = window.evaluation.bars
    place = bars.getViewBox().mapViewToScene(QPointF(20.0, float(ORDER.index("left_wrist"))))
    qtbot.mouseClick(bars.viewport(), Qt.MouseButton.LeftButton, pos=bars.mapFromScene(place))
    qtbot.waitUntil(lambda: len(worst_rows(window)) == 4, timeout=PATIENCE_MS)
    assert {row[2] for row in worst_rows(window)} == {"left wrist"}


def test_an_edit_says_that_the_figures_are_old_and_measuring_again_renews_them(
    window: MainWindow, qtbot: QtBot
) -> None:
    correct_some(window, qtbot)
    evaluate_and_wait(window, qtbot)
    go_to(window, 20, qtbot)
    window.bench.shown.select(1)
    window.bench.editor.verify_person()
    assert window.evaluation.note.startswith("Changed since it was measured. 4 people")
    evaluate_and_wait(window, qtbot)
    assert window.evaluation.note.startswith("5 people in 5 frames")


def test_one_frame_has_figures_but_for_tracking(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.shown.select(1)
    window.bench.editor.verify_person()
    evaluate_and_wait(window, qtbot)
    titles = [
        window.evaluation.figures.headerData(row, Qt.Orientation.Vertical)
        for row in range(window.evaluation.figures.rowCount())
    ]
    assert "MOTA" not in titles and "HOTA" in titles and "PCKh@0.5" in titles


def test_another_video_forgets_the_figures(window: MainWindow, clip: Path, qtbot: QtBot) -> None:
    correct_some(window, qtbot)
    evaluate_and_wait(window, qtbot)
    window.bench.close_project()
    assert not window.evaluation_dock.isVisible() and window.evaluation.note == ""
    open_and_wait(window, clip, qtbot)
    assert not window.evaluation_dock.isVisible()


def test_the_models(qtmodeltester: ModelTester, qapp: object) -> None:
    figures, worst = FigureModel(), WorstModel()
    figures.set_rows([ROW])
    qtmodeltester.check(figures, force_py=True)
    assert [figures.data(figures.index(0, column)) for column in (0, len(COLUMNS) - 1)] == ["50.0", "–"]
    wrists = figures.joints(figures.index(0, COLUMNS.index("Wrist")))
    assert set(wrists) == {LEFT_WRIST, JOINTS.index("right_wrist")}
    worst.set_rows([JointError(4, 2, LEFT_WRIST, Outcome.MISSED, float("inf"), float("inf"))])
    qtmodeltester.check(worst, force_py=True)
    assert [worst.data(worst.index(0, column)) for column in range(6)] == ["5", "2", "left wrist", "missed", "–", "–"]


@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
def test_the_bars_take_the_themes_colours(window: MainWindow, mode: ThemeMode, qtbot: QtBot) -> None:
    bars = JointBars()
    qtbot.addWidget(bars)
    bars.show_figure({**dict.fromkeys(JOINTS, 40.0), "nose": float("nan"), "left_hip": -30.0}, [LEFT_WRIST])
    window.theme.set_mode(mode)
    assert bars.backgroundBrush().color() == bars.palette().base().color()
    window.theme.set_mode(ThemeMode.SYSTEM)
    assert np.isclose(bars.viewRange()[0][0], -30.0)

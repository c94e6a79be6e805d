"""Choosing the pose network, and a network without flow in the panels."""

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.dialogs.system_dialog import SystemDialog
from app.session.view_state import Layer
from app.window.main_window import MainWindow
from tests.builders.waiting import PATIENCE_MS, predict_and_wait


def dialog_of(window: MainWindow) -> SystemDialog:
    window.actions_by_name["system"].trigger()
    found = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, SystemDialog)]
    assert len(found) == 1
    return found[0]


def test_another_network_is_chosen_and_the_panels_follow(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    with qtbot.waitSignal(window.bench.inference.probed, timeout=PATIENCE_MS):
        window.bench.shown.select(1, 3)
    dialog = dialog_of(window)
    names = [dialog.list.item(row).text().splitlines()[0] for row in range(dialog.list.count())]
    assert names == ["flowless", "stand-in", "jmpose_lite"]
    assert dialog.list.currentRow() == 2
    dialog.list.setCurrentRow(0)
    with qtbot.waitSignal(window.bench.inference.probed, timeout=PATIENCE_MS):
        dialog.accept()
    assert window.settings.weights == "flowless"
    assert window.inspector.probe is not None and window.inspector.probe.flow is None
    window.inspector.show_image_cursor((370.0, 380.0))
    assert "flow" not in window.inspector.values_text
    window.bench.view_state.set_layer(Layer.FLOW)
    assert not window.frame_view.overlay_shown
    window.bench.view_state.set_layer(Layer.REFINED)
    assert window.frame_view.overlay_shown


def test_a_weights_file_joins_the_list(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "app.dialogs.system_dialog.QFileDialog.getOpenFileName", lambda *_: ("/data/mine.safetensors", "Weights")
    )
    dialog = dialog_of(window)
    dialog._browse()
    dialog.accept()
    assert window.settings.weights == "/data/mine.safetensors"
    assert dialog.list.currentItem().text() == "mine\n/data"


def test_calling_it_off_changes_nothing(window: MainWindow, qtbot: QtBot) -> None:
    dialog = dialog_of(window)
    dialog.list.setCurrentRow(0)
    dialog.reject()
    assert window.settings.weights == "jmpose_lite"

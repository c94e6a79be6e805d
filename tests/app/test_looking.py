"""How the picture is looked at: in another light, and with ghosts of the frames around."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from app.look.light import MOST, Light, lit
from app.picture.ghost_item import GhostItem
from app.window.main_window import MainWindow
from tests.builders.hand import on_screen, press
from tests.builders.waiting import go_to, predict_and_wait, settle

ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
steps = st.integers(-MOST, MOST)


@given(steps, steps)
def test_levels_keep_their_order_and_brightness_keeps_black_and_white(brightness: int, contrast: int) -> None:
    levels = Light(brightness, contrast).levels().astype(int)
    assert (np.diff(levels) >= 0).all()
    assert Light(brightness).levels()[[0, 255]].tolist() == [0, 255]
    assert Light().levels().tolist() == list(range(256))


def test_a_picture_is_changed_in_its_three_colours_and_its_original_is_not() -> None:
    image = QImage(5, 3, QImage.Format.Format_RGB32)
    image.fill(QColor(64, 128, 200))
    levels = Light(2, 1).levels()
    assert lit(image, Light(2, 1)).pixelColor(4, 2) == QColor(*(int(levels[level]) for level in (64, 128, 200)))
    assert image.pixelColor(4, 2) == QColor(64, 128, 200) and lit(image, Light()) == image


def grey(window: MainWindow, xy: tuple[float, float]) -> int:
    """What is on the screen at a place of the picture."""
    return window.frame_view.grab().toImage().pixelColor(on_screen(window, xy)).lightness()


def test_keys_make_the_picture_brighter_and_as_it_is(window: MainWindow, qtbot: QtBot) -> None:
    place = (900.0, 600.0)
    before = grey(window, place)
    for _ in range(MOST + 2):  # further than it goes
        press(window, Qt.Key.Key_Up, qtbot, ALT)
    assert window.bench.view_state.light == Light(MOST) and grey(window, place) > before + 20
    go_to(window, 1, qtbot)
    assert grey(window, place) > before + 20  # other frames, too
    press(window, Qt.Key.Key_0, qtbot, ALT)
    go_to(window, 0, qtbot)
    assert grey(window, place) == before


@pytest.fixture
def ghosts(window: MainWindow, qtbot: QtBot) -> GhostItem:
    predict_and_wait(window, qtbot)
    settle(window.bench.project, qtbot)
    return next(item for item in window.frame_view.scene().items() if isinstance(item, GhostItem))


def distances(item: GhostItem) -> list[tuple[int, int]]:
    return [(distance, pose.track_id) for distance, pose in item.poses]


def test_ghosts_are_of_the_selected_person_in_the_frames_around(
    window: MainWindow, ghosts: GhostItem, qtbot: QtBot
) -> None:
    go_to(window, 50, qtbot)
    window.bench.shown.select(2)
    assert distances(ghosts) == []
    press(window, Qt.Key.Key_G, qtbot, SHIFT)
    assert distances(ghosts) == [(way * apart, 2) for apart in (3, 2, 1) for way in (-1, 1)]
    go_to(window, 0, qtbot)
    assert distances(ghosts) == [(3, 2), (2, 2), (1, 2)]
    window.bench.shown.select(None)
    assert distances(ghosts) == []
    window.bench.shown.select(1)
    press(window, Qt.Key.Key_G, qtbot, SHIFT)
    assert distances(ghosts) == []

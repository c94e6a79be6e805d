"""Preferences: keys are found, given and refused; presets hold at once and are remembered."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from pytestqt.qtbot import QtBot

from app.look.theme import ThemeMode
from app.session.settings import Settings
from app.window.key_bindings import KeyBindings, KeyConflictError
from app.window.key_presets import DEFAULT, PRESETS, with_keys
from app.window.main_window import MainWindow
from app.window.palette import CommandPalette
from app.window.preferences import Preferences
from tests.builders.hand import press
from tests.builders.waiting import PATIENCE_MS


def keys_of(window: MainWindow, name: str) -> list[str]:
    return [key.toString() for key in window.actions_by_name[name].shortcuts()]


@pytest.fixture
def preferences(window: MainWindow, qtbot: QtBot) -> Preferences:
    """The dialog, opened by its key."""
    press(window, Qt.Key.Key_Comma, qtbot, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChildren(Preferences)[-1]
    qtbot.waitUntil(dialog.isVisible, timeout=PATIENCE_MS)
    return dialog


def give(dialog: Preferences, name: str, key: str, *, beside: bool = False) -> None:
    dialog.mark(name)
    dialog.key.setKeySequence(QKeySequence(key))
    (dialog.add_button if beside else dialog.set_button).click()


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_gives_a_key_twice_or_names_a_command_that_is_not_there(window: MainWindow, preset: str) -> None:
    window.bindings.use_preset(preset)
    keys = window.bindings.keys()
    assert PRESETS[preset].keys() <= keys.keys()
    given = [key for has in keys.values() for key in has]
    assert len(given) == len(set(given)) and "" not in given
    for name, wanted in PRESETS[preset].items():
        assert tuple(keys_of(window, name)) == wanted


def test_a_preset_holds_at_once_in_window_and_palette(window: MainWindow, qtbot: QtBot) -> None:
    state = window.bench.view_state
    press(window, Qt.Key.Key_F, qtbot)
    assert state.frame_index == 0  # it fits the picture
    window.bindings.use_preset("CVAT")
    press(window, Qt.Key.Key_F, qtbot)
    press(window, Qt.Key.Key_V, qtbot)
    assert state.frame_index == 11
    press(window, Qt.Key.Key_D, qtbot)
    assert state.frame_index == 10
    assert "(F, Right)" in window.actions_by_name["next"].toolTip()
    palette = CommandPalette(window.actions_by_name.values(), window)
    palette.narrow("ten frames on V")
    assert palette.shown() == ["Ten frames on"]
    assert window.queue_panel.hint.text().startswith("Ctrl+Space next, ")
    window.bindings.use_preset(DEFAULT)
    assert window.queue_panel.hint.text() == "Space next, Shift+Space back, V it is right, Return the whole person is."
    assert keys_of(window, "fit") == ["F"] and keys_of(window, "next") == ["Right", "D"]


def test_a_wanted_key_is_taken_from_who_had_it_and_names_that_are_gone_are_left_out() -> None:
    had = {"next": ("D", "Right"), "fit": ("F",)}
    assert with_keys(had, {"fit": ("D",), "gone": ("Q",)}) == {"next": ("Right",), "fit": ("D",)}


def test_a_key_is_captured_and_given(window: MainWindow, preferences: Preferences, qtbot: QtBot) -> None:
    preferences.mark("play")
    preferences.key.setFocus()
    qtbot.keyClick(preferences.key, Qt.Key.Key_J)
    assert not window.bench.playback.playing
    qtbot.mouseClick(preferences.set_button, Qt.MouseButton.LeftButton)
    assert keys_of(window, "play") == ["J"]
    give(preferences, "play", "Ctrl+J", beside=True)
    assert keys_of(window, "play") == ["J", "Ctrl+J"]
    preferences.reset_button.click()
    assert keys_of(window, "play") == ["P"]
    preferences.none_button.click()
    assert keys_of(window, "play") == []
    preferences.reset_all_button.click()
    assert keys_of(window, "play") == ["P"] and not preferences.reset_all_button.isEnabled()


def test_a_key_of_another_command_is_refused_and_said_whose_it_is(window: MainWindow, preferences: Preferences) -> None:
    give(preferences, "play", "ctrl+e")
    assert "“Export”" in preferences.refusal.text()
    assert keys_of(window, "play") == ["P"] and keys_of(window, "export") == ["Ctrl+E"]
    give(preferences, "play", "Esc")
    assert "Escape" in preferences.refusal.text() and keys_of(window, "play") == ["P"]
    preferences.mark("fit")
    assert preferences.refusal.text() == ""


def test_a_key_cannot_be_reset_to_one_that_was_given_away(window: MainWindow) -> None:
    window.bindings.take("play")
    window.bindings.give("hide", "P")
    with pytest.raises(KeyConflictError, match="Hide people"):
        window.bindings.reset("play")
    assert keys_of(window, "play") == []


def test_the_search_finds_commands_menus_and_keys(preferences: Preferences) -> None:
    preferences.search.setText("ctrl+shift+z")
    assert preferences.shown() == ["redo"]
    preferences.search.setText("go hundred BACK")
    assert preferences.shown() == ["previous_100"]
    preferences.search.clear()
    assert len(preferences.shown()) == preferences.list.topLevelItemCount()


def test_keys_preset_and_theme_survive_a_restart(
    window: MainWindow, preferences: Preferences, settings: Settings, new_window: Callable[[], MainWindow]
) -> None:
    preferences.preset.setCurrentText("SLEAP")
    preferences.preset.textActivated.emit("SLEAP")
    give(preferences, "hide", "F8")
    preferences.theme.setCurrentIndex(preferences.theme.findData(ThemeMode.DARK))
    preferences.theme.activated.emit(preferences.theme.currentIndex())
    preferences.reject()
    window.close()
    again = new_window()
    assert again.bindings.preset == "SLEAP" and settings.theme is ThemeMode.DARK
    assert keys_of(again, "hide") == ["F8"] and keys_of(again, "next_10") == ["Ctrl+Right", "Down"]


def test_settings_edited_by_hand_do_no_harm(window: MainWindow, settings: Settings) -> None:
    settings._store.setValue("own_keys", "{")
    settings.key_preset = "vi"
    bindings = KeyBindings(window.actions_of_table.commands, settings)
    assert bindings.preset == DEFAULT and bindings.keys()["play"] == ("P",)

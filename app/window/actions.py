"""Every command of the window in one table: menu, text, keys, icon, what it does and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.look.icons import icon
from app.session.view_state import Layer

if TYPE_CHECKING:
    from app.window.main_window import MainWindow


class Needs(Enum):
    """What must be there for a command to make sense."""

    NOTHING = auto()
    VIDEO = auto()
    PERSON = auto()
    JOINT = auto()


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One command. `name` is stable: the toolbar, the tests and saved key bindings use it."""

    name: str
    menu: str
    text: str
    slot: Callable[[], object]
    keys: tuple[str, ...] = ()
    icon: str = ""
    needs: Needs = Needs.VIDEO
    checkable: bool = False
    separated: bool = False  # a line above it in the menu


def action_table(window: MainWindow) -> list[ActionSpec]:
    """All commands, in the order of the menus. Keys are the defaults."""
    bench, view, ask = window.bench, window.frame_view, window.prompts
    nav, edit, state, play = bench.navigator, bench.editor, bench.view_state, bench.playback
    anytime, person, joint = Needs.NOTHING, Needs.PERSON, Needs.JOINT
    return [
        ActionSpec("open_video", "File", "Open video…", ask.video, ("Ctrl+O",), "open", anytime),
        ActionSpec("open_folder", "File", "Open folder of frames…", ask.folder, (), "folder", anytime),
        ActionSpec("open_project", "File", "Open project…", ask.project, ("Ctrl+Shift+O",), "project", anytime),
        ActionSpec("locate", "File", "Locate moved video…", ask.locate, (), "search"),
        ActionSpec("import", "File", "Import…", ask.import_people, ("Ctrl+I",), "import", separated=True),
        ActionSpec("export", "File", "Export…", ask.export, ("Ctrl+E",), "export"),
        ActionSpec("close", "File", "Close project", bench.close_project, ("Ctrl+W",), separated=True),
        ActionSpec("quit", "File", "Quit", window.close, ("Ctrl+Q",), "", anytime),
        ActionSpec("undo", "Edit", "Undo", bench.document.undo, ("Ctrl+Z",), "undo"),
        ActionSpec("redo", "Edit", "Redo", bench.document.redo, ("Ctrl+Shift+Z", "Ctrl+Y"), "redo"),
        ActionSpec("occluded", "Edit", "Joint occluded", edit.toggle_occluded, ("Q",), "", joint, separated=True),
        ActionSpec("absent", "Edit", "Joint absent", edit.toggle_absent, ("O",), "", joint),
        ActionSpec(
            "verify", "Edit", "Verify person", edit.verify_person, ("Return", "Enter"), "check", person, separated=True
        ),
        ActionSpec("swap", "Edit", "Swap left and right", edit.swap_sides, ("X",), "swap", person),
        ActionSpec("track", "Edit", "Set track…", ask.track, ("T",), "", person),
        ActionSpec("delete", "Edit", "Delete person", edit.delete_person, ("Del",), "trash", person),
        ActionSpec("add_person", "Edit", "Add person", window.begin_box, ("N",), "person-add", separated=True),
        ActionSpec("play", "Go", "Play", play.toggle, ("P",), "play"),
        ActionSpec("next", "Go", "Next frame", partial(nav.step, 1), ("Right", "D"), "next", separated=True),
        ActionSpec("previous", "Go", "Previous frame", partial(nav.step, -1), ("Left", "A"), "previous"),
        ActionSpec("next_10", "Go", "Ten frames on", partial(nav.step, 10), ("Ctrl+Right",)),
        ActionSpec("previous_10", "Go", "Ten frames back", partial(nav.step, -10), ("Ctrl+Left",)),
        ActionSpec("next_100", "Go", "A hundred frames on", partial(nav.step, 100), ("Ctrl+Shift+Right",)),
        ActionSpec("previous_100", "Go", "A hundred frames back", partial(nav.step, -100), ("Ctrl+Shift+Left",)),
        ActionSpec("first", "Go", "First frame", nav.to_start, ("Home",), "first"),
        ActionSpec("last", "Go", "Last frame", nav.to_end, ("End",), "last"),
        ActionSpec(
            "low_confidence", "Go", "Next low-confidence joint", nav.next_low_confidence, ("E",), separated=True
        ),
        ActionSpec("next_joint", "Go", "Next joint", partial(nav.next_joint, 1), ("S",)),
        ActionSpec("previous_joint", "Go", "Previous joint", partial(nav.next_joint, -1), ("W",)),
        ActionSpec("next_person", "Go", "Next person", partial(nav.next_person, 1), ("Tab",)),
        ActionSpec("previous_person", "Go", "Previous person", partial(nav.next_person, -1), ("Shift+Tab",)),
        ActionSpec("predict", "Model", "Predict", window.predict_all, ("Ctrl+P",), "predict"),
        ActionSpec("cancel", "Model", "Cancel prediction", bench.inference.cancel, ("Ctrl+.",), "stop"),
        ActionSpec("system", "Model", "Pose network…", ask.system, (), "", anytime, separated=True),
        ActionSpec("finetune", "Model", "Fine-tune…", ask.finetune, (), "finetune", separated=True),
        ActionSpec("evaluate", "Tools", "Evaluate predictions…", window.evaluate, ("Ctrl+Shift+E",), "evaluate"),
        ActionSpec("image", "View", "Image", partial(state.set_layer, Layer.IMAGE), ("1",), "image", checkable=True),
        ActionSpec(
            "initial", "View", "Initial", partial(state.set_layer, Layer.INITIAL), ("2",), "initial", checkable=True
        ),
        ActionSpec("flow", "View", "Flow", partial(state.set_layer, Layer.FLOW), ("3",), "flow", checkable=True),
        ActionSpec(
            "refined", "View", "Refined", partial(state.set_layer, Layer.REFINED), ("4",), "refined", checkable=True
        ),
        ActionSpec("fit", "View", "Fit", view.fit, ("F",), "fit", separated=True),
        ActionSpec("zoom_person", "View", "Zoom to person", window.zoom_to_person, ("Shift+F",), "", person),
        ActionSpec("hide", "View", "Hide people", window.toggle_hidden, ("H",), "hide", checkable=True),
        ActionSpec("colour", "View", "Colour by track", window.toggle_colours, ("C",), "", checkable=True),
        ActionSpec("theme", "View", "Light or dark", window.next_theme, (), "theme", anytime, separated=True),
        ActionSpec("palette", "Help", "Commands and keys", window.show_palette, ("Ctrl+K", "F1"), "search", anytime),
    ]


def build_actions(specs: Iterable[ActionSpec], parent: QWidget) -> dict[str, QAction]:
    """A QAction for each command, by name; the keys work in the whole window."""
    actions: dict[str, QAction] = {}
    for spec in specs:
        action = QAction(spec.text, parent)
        action.setObjectName(spec.name)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        if spec.icon:
            action.setIcon(icon(spec.icon))
        action.setIconText(spec.text.split()[0] if spec.name.startswith("open_") else spec.text.rstrip("…"))
        action.setCheckable(spec.checkable)
        keys = f" ({', '.join(spec.keys)})" if spec.keys else ""
        action.setToolTip(f"{spec.text.rstrip('…')}{keys}")
        action.triggered.connect(lambda _checked=False, slot=spec.slot: slot())
        parent.addAction(action)
        actions[spec.name] = action
    return actions

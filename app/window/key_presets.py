"""Keys of other programs, so that hands that know them need not learn again. A preset is one entry of PRESETS.

A preset gives keys to commands by name; the others keep their own from the table of commands, except for keys
that the preset gives away.
"""

from collections.abc import Mapping
from typing import Final

Keys = tuple[str, ...]

DEFAULT: Final = "Default"
PRESETS: Final[Mapping[str, Mapping[str, Keys]]] = {
    DEFAULT: {},
    "SLEAP": {  # sleap/config/shortcuts.yaml
        "next": ("Right",),
        "previous": ("Left",),
        "next_10": ("Ctrl+Right", "Down"),
        "previous_10": ("Ctrl+Left", "Up"),
        "next_100": ("Ctrl+Alt+Right",),
        "previous_100": ("Ctrl+Alt+Left",),
        "next_person": ("`", "Tab"),
        "delete": ("Ctrl+Backspace", "Del"),
        "add_person": ("Ctrl+I", "N"),
        "fit": ("Ctrl+=", "F"),
    },
    "CVAT": {  # docs.cvat.ai, "Shortcuts"; what it takes of the review has other keys
        "next": ("F", "Right"),
        "previous": ("D", "Left"),
        "next_10": ("V",),
        "previous_10": ("C",),
        "play": ("Space", "P"),
        "absent": ("O",),
        "occluded": ("Q",),
        "fit": ("Ctrl+0",),
        "colour": ("Shift+C",),
        "review_next": ("Ctrl+Space",),
        "review_previous": ("Ctrl+Shift+Space",),
        "confirm": ("Y",),
    },
    "DeepLabCut": {  # README of napari-deeplabcut
        "next": ("D", "Right"),
        "previous": ("A", "Left"),
        "next_joint": ("S", "Down"),
        "previous_joint": ("W", "Up"),
        "absent": ("Backspace",),
        "low_confidence": ("E",),
        "colour": ("F",),
        "hide": ("V",),
        "confirm": ("Y",),
    },
}


def with_keys(keys: Mapping[str, Keys], wanted: Mapping[str, Keys]) -> dict[str, Keys]:
    """`keys` of commands with those `wanted` in their place; a wanted key is taken from whoever had it.

    Commands that are not in `keys` do not exist (any more), and are left out.
    """
    there = {name: given for name, given in wanted.items() if name in keys}
    taken = {key for given in there.values() for key in given}
    return {name: there.get(name, tuple(key for key in had if key not in taken)) for name, had in keys.items()}

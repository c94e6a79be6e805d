"""Colours of skeletons and tracks: told apart by colour-blind eyes, and legible over any picture."""

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from jmpose_core.skeleton import JOINTS, LIMBS

RIGHT: Final = "#38b2ff"
LEFT: Final = "#ff8a3d"
CENTRE: Final = "#f0f2f5"
_TRACKS: Final = (
    "#ffb38a",
    "#5fd38a",
    "#ea7cc9",
    "#f2d64b",
    "#a08fff",
    "#3fd0c9",
    "#ff7a6b",
    "#c3d65a",
    "#7fb4ff",
    "#d9a679",
)


def _side(name: str) -> str:
    if name.startswith("right_"):
        return RIGHT
    return LEFT if name.startswith("left_") else CENTRE


JOINT_COLOURS: Final = tuple(_side(name) for name in JOINTS)


def _limb_colour(first: int, second: int) -> str:
    sides = {JOINT_COLOURS[first], JOINT_COLOURS[second]} - {CENTRE}
    return sides.pop() if len(sides) == 1 else CENTRE


LIMB_COLOURS: Final = tuple(_limb_colour(first, second) for first, second in LIMBS)


def dot(colour: QColor, diameter: int = 9) -> QIcon:
    """A round spot, for lists; of the same colour where its row is selected."""
    pixmap = QPixmap(diameter * 2, diameter * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(0, 0, diameter, diameter)
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon


def track_colour(track_id: int) -> QColor:
    """The colour of one person, the same wherever that person is shown."""
    return QColor(_TRACKS[track_id % len(_TRACKS)])

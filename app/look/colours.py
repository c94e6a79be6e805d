"""The palette of the core as Qt's colours."""

from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from jmpose_core import colouring

JOINT_COLOURS: Final = tuple(QColor(*colour) for colour in colouring.JOINT_COLOURS)
LIMB_COLOURS: Final = tuple(QColor(*colour) for colour in colouring.LIMB_COLOURS)
RIM: Final = QColor(110, 116, 126)  # of a dot: a white one is seen on white, too


def dot(colour: QColor, diameter: int = 9) -> QIcon:
    """A round spot, for lists; of the same colour where its row is selected."""
    pixmap = QPixmap(diameter * 2, diameter * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(RIM)
    painter.setBrush(colour)
    painter.drawEllipse(QRectF(0.5, 0.5, diameter - 1, diameter - 1))
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon


def track_colour(track_id: int) -> QColor:
    """The colour of one person, the same wherever that person is shown."""
    return QColor(*colouring.track_colour(track_id))

"""A small label over the picture, of the same size at every zoom."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

_HEIGHT: Final = 17.0  # screen pixels
_TEXT_SIZE: Final = 11


class ChipItem(QGraphicsItem):
    """A word or two on a ground of its own; its lower left corner is at its position, moved by `shift`."""

    def __init__(self, parent: QGraphicsItem, *, shift: QPointF) -> None:
        """`shift` is in screen pixels."""
        super().__init__(parent)
        self._shift = shift
        self._text = ""
        self._ground, self._ink = QColor(), QColor()
        self._rect = QRectF()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def say(self, text: str, *, ground: QColor, ink: QColor) -> None:
        """Show this text in these colours."""
        if (text, ground, ink) == (self._text, self._ground, self._ink):
            return
        self.prepareGeometryChange()
        self._text, self._ground, self._ink = text, ground, ink
        width = QFontMetricsF(_font()).horizontalAdvance(text) + 10
        self._rect = QRectF(self._shift.x(), self._shift.y() - _HEIGHT, width, _HEIGHT)
        self.update()

    def boundingRect(self) -> QRectF:
        return self._rect

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._ground)
        painter.drawRoundedRect(self._rect, 4, 4)
        painter.setFont(_font())
        painter.setPen(self._ink)
        painter.drawText(self._rect, Qt.AlignmentFlag.AlignCenter, self._text)


def _font() -> QFont:
    font = QFont()
    font.setPixelSize(_TEXT_SIZE)
    font.setWeight(QFont.Weight.DemiBold)
    return font

"""The frame itself, and the heatmap or flow that may lie over it."""

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from app.look.light import Light, lit
from jmpose_core.geometry import Affine

NEAREST_FROM_ZOOM = 3.0  # from this zoom on single pixels are shown as squares


class PictureItem(QGraphicsItem):
    """An image whose top left pixel has its centre at (0, 0)."""

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()  # as it came
        self._light = Light()
        self._lit = self._image  # as it is drawn

    @property
    def image(self) -> QImage:
        return self._image

    def set_image(self, image: QImage) -> None:
        if image.size() != self._image.size():
            self.prepareGeometryChange()
        self._image, self._lit = image, lit(image, self._light)
        self.update()

    def set_light(self, light: Light) -> None:
        """Draw it brighter or darker; `image` stays as it came."""
        self._light, self._lit = light, lit(self._image, light)
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(-0.5, -0.5, self._image.width(), self._image.height())

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        zoom = option.levelOfDetailFromTransform(painter.worldTransform())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < NEAREST_FROM_ZOOM)
        painter.drawImage(self.boundingRect(), self._lit)


class CrossItem(QGraphicsItem):
    """A small cross of the same size at every zoom."""

    ARM = 11.0  # screen pixels

    def __init__(self) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setZValue(4)
        self.hide()

    def boundingRect(self) -> QRectF:
        return QRectF(-self.ARM, -self.ARM, 2 * self.ARM, 2 * self.ARM)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        for colour, width in ((QColor(0, 0, 0, 150), 3), (QColor("#ffffff"), 1)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(QPointF(-self.ARM, 0), QPointF(self.ARM, 0))
            painter.drawLine(QPointF(0, -self.ARM), QPointF(0, self.ARM))


class RubberItem(QGraphicsRectItem):
    """The rectangle that the hand draws."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(3)
        self.hide()

    def stretch(self, rect: QRectF, accent: QColor, zoom: float) -> None:
        """Show it as this rectangle, in image pixels."""
        self.setPen(QPen(accent, 1.6 / zoom))
        ground = QColor(accent)
        ground.setAlpha(40)
        self.setBrush(ground)
        self.setRect(rect)
        self.show()


def qtransform(affine: Affine) -> QTransform:
    """The 2x3 map as Qt's."""
    (a, b, x), (c, d, y) = affine.tolist()
    return QTransform(a, c, b, d, x, y)

"""Line icons that take the colour of the text around them, in both themes."""

from typing import Self

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from resources import ICONS


class _LineIconEngine(QIconEngine):
    """Draws an SVG of black strokes in the palette's colour at the moment of painting."""

    def __init__(self, svg: str, role: QPalette.ColorRole) -> None:
        super().__init__()
        self._svg, self._role = svg, role

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        group = QPalette.ColorGroup.Disabled if mode is QIcon.Mode.Disabled else QPalette.ColorGroup.Active
        colour = QGuiApplication.palette().color(group, self._role)
        renderer = QSvgRenderer(self._svg.replace("#000000", colour.name()).encode())
        painter.save()
        painter.setOpacity(colour.alphaF())
        renderer.render(painter, rect.toRectF())
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> Self:
        return type(self)(self._svg, self._role)


def icon(name: str, role: QPalette.ColorRole = QPalette.ColorRole.ButtonText) -> QIcon:
    """The icon `resources/icons/NAME.svg`, painted in the palette colour of `role`."""
    return QIcon(_LineIconEngine((ICONS / f"{name}.svg").read_text(), role))


def app_icon() -> QIcon:
    """The program's own icon, in its own colours."""
    return QIcon(str(ICONS / "app.svg"))

"""A picture that is zoomed with the wheel, dragged about and fitted to the window."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPalette, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView

ZOOM_STEP = 1.2
ZOOM_RANGE = (0.05, 60.0)
FIT_MARGIN = 0.02


class ZoomView(QGraphicsView):
    """Scene units are image pixels. The zoom survives everything but a fit, which follows the window's size."""

    def __init__(self) -> None:
        super().__init__()
        self._fitted = False
        self._picture_rect = QRectF()
        self._wanted_rect: QRectF | None = None  # to be seen of the next picture
        self._pan_from: QPointF | None = None
        self.setScene(QGraphicsScene(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)

    @property
    def zoom(self) -> float:
        """Screen pixels an image pixel."""
        return self.transform().m11()

    def set_picture_rect(self, rect: QRectF) -> None:
        """Where the picture lies; it can be dragged until it just leaves the window."""
        self.setSceneRect(rect.adjusted(-rect.width(), -rect.height(), rect.width(), rect.height()))
        self._picture_rect = rect
        wanted, self._wanted_rect = self._wanted_rect, None
        if wanted is not None and wanted.intersects(rect):
            self.fit_rect(wanted, 0.0)
        else:
            self.fit()

    @property
    def zoomed_rect(self) -> QRectF | None:
        """The part of the picture that is on the screen; None while it is fitted, or there is none."""
        return None if self._fitted or self._picture_rect.isEmpty() else self.visible_rect()

    def fit_when_shown(self, rect: QRectF) -> None:
        """Show this part of the next picture of another size, in place of all of it."""
        self._wanted_rect = rect

    def fit(self) -> None:
        """The whole picture."""
        self._fit_rect(self._picture_rect, FIT_MARGIN)
        self._fitted = True

    def fit_rect(self, rect: QRectF, margin: float) -> None:
        """A part of the picture, with `margin` of its size on each side."""
        self._fit_rect(rect, margin)
        self._fitted = False

    def _fit_rect(self, rect: QRectF, margin: float) -> None:
        dx, dy = rect.width() * margin, rect.height() * margin
        self.fitInView(rect.adjusted(-dx, -dy, dx, dy), Qt.AspectRatioMode.KeepAspectRatio)

    def visible_rect(self) -> QRectF:
        """The part of the scene that is on the screen."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def bring_into_view(self, rect: QRectF) -> None:
        """Scroll until `rect` is on the screen, or its middle where it is larger than that; zoom stays."""
        visible, inside = self.visible_rect(), rect.intersected(self._picture_rect)
        wanted = rect if inside.isEmpty() else inside  # what lies beyond the picture need not be seen
        larger = wanted.width() > visible.width() or wanted.height() > visible.height()
        if visible.intersects(wanted) if larger else visible.contains(wanted):
            return
        self.centerOn(wanted.center())
        self._fitted = False

    def zoom_by(self, factor: float) -> None:
        low, high = ZOOM_RANGE
        factor = min(max(self.zoom * factor, low), high) / self.zoom
        self.scale(factor, factor)
        self._fitted = False

    def begin_pan(self, position: QPointF) -> None:
        self._pan_from = position

    def end_pan(self) -> None:
        self._pan_from = None

    @property
    def panning(self) -> bool:
        return self._pan_from is not None

    def pan_to(self, position: QPointF) -> None:
        """Drag the picture along with the hand."""
        if self._pan_from is None:
            return
        shift = (position - self._pan_from).toPoint()
        if shift.isNull():
            return
        self._pan_from, self._fitted = position, False
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() - shift.x())
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() - shift.y())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if steps:
            self.zoom_by(ZOOM_STEP**steps)
        event.accept()

    def drawBackground(self, painter: QPainter, rect: QRectF) -> None:  # type: ignore[override]
        painter.fillRect(rect, self.palette().color(QPalette.ColorRole.Dark))

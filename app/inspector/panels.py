"""Crop, initial heatmap, flow and refined heatmap side by side: one zoom, one cursor."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPalette

from app.look.maps import one_map
from app.session.view_state import Layer
from jmpose_core.colouring import flow_rgb, heat_over
from jmpose_core.engine.protocol import ProbeResult

TITLES: Final = {
    Layer.IMAGE: "Crop",
    Layer.INITIAL: "Initial heatmap",
    Layer.FLOW: "Flow to next frame",
    Layer.REFINED: "Refined heatmap",
}
_CURSOR: Final = pg.mkPen("#ffffffaa", width=1)


class _Panel:
    """One of the four pictures, in crop pixels."""

    def __init__(self, title: str, layout: pg.GraphicsLayout) -> None:
        self.label: pg.LabelItem = layout.addLabel(title, size="8pt", justify="left")
        layout.nextRow()
        self.box: pg.ViewBox = layout.addViewBox(lockAspect=True, invertY=True, enableMenu=False, defaultPadding=0.0)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.cross = (pg.InfiniteLine(angle=90, pen=_CURSOR), pg.InfiniteLine(angle=0, pen=_CURSOR))
        self.box.addItem(self.image)
        for line in self.cross:
            line.hide()
            self.box.addItem(line, ignoreBounds=True)

    def show(self, rgb: npt.NDArray[np.uint8]) -> None:
        height, width = rgb.shape[:2]
        self.image.setImage(rgb, autoLevels=False, levels=(0, 255))
        self.image.setRect(QRectF(-0.5, -0.5, width, height))

    def show_cursor(self, xy: tuple[float, float] | None) -> None:
        for line, place in zip(self.cross, xy or (0.0, 0.0), strict=True):
            line.setVisible(xy is not None)
            line.setPos(place)


class InspectorPanels(pg.GraphicsLayoutWidget):
    """Shows a probe. The cursor is announced, and shown, in crop pixels."""

    cursor_moved = Signal(object)  # (x, y) in the crop, or None

    def __init__(self) -> None:
        super().__init__()
        self._probe: ProbeResult | None = None
        self.ci.setContentsMargins(0, 0, 0, 0)
        self.ci.setSpacing(2)
        self._panels: dict[Layer, _Panel] = {}
        for place, (layer, title) in enumerate(TITLES.items()):
            cell = self.ci.addLayout(row=place // 2, col=place % 2)
            cell.setSpacing(0)
            cell.setContentsMargins(6, 0, 6, 0)
            self._panels[layer] = _Panel(title, cell)
        first, *others = self._panels.values()
        for panel in others:
            panel.box.setXLink(first.box)
            panel.box.setYLink(first.box)
        scene = self.scene()
        assert isinstance(scene, pg.GraphicsScene)
        scene.sigMouseMoved.connect(self._on_mouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._dress()

    def sizeHint(self) -> QSize:
        return QSize(360, 460)

    def show_probe(self, probe: ProbeResult | None, joint: int | None) -> None:
        """Draw a probe for one joint, or the maximum over all; both heatmaps share one scale."""
        fresh = probe is not None and (self._probe is None or self._probe.crop_rgb.shape != probe.crop_rgb.shape)
        self._probe = probe
        if probe is None:
            for panel in self._panels.values():
                panel.image.clear()
            return
        size = probe.crop_rgb.shape[:2]
        initial, refined = (one_map(maps, joint) for maps in (probe.initial, probe.refined))
        peak = max(float(initial.max()), float(refined.max()))
        self._panels[Layer.IMAGE].show(probe.crop_rgb)
        self._panels[Layer.INITIAL].show(heat_over(probe.crop_rgb, initial, peak=peak))
        self._show_flow(probe)
        self._panels[Layer.REFINED].show(heat_over(probe.crop_rgb, refined, peak=peak))
        if fresh:
            height, width = size
            self._panels[Layer.IMAGE].box.setRange(QRectF(-0.5, -0.5, width, height), padding=0.0)

    def _show_flow(self, probe: ProbeResult) -> None:
        panel = self._panels[Layer.FLOW]
        panel.label.setText(TITLES[Layer.FLOW] if probe.flow is not None else "No flow: this system uses none")
        if probe.flow is None:
            panel.image.clear()
        else:
            panel.show(flow_rgb(probe.flow, probe.crop_rgb.shape[:2]))

    def show_cursor(self, xy: tuple[float, float] | None) -> None:
        for panel in self._panels.values():
            panel.show_cursor(xy if self._probe is not None else None)

    def _on_mouse(self, position: QPointF) -> None:
        for panel in self._panels.values():
            if self._probe is not None and panel.box.sceneBoundingRect().contains(position):
                point = panel.box.mapSceneToView(position)
                self.cursor_moved.emit((point.x(), point.y()))
                return
        self.cursor_moved.emit(None)

    def leaveEvent(self, ev: QEvent) -> None:
        super().leaveEvent(ev)
        self.cursor_moved.emit(None)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_panels"):
            self._dress()

    def _dress(self) -> None:
        self.setBackground(self.palette().color(QPalette.ColorRole.Window))
        muted = self.palette().color(QPalette.ColorRole.PlaceholderText).name()
        for layer, panel in self._panels.items():
            panel.label.setText(TITLES[layer], color=muted)

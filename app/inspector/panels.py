"""Crop, heatmaps, their difference and flow side by side: one zoom, one cursor, each saved from its menu."""

from typing import Final

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QPalette
from PySide6.QtWidgets import QMenu

from app.inspector.pictures import NO_FLOW, Panel, Picture, pictures_of
from jmpose_core.engine.protocol import ProbeResult

COLUMNS: Final = 3
_DARK_BELOW: Final = 128  # lightness of a window's ground
_CURSOR: Final = pg.mkPen("#ffffffaa", width=1)
_NOTE: Final = "#ffffff"
_NOTE_POINTS: Final = 7.0  # the panels are narrow
_NOTE_GROUND: Final = "#101218b0"


class _Panel:
    """One of the pictures, in crop pixels, with the scale of its colours or why it is empty."""

    def __init__(self, title: str, layout: pg.GraphicsLayout) -> None:
        self.label: pg.LabelItem = layout.addLabel(title, size="8pt", justify="left")
        layout.nextRow()
        self.box: pg.ViewBox = layout.addViewBox(lockAspect=True, invertY=True, enableMenu=False, defaultPadding=0.0)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.note = pg.TextItem(color=_NOTE, fill=_NOTE_GROUND)
        small = self.note.textItem.font()
        small.setPointSizeF(_NOTE_POINTS)
        self.note.setFont(small)
        self.note.setZValue(1)  # over the picture
        self.box.addItem(self.note, ignoreBounds=True)
        self.cross = (pg.InfiniteLine(angle=90, pen=_CURSOR), pg.InfiniteLine(angle=0, pen=_CURSOR))
        self.box.addItem(self.image)
        for line in self.cross:
            line.hide()
            self.box.addItem(line, ignoreBounds=True)

    def show(self, picture: Picture, size: tuple[int, int]) -> None:
        """A picture of a crop of this size (height, width)."""
        height, width = size
        self.image.setImage(picture.rgb, autoLevels=False, levels=(0, 255))
        self.image.setRect(QRectF(-0.5, -0.5, width, height))
        self.label.setToolTip(picture.note)
        self._say(picture.note)

    def show_none(self, hint: str) -> None:
        """No picture, and why not."""
        self.image.clear()
        self._say(hint)

    def _say(self, text: str) -> None:
        self.note.setVisible(bool(text))
        self.note.setText(text)
        self.note.setPos(-0.5, -0.5)

    def show_cursor(self, xy: tuple[float, float] | None) -> None:
        for line, place in zip(self.cross, xy or (0.0, 0.0), strict=True):
            line.setVisible(xy is not None)
            line.setPos(place)


class InspectorPanels(pg.GraphicsLayoutWidget):
    """Shows a probe. The cursor is announced, and shown, in crop pixels."""

    cursor_moved = Signal(object)  # (x, y) in the crop, or None
    picture_wanted = Signal(object, object)  # Panel, Picture: as a file
    arrays_wanted = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self._probe: ProbeResult | None = None
        self.ci.setContentsMargins(0, 0, 0, 0)
        self.ci.setSpacing(2)
        self._joint: int | None = None
        self._pictures: dict[Panel, Picture] = {}
        self._panels: dict[Panel, _Panel] = {}
        for place, panel in enumerate(Panel):
            cell = self.ci.addLayout(row=place // COLUMNS, col=place % COLUMNS)
            cell.setSpacing(0)
            cell.setContentsMargins(3, 0, 3, 0)
            self._panels[panel] = _Panel(panel, cell)
        first, *others = self._panels.values()
        for other in others:
            other.box.setXLink(first.box)
            other.box.setYLink(first.box)
        scene = self.scene()
        assert isinstance(scene, pg.GraphicsScene)
        scene.sigMouseMoved.connect(self._on_mouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._dress()

    def sizeHint(self) -> QSize:
        return QSize(360, 460)

    @property
    def pictures(self) -> dict[Panel, Picture]:
        """What is shown."""
        return self._pictures

    def show_probe(self, probe: ProbeResult | None, joint: int | None) -> None:
        """Draw a probe for one joint, or the maximum over all."""
        before, self._probe, self._joint = self._probe, probe, joint
        self._draw()
        if probe is not None and (before is None or before.crop_rgb.shape != probe.crop_rgb.shape):
            height, width = probe.crop_rgb.shape[:2]
            self._panels[Panel.CROP].box.setRange(QRectF(-0.5, -0.5, width, height), padding=0.0)

    def _draw(self) -> None:
        probe = self._probe
        dark = self.palette().color(QPalette.ColorRole.Window).lightness() < _DARK_BELOW
        self._pictures = {} if probe is None else pictures_of(probe, self._joint, dark=dark)
        for name, panel in self._panels.items():
            if probe is None:
                panel.show_none("")
            elif name in self._pictures:
                panel.show(self._pictures[name], probe.crop_rgb.shape[:2])
            else:
                panel.show_none(NO_FLOW)

    def panel_menu(self, at: QPointF) -> QMenu | None:
        """What can be done with the panel at a place of the widget; None where there is none with a picture."""
        place = self.mapToScene(at.toPoint())
        under = (name for name in self._pictures if self._panels[name].box.sceneBoundingRect().contains(place))
        if (name := next(under, None)) is None:
            return None
        picture = self._pictures[name]
        menu = QMenu(self)
        menu.addAction("Save as picture…").triggered.connect(lambda: self.picture_wanted.emit(name, picture))
        menu.addAction("Save arrays…").triggered.connect(lambda: self.arrays_wanted.emit(name, picture))
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if (menu := self.panel_menu(QPointF(event.pos()))) is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())

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
        for name, panel in self._panels.items():
            panel.label.setText(name, color=muted)
        self._draw()

"""One figure by joint, as bars."""

import math
from collections.abc import Collection, Mapping
from typing import Final

import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QFont, QMouseEvent, QPalette

from jmpose_core.skeleton import JOINT_TITLES, JOINTS

# From head to foot, left beside right, as a reader looks for them.
ORDER: Final = (
    "head_top", "nose", "head_bottom", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
_THICKNESS: Final = 0.66
RIGHTMOST: Final = 118.0  # percent: room for the number beside a bar of 100


class JointBars(pg.PlotWidget):
    """Percent by joint; the joints of the chosen cell stand out. A click on a bar chooses its joint."""

    joint_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[str, float] = {}
        self._chosen: frozenset[str] = frozenset()
        self._box: pg.ViewBox = self.getViewBox()
        self._bars = pg.BarGraphItem(x0=[], y=[], width=[], height=_THICKNESS)
        self._labels = [pg.TextItem(anchor=(0, 0.5)) for _ in ORDER]
        self.addItem(self._bars)
        for place, label in enumerate(self._labels):
            label.setPos(0, place)
            self._box.addItem(label, ignoreBounds=True)
        self.setMouseEnabled(x=False, y=False)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.getAxis("left").setTicks([[(place, JOINT_TITLES[JOINTS.index(name)]) for place, name in enumerate(ORDER)]])
        small = QFont()
        small.setPointSizeF(small.pointSizeF() * 0.9)
        for name in ("left", "bottom"):
            self.getAxis(name).setStyle(tickLength=0, tickFont=small)
        for label in self._labels:
            label.setFont(small)
        self.getAxis("bottom").setTickSpacing(20, 20)
        self._box.invertY(True)
        self._box.setYRange(-0.6, len(ORDER) - 0.4, padding=0)
        self._box.setXRange(0, RIGHTMOST, padding=0)
        self.showGrid(x=True, alpha=0.18)
        self._dress()

    def show_figure(self, values: Mapping[str, float], chosen: Collection[int]) -> None:
        """Percent by joint name, NaN where there is none, and the joints that stand out."""
        self._values = dict(values)
        self._chosen = frozenset(JOINTS[joint] for joint in chosen)
        known = [value for value in self._values.values() if not math.isnan(value)]
        self._box.setXRange(min([0.0, *known]), RIGHTMOST, padding=0)  # MOTA can be negative
        self._draw()

    def _draw(self) -> None:
        values = [self._values.get(name, math.nan) for name in ORDER]
        widths = [0.0 if math.isnan(value) else value for value in values]
        strong, weak = self._colours()
        brushes = [QBrush(strong if name in self._chosen else weak) for name in ORDER]
        places = list(range(len(ORDER)))
        self._bars.setOpts(
            x0=[0.0] * len(places), y=places, width=widths, height=_THICKNESS, brushes=brushes, pen=pg.mkPen(None)
        )
        text = self.palette().color(QPalette.ColorRole.PlaceholderText)
        for place, (label, value) in enumerate(zip(self._labels, values, strict=True)):
            shown = "" if not self._values else "–" if math.isnan(value) else f"{value:.1f}"
            label.setText(shown, color=text)
            label.setPos(max(widths[place], 0.0), place)

    def _colours(self) -> tuple[QColor, QColor]:
        strong = self.palette().color(QPalette.ColorRole.Highlight)
        weak = QColor(strong)
        weak.setAlpha(95)
        return strong, weak

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_bars"):
            self._dress()

    def _dress(self) -> None:
        """In the theme's colours."""
        palette = self.palette()
        self.setBackground(palette.color(QPalette.ColorRole.Base))
        for name in ("left", "bottom"):
            self.getAxis(name).setPen(palette.color(QPalette.ColorRole.Mid))
            self.getAxis(name).setTextPen(palette.color(QPalette.ColorRole.PlaceholderText))
        self._draw()

    def mousePressEvent(self, ev: QMouseEvent) -> None:
        super().mousePressEvent(ev)
        place = round(self._box.mapSceneToView(self.mapToScene(ev.position().toPoint())).y())
        if self._values and ev.button() is Qt.MouseButton.LeftButton and 0 <= place < len(ORDER):
            self.joint_clicked.emit(JOINTS.index(ORDER[place]))

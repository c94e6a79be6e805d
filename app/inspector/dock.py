"""The dock that shows what the model sees of the selected person, linked to frame, selection and cursor."""

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from app.inspector.joint_table import JointModel, JointTable
from app.inspector.panels import InspectorPanels
from app.look.probe_render import one_map
from jmpose_core import geometry
from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import ProbeResult
from jmpose_core.geometry import Xyxy
from jmpose_core.skeleton import JOINTS

EMPTY = "Select a person to see its heatmaps and flow."
WAITING = "Waiting for the engine…"


class Inspector(QWidget):
    """Panels, a joint to look at, values under the cursor, and the joint table."""

    joint_chosen = Signal(object)  # joint, or None for the maximum over all
    cursor_moved = Signal(object)  # (x, y) in image pixels, or None

    def __init__(self) -> None:
        super().__init__()
        self._probe: ProbeResult | None = None
        self._probed: tuple[int, int, Xyxy] | None = None
        self._joint: int | None = None
        self._panels = InspectorPanels()
        self._choice = QComboBox()
        self._choice.addItem("Maximum over joints", None)
        for joint, name in enumerate(JOINTS):
            self._choice.addItem(name.replace("_", " ").capitalize(), joint)
        self._choice.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._values = QLabel(EMPTY)
        self._values.setObjectName("muted")
        self._values.setWordWrap(True)
        self._values.setMinimumHeight(self._values.fontMetrics().lineSpacing() * 2 + 4)
        self._model = JointModel()
        self._table = JointTable(self._model)
        self._lay_out()
        self._choice.activated.connect(lambda: self.joint_chosen.emit(self._choice.currentData()))
        self._table.joint_clicked.connect(self.joint_chosen)
        self._panels.cursor_moved.connect(self._on_cursor)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(10, 0, 10, 0)
        row.addWidget(self._choice, 1)
        values = QHBoxLayout()
        values.setContentsMargins(12, 0, 10, 4)
        values.addWidget(self._values)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._panels, 1)
        column.addLayout(values)
        lower = QWidget()
        table = QVBoxLayout(lower)
        table.setContentsMargins(10, 0, 10, 10)
        table.addWidget(self._table)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(upper)
        splitter.addWidget(lower)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setChildrenCollapsible(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(splitter)

    @property
    def probe(self) -> ProbeResult | None:
        return self._probe

    @property
    def values_text(self) -> str:
        """What is written under the panels."""
        return self._values.text()

    def show_person(self, person: Annotation | None, joint: int | None) -> None:
        """The table at once; the panels follow when the engine has answered."""
        self._joint = joint
        self._model.set_person(person)
        self._table.select_joint(joint if person is not None else None)
        self._choice.setCurrentIndex(0 if joint is None else joint + 1)
        self._redraw()
        if self._probe is None:
            self._values.setText(EMPTY if person is None else WAITING)

    def is_stale(self, person: Annotation | None) -> bool:
        """Whether the probe that is shown is of another person, frame or box than this."""
        return self._probe is not None and (person is None or _place_of(person) != self._probed)

    def show_probe(self, probe: ProbeResult | None, person: Annotation | None = None) -> None:
        """What the model sees of `person`; None clears the panels."""
        self._probe, self._probed = probe, _place_of(person) if person is not None else None
        self._redraw()
        self._values.setText("" if probe is not None else EMPTY)

    def show_image_cursor(self, xy: tuple[float, float] | None) -> None:
        """The cursor of the main view, in image pixels."""
        if self._probe is not None and xy is not None:
            x, y = geometry.apply(self._probe.crop_from_image, _row(xy))[0]
            height, width = self._probe.crop_rgb.shape[:2]
            inside = -0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5
            self._show_cursor((float(x), float(y)) if inside else None)
        else:
            self._show_cursor(None)

    def _on_cursor(self, xy: tuple[float, float] | None) -> None:
        self._show_cursor(xy)
        if xy is None or self._probe is None:
            self.cursor_moved.emit(None)
            return
        x, y = geometry.apply(geometry.inverse(self._probe.crop_from_image), _row(xy))[0]
        self.cursor_moved.emit((float(x), float(y)))

    def _show_cursor(self, xy: tuple[float, float] | None) -> None:
        self._panels.show_cursor(xy)
        if self._probe is not None:
            self._values.setText(values_at(self._probe, self._joint, xy) if xy is not None else "")

    def _redraw(self) -> None:
        self._panels.show_probe(self._probe, self._joint)


def _place_of(person: Annotation) -> tuple[int, int, Xyxy]:
    return person.frame_index, person.track_id, person.bbox_xyxy


def values_at(probe: ProbeResult, joint: int | None, xy: tuple[float, float]) -> str:
    """Heatmap values and motion at a point of the crop, for the user's eyes."""
    initial, refined = (
        _sample(one_map(maps, joint)[None], probe.crop_rgb.shape[:2], xy)[0] for maps in (probe.initial, probe.refined)
    )
    motion = ""
    if probe.flow is not None:
        dx, dy = _sample(probe.flow, probe.crop_rgb.shape[:2], xy)
        motion = f"   flow {dx:+.1f}, {dy:+.1f} px"
    x, y = geometry.apply(geometry.inverse(probe.crop_from_image), _row(xy))[0]
    return (
        f"x {x:.1f}  y {y:.1f}{motion}\n"
        f"initial {initial:.2f}   refined {refined:.2f}   difference {refined - initial:+.2f}"
    )


def _sample(maps: np.ndarray, crop_size: tuple[int, int], xy: tuple[float, float]) -> list[float]:
    """Values (C,) of maps (C, h, w) in the cell that holds a point of the crop."""
    height, width = maps.shape[1:]
    column = int((xy[0] + 0.5) * width / crop_size[1])
    row = int((xy[1] + 0.5) * height / crop_size[0])
    return [float(value) for value in maps[:, min(max(row, 0), height - 1), min(max(column, 0), width - 1)]]


def _row(xy: tuple[float, float]) -> np.ndarray:
    return np.array([xy], np.float64)

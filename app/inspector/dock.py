"""The dock that shows what the model sees of the selected person, linked to frame, selection and cursor."""

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from app.inspector.joint_table import JointModel, JointTable
from app.inspector.panels import InspectorPanels
from app.inspector.saving import PanelSaver
from app.jobs.background import Background
from app.look.maps import one_map
from app.look.messages import Messages
from app.session.model_view import ModelView
from app.session.people_shown import PeopleShown
from jmpose_core import geometry
from jmpose_core.engine.protocol import ProbeResult
from jmpose_core.skeleton import JOINT_TITLES

LEAST_WIDTH = 384  # pixels: no column of the joint table is cut
EMPTY = "Select a person to see its heatmaps and flow."
WAITING = "Waiting for the engine…"


class Inspector(QWidget):
    """Panels, a joint to look at, values under the cursor, and the joint table."""

    cursor_moved = Signal(object)  # (x, y) in image pixels, or None

    def __init__(self, shown: PeopleShown, model_view: ModelView, background: Background, messages: Messages) -> None:
        super().__init__()
        self._shown, self._model_view = shown, model_view
        self.setMinimumWidth(LEAST_WIDTH)
        self._panels = InspectorPanels()
        self._saver = PanelSaver(self, background, messages)
        self._choice = QComboBox()
        self._choice.addItem("Maximum over joints", None)
        for joint, title in enumerate(JOINT_TITLES):
            self._choice.addItem(title.capitalize(), joint)
        self._choice.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._values = QLabel(EMPTY)
        self._values.setObjectName("muted")
        self._values.setWordWrap(True)
        self._values.setMinimumHeight(self._values.fontMetrics().lineSpacing() * 2 + 4)
        self.joints = JointModel()
        self.table = JointTable(self.joints)
        self._lay_out()
        self._choice.activated.connect(lambda: self._choose(self._choice.currentData()))
        self.table.joint_clicked.connect(self._choose)
        self._panels.cursor_moved.connect(self._on_cursor)
        self._panels.picture_wanted.connect(self._saver.save_picture)
        self._panels.arrays_wanted.connect(self._saver.save_arrays)
        shown.person_changed.connect(self._show_person)
        model_view.changed.connect(self._show_probe)

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
        table.addWidget(self.table)
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
        """What is shown in the panels."""
        return self._model_view.probe

    @property
    def panels(self) -> InspectorPanels:
        """The pictures."""
        return self._panels

    @property
    def values_text(self) -> str:
        """What is written under the panels."""
        return self._values.text()

    def _choose(self, joint: int | None) -> None:
        self._shown.seek(self._shown.track_id, joint)

    def _show_person(self) -> None:
        """The table at once; the panels follow when the engine has answered."""
        person, joint = self._shown.person, self._shown.joint
        self.joints.set_person(person)
        self.table.select_joint(joint if person is not None else None)
        self._choice.setCurrentIndex(0 if joint is None else joint + 1)
        self._show_probe()

    def _show_probe(self) -> None:
        self._panels.show_probe(self.probe, self._shown.joint)
        if self.probe is None:
            self._values.setText(EMPTY if self._shown.person is None else WAITING)
        elif self._values.text() in (EMPTY, WAITING):
            self._values.setText("")

    def show_image_cursor(self, xy: tuple[float, float] | None) -> None:
        """The cursor of the main view, in image pixels."""
        if self.probe is not None and xy is not None:
            x, y = geometry.apply(self.probe.crop_from_image, _row(xy))[0]
            height, width = self.probe.crop_rgb.shape[:2]
            inside = -0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5
            self._show_cursor((float(x), float(y)) if inside else None)
        else:
            self._show_cursor(None)

    def _on_cursor(self, xy: tuple[float, float] | None) -> None:
        self._show_cursor(xy)
        if xy is None or self.probe is None:
            self.cursor_moved.emit(None)
            return
        x, y = geometry.apply(geometry.inverse(self.probe.crop_from_image), _row(xy))[0]
        self.cursor_moved.emit((float(x), float(y)))

    def _show_cursor(self, xy: tuple[float, float] | None) -> None:
        self._panels.show_cursor(xy)
        if self.probe is not None:
            self._values.setText(values_at(self.probe, self._shown.joint, xy) if xy is not None else "")


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

"""Draw one person over the picture."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.look.colours import JOINT_COLOURS, LIMB_COLOURS, track_colour
from app.look.words import joint_note
from app.picture.chip_item import ChipItem
from app.session.view_state import ColourBy
from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.skeleton import JOINT_TITLES, JOINTS, LIMBS

JOINT_RADIUS: Final = 4.2  # screen pixels, at every zoom
LIMB_WIDTH: Final = 2.6
FULL_HEIGHT: Final = 150.0  # screen pixels; joints and limbs of smaller people are drawn finer, so that they stay apart
FINEST: Final = 0.4  # of the full size
CASING: Final = QColor(0, 0, 0, 130)  # dark rim that keeps a line legible on a picture of its own colour
CARRIED: Final = QColor(255, 255, 255, 235)  # the heart of a joint that a correction in another frame has moved
CARRIED_SHARE: Final = 0.42  # of the joint's radius
ON_COLOUR: Final = QColor("#101114")
NOTE_GROUND: Final = QColor(16, 17, 20, 215)
NOTE_INK: Final = QColor("#f2f4f7")
FULL_CONFIDENCE: Final = 0.8  # predictions at or above it are drawn opaque
MARGIN: Final = 80.0  # image pixels around box and joints: rings and wide lines are still drawn
_ABSENT, _OCCLUDED, _CORRECTED = int(Visibility.ABSENT), int(Visibility.OCCLUDED), int(Origin.CORRECTED)


class SkeletonItem(QGraphicsItem):
    """One annotation: limbs, joints and box, with labels. Sizes are screen pixels whatever the zoom."""

    def __init__(self, person: Annotation, *, preview: bool = False) -> None:
        """A `preview` is drawn in outline, without a number: it is not in the project yet."""
        super().__init__()
        self._preview = preview
        self._person = person
        self._rect = _rect(person)
        self._selected_joints: frozenset[int] = frozenset()
        self._hovered_joint: int | None = None
        self._selected = False
        self._colour_by = ColourBy.SIDE
        self._pixel = 1.0  # image pixels a screen pixel
        self._ink = 1.0  # the same for joints and limbs, which are finer on small people
        self._name = ChipItem(self, shift=QPointF(-0.5, -1.0))
        self._note = ChipItem(self, shift=QPointF(12.0, 7.0))
        self._label()
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        # An edit repaints the whole view: without the cache, twenty people are drawn anew for one that has changed.
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    @property
    def person(self) -> Annotation:
        return self._person

    def set_person(self, person: Annotation) -> None:
        if person == self._person:
            return
        self.prepareGeometryChange()
        self._person, self._rect = person, _rect(person)
        self._label()
        self.update()

    def set_emphasis(self, *, selected: bool, joints: frozenset[int], dimmed: bool, colour_by: ColourBy) -> None:
        """Whether this person is selected, and which of its joints, and whether somebody else is (`dimmed`)."""
        self.setOpacity(0.55 if dimmed else 1.0)
        self.setZValue(2 if selected else 1)
        if (selected, joints, colour_by) != (self._selected, self._selected_joints, self._colour_by):
            self._selected, self._selected_joints, self._colour_by = selected, joints, colour_by
            self.update()

    def set_hovered_joint(self, joint: int | None) -> None:
        if joint != self._hovered_joint:
            self._hovered_joint = joint
            self._label()
            self.update()

    def _label(self) -> None:
        """The person's number at the box, and what is to say of the joint under the cursor."""
        left, top, _, _ = self._person.bbox_xyxy
        self._name.setPos(left, top)
        self._name.say(str(self._person.track_id), ground=track_colour(self._person.track_id), ink=ON_COLOUR)
        self._name.setVisible(not self._preview)
        joint = self._hovered_joint
        self._note.setVisible(joint is not None)
        if joint is not None:
            self._note.setPos(self._point(joint))
            text = f"{JOINT_TITLES[joint]}  {joint_note(self._person, joint)}"
            self._note.say(text, ground=NOTE_GROUND, ink=NOTE_INK)

    def boundingRect(self) -> QRectF:
        return self._rect

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        self._pixel = 1.0 / max(option.levelOfDetailFromTransform(painter.worldTransform()), 1e-6)
        _, top, _, bottom = self._person.bbox_xyxy
        self._ink = self._pixel * fineness((bottom - top) / self._pixel)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_box(painter)
        for limb in range(len(LIMBS)):
            self._paint_limb(painter, limb)
        for joint in range(len(JOINTS)):
            self._paint_joint(painter, joint)

    def _paint_box(self, painter: QPainter) -> None:
        left, top, right, bottom = self._person.bbox_xyxy
        colour = QColor("#ffffff") if self._preview else track_colour(self._person.track_id)
        colour.setAlpha(230 if self._selected or self._preview else 90)
        style = Qt.PenStyle.DashLine if self._preview else Qt.PenStyle.SolidLine
        pen = QPen(colour, (1.6 if self._selected or self._preview else 1.0) * self._pixel, style)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(left, top, right - left, bottom - top))

    def _paint_limb(self, painter: QPainter, limb: int) -> None:
        first, second = LIMBS[limb]
        codes = (self._person.visibility[first], self._person.visibility[second])
        if _ABSENT in codes:
            return
        colour = self._colour(LIMB_COLOURS[limb])
        colour.setAlphaF(min(self._strength(first), self._strength(second)) * 0.95)
        style = Qt.PenStyle.DashLine if _OCCLUDED in codes else Qt.PenStyle.SolidLine
        casing = QColor(CASING)
        casing.setAlphaF(CASING.alphaF() * colour.alphaF())
        line = (self._point(first), self._point(second))
        if style is Qt.PenStyle.SolidLine:
            painter.setPen(self._pen(casing, LIMB_WIDTH + 2.4))
            painter.drawLine(*line)
        painter.setPen(self._pen(colour, LIMB_WIDTH, style))
        painter.drawLine(*line)

    def _paint_joint(self, painter: QPainter, joint: int) -> None:
        code = self._person.visibility[joint]
        if code == _ABSENT:
            self._paint_absent(painter, joint)
            return
        colour = self._colour(JOINT_COLOURS[joint])
        colour.setAlphaF(self._strength(joint))
        selected = joint in self._selected_joints or joint == self._hovered_joint
        radius = (JOINT_RADIUS + (2.0 if selected else 0.0) + (0.6 if self._selected else 0.0)) * self._ink
        hollow = code == _OCCLUDED
        rim = QColor("#ffffff") if self._person.touched[joint] else CASING
        painter.setPen(self._pen(rim, 1.5))
        painter.setBrush(QBrush(QColor(0, 0, 0, 90)) if hollow else QBrush(colour))
        painter.drawEllipse(self._point(joint), radius, radius)
        if hollow:
            painter.setPen(self._pen(colour, 2.0))
            painter.drawEllipse(self._point(joint), radius * 0.78, radius * 0.78)
        elif self._person.origin[joint] == Origin.PROPAGATED:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(CARRIED))
            painter.drawEllipse(self._point(joint), radius * CARRIED_SHARE, radius * CARRIED_SHARE)
        if joint in self._selected_joints:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(self._pen(QColor("#ffffff"), 1.4))
            ring = radius + 4.0 * self._pixel
            painter.drawEllipse(self._point(joint), ring, ring)

    def _paint_absent(self, painter: QPainter, joint: int) -> None:
        """A joint that is not there is not drawn, but where it would come back is, while it is selected."""
        if joint in self._selected_joints:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            radius = (JOINT_RADIUS + 4.0) * self._pixel
            for colour, width in ((CASING, 3.0), (QColor("#ffffff"), 1.4)):
                painter.setPen(self._pen(colour, width, Qt.PenStyle.DotLine))
                painter.drawEllipse(self._point(joint), radius, radius)

    def _point(self, joint: int) -> QPointF:
        x, y = self._person.keypoints[joint]
        return QPointF(float(x), float(y))

    def _pen(self, colour: QColor, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
        return QPen(colour, width * self._ink, style, Qt.PenCapStyle.FlatCap)

    def _colour(self, side: QColor) -> QColor:
        return QColor(side) if self._colour_by is ColourBy.SIDE else track_colour(self._person.track_id)

    def _strength(self, joint: int) -> float:
        """Opacity, 0.3 to 1: a prediction fades with its confidence, a corrected or verified joint does not."""
        if self._person.origin[joint] >= _CORRECTED:
            return 1.0
        return 0.3 + 0.7 * min(float(self._person.confidence[joint]) / FULL_CONFIDENCE, 1.0)


def fineness(height: float) -> float:
    """The share of their full size at which joints and limbs of a person are drawn, by height in screen pixels."""
    return min(max(height / FULL_HEIGHT, FINEST), 1.0)


def _rect(person: Annotation) -> QRectF:
    """Where anything of a person is drawn."""
    left, top, right, bottom = person.bbox_xyxy
    present = person.keypoints[person.visibility != _ABSENT]
    if len(present):
        left, top = min(left, present[:, 0].min()), min(top, present[:, 1].min())
        right, bottom = max(right, present[:, 0].max()), max(bottom, present[:, 1].max())
    return QRectF(left - MARGIN, top - MARGIN, right - left + 2 * MARGIN, bottom - top + 2 * MARGIN)

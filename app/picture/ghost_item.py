"""The selected person as it is in the frames around, fading with the distance: whether a joint moves as it should."""

from collections.abc import Iterable, Sequence
from typing import Final

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.look.colours import track_colour
from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.skeleton import LIMBS

REACH: Final = 3  # frames on either side
_WIDTH: Final = 1.6  # screen pixels
_STRONGEST: Final = 0.6  # opacity a frame away


class GhostItem(QGraphicsItem):
    """Limbs alone, in the colour of the track; dashed in the frames that are still to come."""

    def __init__(self) -> None:
        super().__init__()
        self.poses: Sequence[tuple[int, Annotation]] = ()  # the furthest first, with their distances in frames
        self.setZValue(0.9)  # over the picture, under the people
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def show_around(self, frame_index: int, people: Iterable[Annotation]) -> None:
        """Draw these, which are one person in other frames."""
        apart = [(person.frame_index - frame_index, person) for person in people if person.frame_index != frame_index]
        poses = sorted(apart, key=lambda pose: -abs(pose[0]))
        if poses or self.poses:
            self.prepareGeometryChange()
            self.poses = poses
            self.update()

    def boundingRect(self) -> QRectF:
        rect = QRectF()
        for _, person in self.poses:
            left, top = person.keypoints.min(axis=0).tolist()
            right, bottom = person.keypoints.max(axis=0).tolist()
            rect = rect.united(QRectF(left - 4, top - 4, right - left + 8, bottom - top + 8))
        return rect

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for distance, person in self.poses:
            colour = track_colour(person.track_id)
            colour.setAlphaF(_STRONGEST * (REACH + 1 - abs(distance)) / REACH)
            pen = QPen(colour, _WIDTH, Qt.PenStyle.DashLine if distance > 0 else Qt.PenStyle.SolidLine)
            pen.setCosmetic(True)
            painter.setPen(pen)
            there = person.visibility != Visibility.ABSENT
            painter.drawLines(
                [
                    QLineF(*person.keypoints[first].tolist(), *person.keypoints[second].tolist())
                    for first, second in LIMBS
                    if there[first] and there[second]
                ]
            )

"""One frame and its people: pick, and the gestures of correction."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPalette, QPen
from PySide6.QtWidgets import QGraphicsRectItem

from app.picture.gestures import DragJoint, DragPerson, DrawBox, Gesture, Point
from app.picture.hit_test import BboxEdgeHit, Hit, JointHit, LimbHit, hit_test
from app.picture.picture_item import CrossItem, PictureItem, qtransform
from app.picture.skeleton_item import SkeletonItem
from app.picture.zoom_view import ZoomView
from app.session.view_state import ViewState
from jmpose_core.annotations import Annotation
from jmpose_core.geometry import Affine

GRAB_RADIUS = 9.0  # screen pixels within which a joint or limb is under the hand


class FrameView(ZoomView):
    """Shows what it is given; what the hand does leaves as signals, in image pixels."""

    edited = Signal(object, str)  # Annotation as it should become, name of the step
    box_drawn = Signal(object)  # bbox_xyxy
    placed = Signal(float, float)  # the selected joint belongs here
    hovered = Signal(object)  # (x, y), or None outside of the view
    box_mode_ended = Signal()

    def __init__(self, view_state: ViewState) -> None:
        super().__init__()
        self._view_state = view_state
        self._picture, self._overlay = PictureItem(), PictureItem()
        self._rubber = QGraphicsRectItem()
        self._people: dict[int, SkeletonItem] = {}
        self._frame_index = -1
        self._gesture: Gesture | None = None
        self._box_mode = False
        self._overlay.setZValue(0.5)
        self._overlay.setOpacity(0.75)
        self._rubber.setZValue(3)
        self._rubber.hide()
        self._cross = CrossItem()
        for item in (self._picture, self._overlay, self._rubber, self._cross):
            self.scene().addItem(item)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Frame")
        view_state.selection_changed.connect(self._restyle)
        view_state.drawing_changed.connect(self._restyle)

    # What is shown

    @property
    def frame_index(self) -> int:
        """The frame on the screen; while a new one is being decoded, still the old one."""
        return self._frame_index

    @property
    def people(self) -> list[Annotation]:
        return [item.person for item in self._people.values()]

    def show_frame(self, frame_index: int, image: QImage, people: Sequence[Annotation]) -> None:
        """The picture and the people of one frame, together, so that they never disagree."""
        self._frame_index = frame_index
        resized = image.size() != self._picture.image.size()
        self._picture.set_image(image)
        if resized:
            self.set_picture_rect(self._picture.boundingRect())
        self._overlay.hide()
        self.set_people(people)

    def set_people(self, people: Sequence[Annotation]) -> None:
        """Redraw the people of the frame on the screen; a drag of one of them is given up."""
        if not isinstance(self._gesture, DrawBox):
            self._gesture = None
        wanted = {person.track_id: person for person in people}
        for track_id in self._people.keys() - wanted.keys():
            self.scene().removeItem(self._people.pop(track_id))
        for track_id, person in wanted.items():
            if track_id in self._people:
                self._people[track_id].set_person(person)
            else:
                self._people[track_id] = SkeletonItem(person)
                self.scene().addItem(self._people[track_id])
        self._restyle()

    def show_overlay(self, image: QImage | None, image_from_overlay: Affine | None = None) -> None:
        """Lay a translucent picture over the frame, or (None) take it away."""
        if image is None or image_from_overlay is None:
            self._overlay.hide()
            return
        self._overlay.set_image(image)
        self._overlay.setTransform(qtransform(image_from_overlay))
        self._overlay.show()

    @property
    def overlay_shown(self) -> bool:
        return self._overlay.isVisible()

    def show_cursor(self, xy: Point | None) -> None:
        """A cross where the cursor is in another view of the same frame."""
        self._cross.setVisible(xy is not None)
        if xy is not None:
            self._cross.setPos(*xy)

    def clear(self) -> None:
        self._frame_index = -1
        self._picture.set_image(QImage())
        self._overlay.hide()
        self.set_people([])

    def fit_person(self, person: Annotation) -> None:
        """One person, with some room around."""
        left, top, right, bottom = person.bbox_xyxy
        self.fit_rect(QRectF(left, top, right - left, bottom - top), 0.35)

    def _restyle(self) -> None:
        state = self._view_state
        somebody = state.track_id in self._people
        for track_id, item in self._people.items():
            mine = track_id == state.track_id
            item.set_emphasis(
                selected=mine,
                joint=state.joint if mine else None,
                dimmed=somebody and not mine,
                colour_by=state.colour_by,
            )
            item.setVisible(not state.people_hidden)

    # The hand

    def set_box_mode(self, on: bool) -> None:
        """Whether the next drag draws the box of a new person."""
        self._box_mode = on
        self.viewport().setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)

    def image_point(self, event: QMouseEvent) -> Point:
        """Where the event is, in image pixels and parts of pixels."""
        inverse, _ = self.viewportTransform().inverted()
        scene = inverse.map(event.position())
        return scene.x(), scene.y()

    def hit_at(self, xy: Point) -> Hit | None:
        if self._view_state.people_hidden:
            return None
        return hit_test(self.people, xy, radius=GRAB_RADIUS / self.zoom, selected=self._view_state.track_id)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.MiddleButton:
            self.begin_pan(event.position())
        elif event.button() is Qt.MouseButton.LeftButton and self._frame_index >= 0:
            self._press(self.image_point(event), event)

    def _press(self, xy: Point, event: QMouseEvent) -> None:
        hit = self.hit_at(xy)
        if self._box_mode:
            self._gesture = DrawBox(xy)
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier and self._view_state.joint is not None:
            self.placed.emit(*xy)
        elif hit is None:
            self._view_state.select(None)
            self.begin_pan(event.position())
        else:
            self._grab(hit, xy, event)

    def _grab(self, hit: Hit, xy: Point, event: QMouseEvent) -> None:
        person = self._people[hit.track_id].person
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._view_state.select(hit.track_id, hit.joint if isinstance(hit, JointHit) else None)
        if isinstance(hit, JointHit):
            self._gesture = DragJoint(person, xy, hit.joint)
        elif isinstance(hit, LimbHit | BboxEdgeHit) and shift:
            self._gesture = DragPerson(person, xy)
        else:
            self.begin_pan(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        xy = self.image_point(event)
        self.hovered.emit(xy)
        if self.panning:
            self.pan_to(event.position())
        elif self._gesture is not None:
            self._gesture.follow(xy)
            self._preview(self._gesture)
        else:
            self._hover(self.hit_at(xy))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.end_pan()
        gesture, self._gesture = self._gesture, None
        if isinstance(gesture, DrawBox):
            self._end_box_mode()
            if gesture.bbox_xyxy is not None:
                self.box_drawn.emit(gesture.bbox_xyxy)
        elif gesture is not None and gesture.preview is not gesture.person:
            self.edited.emit(gesture.preview, gesture.text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._give_up()
        else:
            event.ignore()

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)
        self._hover(None)

    def _give_up(self) -> None:
        """Drop the gesture in progress; nothing was changed by it."""
        gesture, self._gesture = self._gesture, None
        if self._box_mode:
            self._end_box_mode()
        elif isinstance(gesture, DragJoint | DragPerson):
            self._people[gesture.person.track_id].set_person(gesture.person)
        else:
            self._view_state.select(None)

    def _end_box_mode(self) -> None:
        self._rubber.hide()
        self.set_box_mode(False)
        self.box_mode_ended.emit()

    def _preview(self, gesture: Gesture) -> None:
        if not isinstance(gesture, DrawBox):
            self._people[gesture.person.track_id].set_person(gesture.preview)
            return
        if gesture.bbox_xyxy is None:
            self._rubber.hide()
            return
        left, top, right, bottom = gesture.bbox_xyxy
        accent = QColor(self.palette().color(QPalette.ColorRole.Highlight))
        self._rubber.setPen(QPen(accent, 1.6 / self.zoom))
        accent.setAlpha(40)
        self._rubber.setBrush(accent)
        self._rubber.setRect(QRectF(left, top, right - left, bottom - top))
        self._rubber.show()

    def _hover(self, hit: Hit | None) -> None:
        for track_id, item in self._people.items():
            mine = isinstance(hit, JointHit) and hit.track_id == track_id
            item.set_hovered_joint(hit.joint if isinstance(hit, JointHit) and mine else None)
        if not self._box_mode:
            grab = isinstance(hit, JointHit)
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if grab else Qt.CursorShape.ArrowCursor)

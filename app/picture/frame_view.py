"""One frame and its people: pick, and the gestures of correction."""

from typing import Final

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QImage, QInputEvent, QKeyEvent, QMouseEvent, QPalette

from app.picture.gestures import (
    DragJoint,
    DragJoints,
    DragPerson,
    DrawBox,
    Gesture,
    Marquee,
    NudgeJoints,
    Point,
    Rectangle,
)
from app.picture.hit_test import BboxEdgeHit, Hit, JointHit, LimbHit, gathered_in, hit_test
from app.picture.overlay import overlay_of
from app.picture.people_layer import PeopleLayer
from app.picture.picture_item import CrossItem, PictureItem, RubberItem, qtransform
from app.picture.zoom_view import ZoomView
from app.session.model_view import ModelView
from app.session.people_shown import PeopleShown
from app.session.view_state import ViewState
from jmpose_core import geometry
from jmpose_core.annotations import Annotation
from jmpose_core.skeleton import LIMBS

GRAB_RADIUS = 9.0  # screen pixels within which a joint or limb is under the hand
JOINT_ROOM = 26.0  # screen pixels about a joint that are brought into view with it
TREMBLE = 3.0  # screen pixels that a hand may move in a click on a limb
ARROWS: Final = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class FrameView(ZoomView):
    """Shows the frame looked at and its people; what the hand does leaves as signals, in image pixels."""

    edited = Signal(object, str)  # Annotation as it should become, name of the step
    box_drawn = Signal(object)  # bbox_xyxy
    placed = Signal(float, float, bool)  # the selected joint belongs here; whether it is occluded
    hovered = Signal(object)  # (x, y), or None outside of the view

    def __init__(self, view_state: ViewState, shown: PeopleShown, model_view: ModelView) -> None:
        super().__init__()
        self._view_state, self._shown, self._model_view = view_state, shown, model_view
        self._picture, self._overlay = PictureItem(), PictureItem()
        self._rubber = RubberItem()
        self._people = PeopleLayer(self.scene(), shown, view_state)
        self._frame_index = -1
        self._gesture: Gesture | None = None
        self._box_mode = False
        self._to_be_shown = False  # the selection is to be brought into view once its frame is on the screen
        self._overlay.setZValue(0.5)
        self._overlay.setOpacity(0.75)
        self._cross = CrossItem()
        for item in (self._picture, self._overlay, self._rubber, self._cross):
            self.scene().addItem(item)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Frame")
        view_state.video_changed.connect(self.clear)
        view_state.layer_changed.connect(self._show_overlay)
        view_state.drawing_changed.connect(self._people.restyle)
        view_state.light_changed.connect(lambda: self._picture.set_light(view_state.light))
        shown.people_changed.connect(self._on_people)
        shown.selection_changed.connect(self._people.restyle)
        shown.person_changed.connect(self._show_overlay)
        shown.sought.connect(self.show_selection)
        model_view.changed.connect(self._show_overlay)

    # What is shown

    @property
    def frame_index(self) -> int:
        """The frame on the screen; while a new one is being decoded, still the old one. -1: none."""
        return self._frame_index

    @property
    def people(self) -> list[Annotation]:
        """As they are drawn now."""
        return self._people.people

    @property
    def previews(self) -> list[Annotation]:
        """People who are drawn and cannot be picked: a prediction has seen them, and still works on them."""
        return self._people.previews

    @property
    def overlay_shown(self) -> bool:
        return self._overlay.isVisible()

    def show_frame(self, frame_index: int, image: QImage) -> None:
        """The picture and the people of one frame, together, so that they never disagree."""
        followed = self._selection_in_view()
        self._frame_index = frame_index
        resized = image.size() != self._picture.image.size()
        self._picture.set_image(image)
        if resized:
            self.set_picture_rect(self._picture.boundingRect())
        self._set_people()
        self._show_overlay()
        if self._to_be_shown or followed:
            self.show_selection()

    def show_no_picture(self, frame_index: int) -> None:
        """A frame that cannot be decoded: its people on an empty ground."""
        video = self._view_state.video
        if video is not None:
            empty = QImage(video.width, video.height, QImage.Format.Format_RGB32)
            empty.fill(self.palette().color(QPalette.ColorRole.Mid))
            self.show_frame(frame_index, empty)

    def clear(self) -> None:
        """No picture and nobody."""
        self._frame_index = -1
        self._picture.set_image(QImage())
        self._overlay.hide()
        self._set_people()

    def show_cursor(self, xy: Point | None) -> None:
        """A cross where the cursor is in another view of the same frame."""
        self._cross.setVisible(xy is not None)
        if xy is not None:
            self._cross.setPos(*xy)

    def zoom_to_person(self) -> None:
        """The selected person, with some room around."""
        if (person := self._shown.person) is not None:
            self.fit_rect(_rect(person.bbox_xyxy), 0.35)

    def show_selection(self) -> None:
        """Bring the selected joint, or person, into view; when its frame comes, if that is still being decoded."""
        self._to_be_shown = self._frame_index != self._view_state.frame_index
        if not self._to_be_shown and (rect := self._selection_rect()) is not None:
            self.bring_into_view(rect)

    def _selection_rect(self) -> QRectF | None:
        person, joint = self._shown.person, self._shown.joint
        if person is None:
            return None
        if joint is None:
            return _rect(person.bbox_xyxy)
        x, y = person.keypoints[joint]
        room = JOINT_ROOM / self.zoom
        return QRectF(float(x) - room, float(y) - room, 2 * room, 2 * room)

    def _selection_in_view(self) -> bool:
        """Whether the selected joint or person was in view in the frame on the screen."""
        person = self._people.person(self._shown.track_id) if self._shown.track_id is not None else None
        if person is None:
            return False
        joint = self._shown.joint
        x, y = person.keypoints[joint] if joint is not None else _rect(person.bbox_xyxy).center().toTuple()
        return self.visible_rect().contains(float(x), float(y))

    def _on_people(self, frames: frozenset[int]) -> None:
        if self._frame_index in frames:
            self._set_people()

    def _set_people(self) -> None:
        """Redraw the people of the frame on the screen; a drag of one of them is given up."""
        if not isinstance(self._gesture, Rectangle):
            self._gesture = None
        if self._frame_index < 0:
            self._people.set_people([])
        else:
            self._people.set_people(self._shown.people(self._frame_index), self._shown.preview(self._frame_index))

    def _show_overlay(self) -> None:
        """The heatmap or flow of the selected person, where it is known and asked for."""
        probe = self._model_view.probe
        image = None
        if probe is not None and self._frame_index == self._view_state.frame_index:
            image = overlay_of(probe, self._view_state.layer, self._shown.joint)
        self._overlay.setVisible(image is not None)
        if image is not None and probe is not None:
            self._overlay.set_image(image)
            self._overlay.setTransform(qtransform(geometry.inverse(probe.crop_from_image)))

    # The hand

    def begin_box(self) -> None:
        """The next drag draws the box of a new person."""
        self._set_box_mode(True)
        self.setFocus()

    def image_point(self, event: QMouseEvent) -> Point:
        """Where the event is, in image pixels and parts of pixels."""
        inverse, _ = self.viewportTransform().inverted()
        scene = inverse.map(event.position())
        return scene.x(), scene.y()

    def hit_at(self, xy: Point) -> Hit | None:
        selected, joint = self._shown.track_id, self._shown.joint
        return hit_test(
            self._people.pickable, xy, radius=GRAB_RADIUS / self.zoom, selected=selected, selected_joint=joint
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._end_nudge()
        if event.button() is Qt.MouseButton.MiddleButton:
            self.begin_pan(event.position())
        elif event.button() is Qt.MouseButton.LeftButton and self._frame_index >= 0:
            self._press(self.image_point(event), event)

    def _press(self, xy: Point, event: QMouseEvent) -> None:
        if self._box_mode:
            self._gesture = DrawBox(xy)
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and self._shown.person is not None:
            if self._frame_index == self._view_state.frame_index:
                self.placed.emit(*xy, _shift(event))
            return
        self._shown.settle()  # a person is grabbed as the project has it
        hit = self.hit_at(xy)
        person = self._people.person(hit.track_id) if hit is not None else None
        if _shift(event) and not isinstance(hit, JointHit | LimbHit | BboxEdgeHit):
            self._gesture = Marquee(xy)
        elif hit is None or person is None:
            self._shown.select(None)
            self.begin_pan(event.position())
        else:
            self._grab(hit, person, xy, event)

    def _grab(self, hit: Hit, person: Annotation, xy: Point, event: QMouseEvent) -> None:
        selected = self._shown.track_id == hit.track_id
        together = self._shown.joints if selected and len(self._shown.joints) > 1 else frozenset()
        if isinstance(hit, JointHit) and hit.joint in together:
            self._gesture = DragJoints(person, xy, tuple(sorted(together)), TREMBLE / self.zoom)
            return
        self._shown.select(hit.track_id, hit.joint if isinstance(hit, JointHit) else None)
        if isinstance(hit, JointHit):
            self._gesture = DragJoint(person, xy, hit.joint)
        elif isinstance(hit, LimbHit | BboxEdgeHit) and _shift(event):
            self._gesture = DragPerson(person, xy)
        elif isinstance(hit, LimbHit) and selected:  # so that a first click never moves anything
            self._gesture = DragJoints(person, xy, LIMBS[hit.limb], TREMBLE / self.zoom)
        else:
            self.begin_pan(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        xy = self.image_point(event)
        self.hovered.emit(xy)
        if self.panning:
            self.pan_to(event.position())
        elif self._gesture is not None and not isinstance(self._gesture, NudgeJoints):
            self._gesture.follow(xy)
            self._preview(self._gesture)
        else:
            self._hover(self.hit_at(xy))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.end_pan()
        self._end_gesture()

    def _end_gesture(self) -> None:
        """What the hand did is one edit."""
        gesture, self._gesture = self._gesture, None
        if isinstance(gesture, DrawBox):
            self._end_box_mode()
            if gesture.bbox_xyxy is not None:
                self.box_drawn.emit(gesture.bbox_xyxy)
        elif isinstance(gesture, Marquee):
            self._rubber.hide()
            self._gather(gesture)
        elif gesture is not None and gesture.preview is not gesture.person:
            self.edited.emit(gesture.preview, gesture.text)

    def _gather(self, marquee: Marquee) -> None:
        """Select what the marquee holds."""
        found = None
        if marquee.bbox_xyxy is not None:
            found = gathered_in(self._people.pickable, marquee.bbox_xyxy, selected=self._shown.track_id)
        track_id, joints = found or (None, frozenset())
        if len(joints) == 1:
            self._shown.select(track_id, *joints)
        else:
            self._shown.select(track_id, gathered=joints)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._give_up()
        elif not self._nudges(event):
            event.ignore()
        elif self._gesture is None or isinstance(self._gesture, NudgeJoints):
            self._nudge(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() in ARROWS and not event.isAutoRepeat():
            self._end_nudge()
        event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._end_nudge()
        super().focusOutEvent(event)

    def event(self, event: QEvent) -> bool:
        """Arrow keys are the selected joints', where any are; else they are commands of the window."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._nudges(event):
            event.accept()
            return True
        return super().event(event)

    def _nudges(self, event: QKeyEvent) -> bool:
        """Whether the key moves the selected joints."""
        bare = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        here = self._frame_index >= 0 and self._frame_index == self._view_state.frame_index
        joints = here and self._shown.person is not None and len(self._shown.joints) > 0
        return event.key() in ARROWS and not bare and joints and not self._view_state.people_hidden

    def _nudge(self, event: QKeyEvent) -> None:
        """By an image pixel, or by a screen pixel where that is less; ten with Shift."""
        if self._gesture is None:
            self._shown.settle()
            if self._shown.person is None:
                return
            self._gesture = NudgeJoints(self._shown.person, tuple(sorted(self._shown.joints)))
        if isinstance(self._gesture, NudgeJoints):
            length = min(1.0, 1.0 / self.zoom) * (10 if _shift(event) else 1)
            dx, dy = ARROWS[Qt.Key(event.key())]
            self._gesture.by(dx * length, dy * length)
            self._people.preview(self._gesture.preview)

    def _end_nudge(self) -> None:
        if isinstance(self._gesture, NudgeJoints):
            self._end_gesture()

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)
        self._hover(None)

    def _give_up(self) -> None:
        """Drop the gesture in progress; nothing was changed by it."""
        gesture, self._gesture = self._gesture, None
        if self._box_mode:
            self._end_box_mode()
        elif isinstance(gesture, Rectangle):
            self._rubber.hide()
        elif gesture is not None:
            self._people.preview(gesture.person)
        else:
            self._shown.select(None)

    def _set_box_mode(self, on: bool) -> None:
        self._box_mode = on
        self.viewport().setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)

    def _end_box_mode(self) -> None:
        self._rubber.hide()
        self._set_box_mode(False)

    def _preview(self, gesture: Gesture) -> None:
        if not isinstance(gesture, Rectangle):
            self._people.preview(gesture.preview)
        elif gesture.bbox_xyxy is None:
            self._rubber.hide()
        else:
            accent = self.palette().color(QPalette.ColorRole.Highlight)
            self._rubber.stretch(_rect(gesture.bbox_xyxy), accent, self.zoom)

    def _hover(self, hit: Hit | None) -> None:
        joint = hit.joint if isinstance(hit, JointHit) else None
        self._people.hover(hit.track_id if hit is not None else None, joint)
        if not self._box_mode:
            shape = Qt.CursorShape.ArrowCursor if joint is None else Qt.CursorShape.PointingHandCursor
            self.viewport().setCursor(shape)


def _shift(event: QInputEvent) -> bool:
    return bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)


def _rect(bbox_xyxy: geometry.Xyxy) -> QRectF:
    left, top, right, bottom = bbox_xyxy
    return QRectF(left, top, right - left, bottom - top)

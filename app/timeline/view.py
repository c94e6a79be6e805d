"""One lane per track: what is predicted, corrected and verified, how sure the model is, and where the user is."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPixmap, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame

from app.look.colours import track_colour
from app.session.lanes import Lanes
from app.session.people_shown import PeopleShown
from app.session.predictions import Predictions
from app.session.review_queue import ReviewQueue
from app.session.thumbnails import Thumbnails
from app.session.track_motion import TrackMotion
from app.session.view_state import ViewState
from app.timeline.hover_picture import HoverPicture
from app.timeline.paint import (
    LANE_GAP,
    LANE_HEIGHT,
    MOTION_HEIGHT,
    QueueMark,
    Run,
    Scale,
    paint_held,
    paint_lane,
    paint_marked,
    paint_motion,
    paint_queue,
    paint_ruler,
    spans_of,
)
from jmpose_core.frame_numbers import frame_number
from jmpose_core.project import Lane

LABELS_WIDTH: Final = 64
RULER_HEIGHT: Final = 24
_LANE_STEP: Final = LANE_HEIGHT + LANE_GAP
_MOTION_STEP: Final = MOTION_HEIGHT + LANE_GAP
SMALLEST_SPAN: Final = 10.0  # frames that fill the width at the largest zoom


class Timeline(QAbstractScrollArea):
    """Click or drag to seek, wheel to scroll, Ctrl+wheel to zoom; a click on a lane selects its track.

    A drag with Shift marks a range of frames, a click with Shift unmarks it.
    """

    def __init__(
        self,
        view_state: ViewState,
        lanes: Lanes,
        shown: PeopleShown,
        predictions: Predictions,
        queue: ReviewQueue,
        motion: TrackMotion,
        thumbnails: Thumbnails,
    ) -> None:
        super().__init__()
        self._view_state, self._shown, self._predictions = view_state, shown, predictions
        self._queue, self._motion = queue, motion
        self._lanes: list[Lane] = []
        self._opened_row: int | None = None  # the lane under which the motion of its person is drawn
        self._held: list[Run] = []
        self._first, self._span = 0.0, 1.0
        self._hover_x: float | None = None
        self.hover_picture = HoverPicture(thumbnails, self)
        self._seeking = False
        self._marking_from: int | None = None  # the frame where a drag with Shift began
        self._drawn: QPixmap | None = None  # all but the playhead; None when it must be drawn anew
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName("Timeline")
        view_state.video_changed.connect(self.show_all)
        view_state.frame_changed.connect(self._on_frame)
        view_state.marked_changed.connect(self._redraw)
        shown.selection_changed.connect(self._find_opened)
        shown.people_changed.connect(lambda _: self._show_unsaved())
        lanes.changed.connect(lambda: self.set_lanes(lanes.lanes))
        queue.changed.connect(self._redraw)
        motion.changed.connect(self._find_opened)
        self.verticalScrollBar().valueChanged.connect(self._redraw)

    def sizeHint(self) -> QSize:
        return QSize(600, 150)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, RULER_HEIGHT + 2 * (LANE_HEIGHT + LANE_GAP))

    def set_lanes(self, lanes: Sequence[Lane]) -> None:
        self._lanes = list(lanes)
        self._find_opened()

    def _find_opened(self) -> None:
        speeds = self._motion.speeds
        track_id = None if speeds is None else speeds.track_id
        self._opened_row = next((row for row, lane in enumerate(self._lanes) if lane.track_id == track_id), None)
        self._set_scroll_range()
        self._redraw()

    def _show_unsaved(self) -> None:
        """Frames that a running prediction has finished and that are not in the lanes yet."""
        video = self._view_state.video
        frames = self._predictions.unsaved_frames(video.id) if video is not None else []
        if frames or self._held:
            self._held = [Run(first, last, 0) for first, last in spans_of(frames)]
            self._redraw()

    def show_all(self) -> None:
        """The whole video in the width there is."""
        video = self._view_state.video
        self._first, self._span = 0.0, float(video.frame_count) if video is not None else 1.0
        self._redraw()

    @property
    def scale(self) -> Scale:
        width = max(self.viewport().width() - LABELS_WIDTH - 10, 1)
        return Scale(left=LABELS_WIDTH, width=width, first=self._first, span=self._span)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._drawn is None:
            self._drawn = self._draw()
        painter = QPainter(self.viewport())
        painter.drawPixmap(0, 0, self._drawn)
        if self._view_state.video is not None:
            self._paint_hover(painter)
            self._paint_playhead(painter)

    def _draw(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(self.viewport().size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self.palette().color(QPalette.ColorRole.Window))
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font())
        self._paint_lanes(painter)
        video = self._view_state.video
        if video is not None:
            ruler = QRectF(0, 0, self.viewport().width(), RULER_HEIGHT)
            painter.fillRect(ruler, self.palette().color(QPalette.ColorRole.Window))
            paint_ruler(painter, self.palette(), self.scale, RULER_HEIGHT, video.fps)
            paint_held(painter, self.palette(), self.scale, RULER_HEIGHT, self._held)
            if (marked := self._view_state.marked) is not None:
                paint_marked(painter, self.palette(), self.scale, self.viewport().height(), *marked)
        painter.end()
        return pixmap

    def _paint_lanes(self, painter: QPainter) -> None:
        selected = self._shown.track_id
        marks, warning = marks_of(self._queue), self.palette().color(QPalette.ColorRole.BrightText)
        for row, lane in enumerate(self._lanes):
            top = self._lane_top(row)
            if top + LANE_HEIGHT < RULER_HEIGHT or top > self.viewport().height():
                continue
            colour = track_colour(lane.track_id)
            paint_lane(painter, self.palette(), self.scale, top, lane, colour, selected=lane.track_id == selected)
            paint_queue(painter, warning, self.scale, top, marks.get(lane.track_id, ()))
            if row == self._opened_row and (speeds := self._motion.speeds) is not None:
                speed = speeds.of_joint(self._shown.joint)
                paint_motion(painter, self.palette(), self.scale, top + _LANE_STEP, speeds.frame_index, speed)
            self._paint_label(painter, top, lane.track_id, colour, selected=lane.track_id == selected)

    def _paint_label(self, painter: QPainter, top: float, track_id: int, colour: QColor, *, selected: bool) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(18, top + LANE_HEIGHT / 2), 4, 4)
        role = QPalette.ColorRole.WindowText if selected else QPalette.ColorRole.PlaceholderText
        painter.setPen(self.palette().color(role))
        box = QRectF(30, top, LABELS_WIDTH - 32, LANE_HEIGHT)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, str(track_id))

    def _paint_playhead(self, painter: QPainter) -> None:
        x = self.scale.centre_of(self._view_state.frame_index)
        if x < LABELS_WIDTH - 1:
            return
        accent = self.palette().color(QPalette.ColorRole.Highlight)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(accent, 1.5))
        painter.drawLine(QPointF(x, RULER_HEIGHT - 5), QPointF(x, self.viewport().height()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawRoundedRect(QRectF(x - 5, RULER_HEIGHT - 13, 10, 10), 3, 3)

    def _paint_hover(self, painter: QPainter) -> None:
        video = self._view_state.video
        if self._hover_x is None or self._hover_x < LABELS_WIDTH or video is None:
            return
        frame_index = self._frame_at(self._hover_x)
        x = self.scale.centre_of(frame_index)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.PlaceholderText), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, RULER_HEIGHT), QPointF(x, self.viewport().height()))
        painter.setFont(self._font())
        text = frame_number(frame_index)
        width = painter.fontMetrics().horizontalAdvance(text) + 12
        box = QRectF(min(max(x - width / 2, LABELS_WIDTH), self.viewport().width() - width), 2, width, 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.Button))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(11)
        return font

    # The hand

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.hover_picture.hide()
        if event.button() is not Qt.MouseButton.LeftButton or self._view_state.video is None:
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._marking_from = self._frame_at(event.position().x())
            self._view_state.mark(None)
            return
        row = self._row_at(event.position().y())
        if row is not None:
            self._shown.seek(self._lanes[row].track_id)
        if event.position().x() >= LABELS_WIDTH:
            self._seeking = True
            self._view_state.set_frame(self._frame_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover_x = event.position().x()
        if self._seeking:
            self._view_state.set_frame(self._frame_at(self._hover_x))
        elif self._marking_from is not None:
            first, last = sorted((self._marking_from, self._frame_at(self._hover_x)))
            self._view_state.mark((first, last + 1) if last > first else None)
        elif self._hover_x >= LABELS_WIDTH and self._view_state.video is not None:
            self.hover_picture.follow(self._frame_at(self._hover_x), self._hover_x)
        else:
            self.hover_picture.hide()
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._seeking, self._marking_from = False, None

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.hover_picture.hide()
        steps = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom(0.8**steps, event.position().x())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier or not self.verticalScrollBar().maximum():
            self._look_from(self._first - steps * self._span * 0.1)
        else:
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() - int(steps * _LANE_STEP))
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hover_x = None
            self.hover_picture.hide()
            self.viewport().update()
        elif event.type() == QEvent.Type.Resize:
            self._set_scroll_range()
            self._redraw()
        return super().viewportEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._redraw()

    # Geometry

    def _zoom(self, factor: float, x: float) -> None:
        video = self._view_state.video
        if video is None:
            return
        pinned = self.scale.frame_at(x)
        span = min(max(self._span * factor, SMALLEST_SPAN), float(video.frame_count))
        share = (pinned - self._first) / self._span
        self._span = span
        self._look_from(pinned - share * span)

    def _look_from(self, first: float) -> None:
        video = self._view_state.video
        if video is not None:
            self._first = min(max(first, 0.0), max(video.frame_count - self._span, 0.0))
            self._redraw()

    def _on_frame(self, frame_index: int) -> None:
        """Keep the playhead in sight when zoomed in."""
        if not self._first <= frame_index < self._first + self._span:
            self._look_from(frame_index - self._span * 0.1)
        self.viewport().update()

    def _frame_at(self, x: float) -> int:
        video = self._view_state.video
        last = video.frame_count - 1 if video is not None else 0
        return min(max(int(self.scale.frame_at(x)), 0), last)

    def _lane_top(self, row: int) -> float:
        below = _MOTION_STEP if self._opened_row is not None and row > self._opened_row else 0
        return RULER_HEIGHT + 4 + row * _LANE_STEP + below - self.verticalScrollBar().value()

    def _row_at(self, y: float) -> int | None:
        """The lane at a height; that of a person's motion is the person's."""
        first, opened = self._lane_top(0), self._opened_row
        row = int((y - first) // _LANE_STEP)
        if opened is not None and row > opened:
            row = max(int((y - first - _MOTION_STEP) // _LANE_STEP), opened)
        return row if y >= RULER_HEIGHT and 0 <= row < len(self._lanes) else None

    def _set_scroll_range(self) -> None:
        needed = RULER_HEIGHT + 10 + len(self._lanes) * _LANE_STEP + (0 if self._opened_row is None else _MOTION_STEP)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(needed - self.viewport().height(), 0))
        bar.setPageStep(self.viewport().height())

    def _redraw(self) -> None:
        self._drawn = None
        self.viewport().update()


def marks_of(queue: ReviewQueue) -> dict[int, list[QueueMark]]:
    """What the queue has, by track."""
    marks: dict[int, list[QueueMark]] = {}
    current = queue.current
    for item in queue.items:
        mark = QueueMark(item.first, item.last, item.probability, item == current)
        marks.setdefault(item.track_id, []).append(mark)
    for fault in queue.faults:
        mark = QueueMark(fault.first, fault.first + 1, 1.0, fault == current)
        marks.setdefault(fault.seen, []).append(mark)
    return marks

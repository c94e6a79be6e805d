"""How lanes and the ruler of the timeline are drawn; no state."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QPen, QPolygonF

from jmpose_core.annotations import Origin
from jmpose_core.frame_numbers import frame_number
from jmpose_core.project import Lane

LANE_HEIGHT: Final = 20
LANE_GAP: Final = 5
TICK_STEPS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000)
TICK_PIXELS: Final = 84  # at least this far apart


@dataclass(frozen=True, slots=True)
class Scale:
    """Frames `first` to `first + span` over `width` pixels from `left`; a frame is a cell, not a point."""

    left: float
    width: float
    first: float
    span: float

    def start_of(self, frame_index: float) -> float:
        return self.left + (frame_index - self.first) / self.span * self.width

    def centre_of(self, frame_index: int) -> float:
        return self.start_of(frame_index + 0.5)

    def frame_at(self, x: float) -> float:
        return self.first + (x - self.left) / self.width * self.span

    @property
    def cell(self) -> float:
        """Pixels a frame."""
        return self.width / self.span


class Run(NamedTuple):
    """Consecutive frames of one state; `last` is excluded."""

    first: int
    last: int
    state: int


def runs_of(frame_index: npt.NDArray[np.integer], state: npt.NDArray[np.integer]) -> list[Run]:
    """Runs of equal state in ascending frames (N,) with states (N,)."""
    if not len(frame_index):
        return []
    breaks = np.flatnonzero((np.diff(frame_index) != 1) | (np.diff(state) != 0)) + 1
    starts = np.concatenate([[0], breaks])
    ends = np.concatenate([breaks, [len(frame_index)]]) - 1
    return [
        Run(int(frame_index[start]), int(frame_index[end]) + 1, int(state[start]))
        for start, end in zip(starts, ends, strict=True)
    ]


def paint_lane(
    painter: QPainter, palette: QPalette, scale: Scale, top: float, lane: Lane, colour: QColor, *, selected: bool
) -> None:
    """One track: a bar where it is seen, stronger where a person has looked, and the model's confidence."""
    painter.save()
    painter.setClipRect(QRectF(scale.left, top - 1, scale.width, LANE_HEIGHT + 2))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(palette.color(QPalette.ColorRole.Button if selected else QPalette.ColorRole.Base))
    painter.drawRoundedRect(QRectF(scale.left, top, scale.width, LANE_HEIGHT), 5, 5)
    for run in runs_of(lane.frame_index, progress_of(lane)):
        _paint_run(painter, scale, top, run, colour, palette)
    _paint_confidence(painter, scale, top, lane, colour)
    painter.restore()


class Progress(IntEnum):
    """How far the annotator is with one person in one frame."""

    PREDICTED = 0
    TOUCHED = 1  # a joint is corrected or verified
    DONE = 2  # every joint is


_FILL: Final = {Progress.PREDICTED: 0.30, Progress.TOUCHED: 0.62, Progress.DONE: 0.95}  # opacity


def progress_of(lane: Lane) -> npt.NDArray[np.int64]:
    """(N,) Progress of each frame of a lane."""
    return np.where(lane.done, Progress.DONE, np.where(lane.state >= Origin.CORRECTED, Progress.TOUCHED, 0))


def _paint_run(painter: QPainter, scale: Scale, top: float, run: Run, colour: QColor, palette: QPalette) -> None:
    left = scale.start_of(run.first)
    width = max(scale.start_of(run.last) - left, 2.0)
    fill = QColor(colour)
    fill.setAlphaF(_FILL[Progress(run.state)])
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    corner = min(4.0, width / 3)
    painter.drawRoundedRect(QRectF(left, top + 2, width, LANE_HEIGHT - 4), corner, corner)
    if run.state == Progress.DONE:
        painter.setBrush(palette.color(QPalette.ColorRole.WindowText))
        painter.drawRect(QRectF(left, top + LANE_HEIGHT - 5, width, 2.5))


def _paint_confidence(painter: QPainter, scale: Scale, top: float, lane: Lane, colour: QColor) -> None:
    """The model's lowest confidence a pixel, as a line; broken where the track is, and where all joints are settled."""
    inside = (lane.frame_index >= scale.first - 1) & (lane.frame_index <= scale.first + scale.span) & ~lane.done
    frames, confidence = lane.frame_index[inside], lane.confidence[inside]
    if not len(frames):
        return
    columns = (scale.left + (frames + 0.5 - scale.first) * scale.cell).astype(int)
    starts = np.flatnonzero(np.diff(columns, prepend=columns[0] - 1))
    lowest = np.minimum.reduceat(confidence, starts)
    ys = top + LANE_HEIGHT - 4 - np.clip(lowest, 0, 1) * (LANE_HEIGHT - 8)
    line = QColor(colour)
    line.setAlphaF(0.85)
    painter.setPen(QPen(line, 1.1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    gaps = np.flatnonzero(np.diff(frames[starts]) > max(2.0, 2.0 / scale.cell)) + 1
    for xs, part in zip(np.split(columns[starts], gaps), np.split(ys, gaps), strict=True):
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in zip(xs.tolist(), part.tolist(), strict=True)]))


MOTION_HEIGHT: Final = 30
_FASTEST: Final = 0.5  # sizes a frame, at the upper edge
_JUMP: Final = 0.2  # sizes a frame: faster than people move


def paint_motion(
    painter: QPainter,
    palette: QPalette,
    scale: Scale,
    top: float,
    frame_index: npt.NDArray[np.int64],
    speed: npt.NDArray[np.float64],
) -> None:
    """A bar a frame (N,), or a column of pixels, by the square root of its speed (N,); jumps in an alarming colour."""
    inside = (frame_index >= scale.first - 1) & (frame_index <= scale.first + scale.span)
    if not inside.any():
        return
    columns = (scale.left + (frame_index[inside] - scale.first) * scale.cell).astype(int)
    starts = np.flatnonzero(np.diff(columns, prepend=columns[0] - 1))
    fastest = np.maximum.reduceat(speed[inside], starts)
    heights = MOTION_HEIGHT * np.sqrt(np.clip(fastest / _FASTEST, 0, 1))
    width = max(scale.cell - 1, 1.0)
    calm, alarm = palette.color(QPalette.ColorRole.PlaceholderText), palette.color(QPalette.ColorRole.BrightText)
    painter.save()
    painter.setClipRect(QRectF(scale.left, top, scale.width, MOTION_HEIGHT))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for jumps, colour in ((False, calm), (True, alarm)):
        chosen = (fastest > _JUMP) == jumps
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        bars = zip(columns[starts][chosen].tolist(), heights[chosen].tolist(), strict=True)
        painter.drawRects([QRectF(x, top + MOTION_HEIGHT - height, width, height) for x, height in bars])
    painter.restore()


_STRENGTHS: Final = 5  # of the queue's line


class QueueMark(NamedTuple):
    """What the review queue has in a lane: frames first..last, `last` excluded."""

    first: int
    last: int
    weight: float  # 0..1: how likely it is wrong
    current: bool  # it is looked at


def paint_queue(painter: QPainter, colour: QColor, scale: Scale, top: float, marks: Sequence[QueueMark]) -> None:
    """A thin line along the upper edge of a lane, stronger where an error is likelier; what is looked at is framed."""
    painter.save()
    painter.setClipRect(QRectF(scale.left, top - 2, scale.width, LANE_HEIGHT + 4))
    painter.setPen(Qt.PenStyle.NoPen)
    ink = QColor(colour)
    strengths = strengths_of(scale, marks)
    for run in runs_of(np.arange(len(strengths)), strengths):
        if run.state:
            ink.setAlphaF(run.state / _STRENGTHS)
            painter.setBrush(ink)
            painter.drawRect(QRectF(scale.left + run.first, top - 1, max(run.last - run.first, 2), 2))
    painter.setPen(QPen(colour, 1.2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for mark in marks:
        if mark.current:
            left = scale.start_of(mark.first)
            width = max(scale.start_of(mark.last) - left, 2.0)
            painter.drawRoundedRect(QRectF(left, top - 1, width, LANE_HEIGHT + 2), 3, 3)
    painter.restore()


def strengths_of(scale: Scale, marks: Sequence[QueueMark]) -> npt.NDArray[np.int64]:
    """Of each column of pixels, the strongest mark in it: 0 to _STRENGTHS."""
    weight = np.zeros(int(scale.width))
    for mark in marks:
        first, last = (int(scale.start_of(frame) - scale.left) for frame in (mark.first, mark.last))
        part = slice(max(first, 0), max(last, first + 1, 0))
        weight[part] = np.maximum(weight[part], mark.weight)
    return np.ceil(_STRENGTHS * weight**2).astype(np.int64)


def spans_of(frames: Sequence[int]) -> list[tuple[int, int]]:
    """(first, last), `last` excluded, of consecutive frames in ascending order."""
    index = np.asarray(frames, np.int64)
    return [(run.first, run.last) for run in runs_of(index, np.zeros(len(index), np.int64))]


def paint_held(painter: QPainter, palette: QPalette, scale: Scale, top: float, runs: Sequence[Run]) -> None:
    """A thin line under the ruler where a running prediction has been."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(palette.color(QPalette.ColorRole.Highlight))
    for run in runs:
        left = scale.start_of(run.first)
        painter.drawRect(QRectF(left, top - 1, max(scale.start_of(run.last) - left, 1.0), 2))


def paint_marked(painter: QPainter, palette: QPalette, scale: Scale, height: float, first: int, last: int) -> None:
    """A band over ruler and lanes: frames first..last, `last` excluded."""
    left = max(scale.start_of(first), scale.left)
    band = QRectF(left, 0, max(scale.start_of(last) - left, 1.0), height)
    colour = palette.color(QPalette.ColorRole.Highlight)
    painter.setPen(QPen(colour, 1))
    colour.setAlpha(40)
    painter.setBrush(colour)
    painter.drawRect(band)


def paint_ruler(painter: QPainter, palette: QPalette, scale: Scale, height: float, fps: float) -> None:
    """Frame numbers (from 1, as the user counts) and, beside them, minutes and seconds."""
    step = next((step for step in TICK_STEPS if step * scale.cell >= TICK_PIXELS), TICK_STEPS[-1])
    muted = palette.color(QPalette.ColorRole.PlaceholderText)
    first = int(scale.first // step) * step
    for frame_index in range(first, int(scale.first + scale.span) + 1, step):
        x = scale.start_of(frame_index)
        if x < scale.left - 1:
            continue
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1))
        painter.drawLine(QPointF(x, height - 7), QPointF(x, height - 1))
        painter.setPen(muted)
        number, moment = frame_number(frame_index), clock(frame_index / fps)
        painter.drawText(QPointF(x + 4, height - 9), number)
        offset = painter.fontMetrics().horizontalAdvance(number) + 9
        end = offset + painter.fontMetrics().horizontalAdvance(moment)
        if end < step * scale.cell and x + end <= scale.left + scale.width:
            painter.setOpacity(0.55)
            painter.drawText(QPointF(x + offset, height - 9), moment)
            painter.setOpacity(1.0)


def clock(secs: float) -> str:
    """m:ss.cc, as in 0:03.93."""
    minutes, rest = divmod(secs, 60)
    return f"{int(minutes)}:{rest:05.2f}"

"""Counts what the annotator's hands do, and how long: the one place where effort is measured."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QInputEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.session.open_project import OpenProject
from app.session.people_shown import PeopleShown
from app.session.view_state import ViewState
from jmpose_core.project.effort import NOBODY, Place, SpentEffort

IDLE_SECS: Final = 15.0  # a longer gap between two inputs was a break, and does not count at all
WRITE_MS: Final = 2000  # so much is lost at most when the program is killed
_T: Final = QEvent.Type
_MOVED: Final = frozenset((_T.MouseMove, _T.Wheel, _T.MouseButtonPress, _T.MouseButtonDblClick))
_COUNTED: Final = frozenset((_T.MouseButtonRelease, _T.ShortcutOverride))
_MODIFIERS: Final = frozenset((Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr))


class EffortRecorder(QObject):
    """Sees every input of the program before the widget does, and adds it to the person and frame looked at then.

    A press that is released is one pointer action, whatever lies between. A key counts when it goes
    down, repeated ones and mere modifiers do not. Time is counted between inputs.
    """

    written = Signal()  # some more effort is in the project
    failed = Signal(str)  # none could be written; it is kept, and tried again after the next input

    def __init__(
        self,
        project: OpenProject,
        shown: PeopleShown,
        view_state: ViewState,
        parent: QObject | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._project, self._shown, self._view_state, self._clock = project, shown, view_state, clock
        self._spent: defaultdict[Place, SpentEffort] = defaultdict(SpentEffort)
        self._last_input: float | None = None  # None: none since the project was opened
        self._last_point: QPointF | None = None  # of the pointer, while a button is held
        self._last_stamp = (_T.None_, 0)
        self._projects = 0  # that were opened: what fails late is not added to another's
        self._told = False  # that writing fails
        self._writing = QTimer(self)
        self._writing.setSingleShot(True)
        self._writing.setInterval(WRITE_MS)
        self._writing.timeout.connect(self.write)
        project.closing.connect(self.write)
        project.opened.connect(self._begin_anew)

    def watch(self, application: QApplication) -> None:
        """Begin. Filters installed later see events earlier: call it after those that swallow some."""
        application.installEventFilter(self)

    def write(self) -> None:
        """Hand over what was counted; it is written behind the window's back."""
        self._writing.stop()
        if self._spent:
            spent, self._spent = dict(self._spent), defaultdict(SpentEffort)
            number = self._projects
            self._project.keep_effort(spent, self._on_written, lambda text: self._on_failed(text, spent, number))

    def _on_written(self) -> None:
        self._told = False
        self.written.emit()

    def _on_failed(self, text: str, spent: Mapping[Place, SpentEffort], number: int) -> None:
        if number == self._projects:
            for place, one in spent.items():
                self._spent[place] += one
        if not self._told:
            self._told = True
            self.failed.emit(text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if (kind in _MOVED or kind in _COUNTED) and isinstance(watched, QWidget) and isinstance(event, QInputEvent):
            self._take(watched, event)
        return False

    def _take(self, watched: QWidget, event: QInputEvent) -> None:
        video = self._view_state.video
        if video is None or self._is_passed_on(watched, event):
            return
        track_id = self._shown.track_id
        place = Place(video.id, self._view_state.frame_index, NOBODY if track_id is None else track_id)
        key = int(isinstance(event, QKeyEvent) and _is_stroke(event))
        released = int(event.type() == _T.MouseButtonRelease)
        pixels = self._way(event) if isinstance(event, QMouseEvent) else 0.0
        self._spent[place] += SpentEffort(released, key, pixels, self._seconds())
        if not self._writing.isActive():
            self._writing.start()

    def _is_passed_on(self, watched: QWidget, event: QInputEvent) -> bool:
        """Whether it has been seen: what a widget does not want goes on to each of its parents."""
        if isinstance(event, QKeyEvent):
            return watched != (QApplication.focusWidget() or watched.window())
        stamp, self._last_stamp = self._last_stamp, (event.type(), event.timestamp())
        return stamp == self._last_stamp

    def _way(self, event: QMouseEvent) -> float:
        """Pixels from where the pointer was last seen with a button held."""
        before, here = self._last_point, event.globalPosition()
        self._last_point = here if event.buttons() else None
        return math.dist(here.toTuple(), before.toTuple()) if before is not None else 0.0

    def _seconds(self) -> float:
        """Since the input before this one, where that was no break."""
        before, now = self._last_input, self._clock()
        self._last_input = now
        return now - before if before is not None and now - before <= IDLE_SECS else 0.0

    def _begin_anew(self) -> None:
        self._projects += 1
        self._told = False
        self._spent.clear()
        self._last_input = self._last_point = None


def _is_stroke(event: QKeyEvent) -> bool:
    return not event.isAutoRepeat() and event.key() not in _MODIFIERS

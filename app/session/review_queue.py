"""The queue of the current video: faults of tracks, then likely errors, worst first; and where the annotator is."""

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QObject, Signal

import resources
from app.jobs.background import Background
from app.session.editor import Editor
from app.session.navigator import Navigator
from app.session.open_project import OpenProject
from app.session.settling import settling
from app.session.track_faults import TrackFaults
from app.session.view_state import ViewState
from jmpose_core.project import Project
from jmpose_core.queue.error_model import ErrorModel
from jmpose_core.queue.items import QueueItem
from jmpose_core.queue.proposals import Proposal

Entry: TypeAlias = Proposal | QueueItem

SETTLE_MS = 120  # several edits in a row are read once


class ReviewQueue(QObject):
    """Items are read in the background; after an edit only those of the tracks that it touched."""

    changed = Signal()  # items, or which of them is looked at
    failed = Signal(str)  # they could not be read
    ended = Signal(str)  # there is nothing further, for the user

    def __init__(
        self,
        project: OpenProject,
        view_state: ViewState,
        navigator: Navigator,
        editor: Editor,
        faults: TrackFaults,
        background: Background,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._project, self._view_state, self._background = project, view_state, background
        self._navigator, self._editor, self._faults = navigator, editor, faults
        self._by_track: dict[int, list[QueueItem]] = {}
        self._items: list[QueueItem] = []
        self._current: Entry | None = None  # looked at; it may have left the queue since
        self._place = -1  # of it, or where it was
        self._stale: set[int] = set()  # tracks to be read again
        self._video_number = 0  # counts the videos that were looked at
        self._settle = settling(self, SETTLE_MS, self._read_stale)
        project.people_changed.connect(self._on_people)
        project.closed.connect(self._clear)
        view_state.video_changed.connect(self._read_all)
        faults.changed.connect(self._find_current)

    @property
    def items(self) -> list[QueueItem]:
        """Joints, by the errors that one action is expected to mend."""
        return self._items

    @property
    def faults(self) -> list[Proposal]:
        """What is likely wrong with tracks: it comes first, since a track is right before its joints can be."""
        return self._faults.found

    @property
    def current(self) -> Entry | None:
        """What is looked at, while it is in the queue."""
        return self._current if self._current in self._entries() else None

    def go(self, entry: Entry) -> None:
        """Look at one entry."""
        self._current, self._place = entry, self._entries().index(entry)
        if isinstance(entry, Proposal):
            self._navigator.go_to(entry.frame_index, entry.seen)
        else:
            self._navigator.go_to(entry.frame_index, entry.track_id, entry.joint)
        self.changed.emit()

    def next(self) -> None:
        """The entry after the one looked at; where that has left the queue, the one that took its place."""
        self._step(self._place + (self.current is not None or self._place < 0))

    def previous(self) -> None:
        """The entry before."""
        self._step(self._place - 1)

    def confirm(self) -> None:
        """What is looked at is right: verify the joint wherever the item is, or leave the tracks; and go on."""
        entry = self.current
        if isinstance(entry, Proposal):
            if not self._faults.refuse(entry):
                return
        elif entry is not None:
            self._editor.verify_run(entry.track_id, entry.joint, entry.first, entry.last)
            self._remove(entry)
        self.next()

    def mend(self) -> None:
        """Do what is proposed about the tracks, and go on."""
        entry = self.current
        if isinstance(entry, Proposal) and self._faults.mend(entry):
            self.next()

    def _entries(self) -> list[Entry]:
        return [*self._faults.found, *self._items]

    def _step(self, place: int) -> None:
        entries = self._entries()
        if 0 <= place < len(entries):
            self.go(entries[place])
        elif not entries:
            self.ended.emit("Nothing in this video is likely wrong. Predict first if it has no people yet.")
        else:
            self.ended.emit("That was the end of the queue." if place > 0 else "This is the start of the queue.")

    def _remove(self, item: QueueItem) -> None:
        """At once, before it is read again."""
        self._by_track[item.track_id].remove(item)
        self._items.remove(item)

    # Reading

    def _on_people(self, video_id: int, _frames: Collection[int]) -> None:
        video = self._view_state.video
        if video is not None and video.id == video_id:
            self._stale |= self._project.tracks_touched_last(video_id)
            self._settle.start()

    def _read_all(self) -> None:
        self._clear()
        if (video := self._view_state.video) is not None:
            self._stale = {track.track_id for track in self._project.tracks(video.id)}
            self._read_stale()

    def _read_stale(self) -> None:
        path, video = self._project.path, self._view_state.video
        if path is None or video is None or not self._stale:
            return
        tracks, self._stale = self._stale, set()
        video_number = self._video_number  # readings come in order, so that only another video outdates one
        self._background.run(
            lambda: read_items(path, video.id, tracks),
            lambda found: self._show(found) if video_number == self._video_number else None,
            self.failed.emit,
        )

    def _show(self, found: dict[int, list[QueueItem]]) -> None:
        self._by_track |= found
        everything = (item for items in self._by_track.values() for item in items)
        self._items = sorted(everything, key=lambda item: (-item.gain, item.track_id, item.joint, item.first))
        self._find_current()

    def _find_current(self) -> None:
        """What was looked at, as it is now."""
        entries = self._entries()
        if (looked_at := self._current) is not None:
            self._current = next((entry for entry in entries if _is_same(entry, looked_at)), looked_at)
            if self._current in entries:
                self._place = entries.index(self._current)
        self.changed.emit()

    def _clear(self) -> None:
        self._video_number += 1
        self._by_track, self._items, self._current, self._place = {}, [], None, -1
        self._stale = set()
        self.changed.emit()


def read_items(path: Path, video_id: int, tracks: Collection[int]) -> dict[int, list[QueueItem]]:
    """The items of some tracks, over a connection of their own."""
    model = _bundled_model()
    with Project.open(path, read_only=True) as project:
        return {track_id: project.likely_errors(video_id, track_id, model) for track_id in sorted(tracks)}


@cache
def _bundled_model() -> ErrorModel:
    """Read once: each edit asks for it."""
    return ErrorModel.read(resources.QUEUE)


def _is_same(item: Entry, other: Entry) -> bool:
    """Whether two readings speak of the same fault, or of the same run."""
    if isinstance(item, Proposal) or isinstance(other, Proposal):
        return isinstance(item, Proposal) and isinstance(other, Proposal) and item.is_same(other)
    same_joint = (item.track_id, item.joint) == (other.track_id, other.joint)
    return same_joint and item.first < other.last and other.first < item.last

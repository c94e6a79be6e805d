"""The menu of a right click in the list of tracks."""

from typing import Final

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu

from app.session.people_shown import PeopleShown
from app.timeline.track_table import TrackTable
from app.window.actions import Actions

NAMES: Final = (
    "rename",
    "merge",
    "split",
    "track",
    "swap_tracks",
    "swap_range",
    "delete_range",
    "alone",
)  # of commands


class TrackMenu(QMenu):
    """Holds the commands on tracks; the one that was clicked is selected first."""

    def __init__(self, table: TrackTable, shown: PeopleShown, actions: Actions) -> None:
        super().__init__(table)
        self._table, self._shown, self._actions = table, shown, actions
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._open)

    def _open(self, place: QPoint) -> None:
        index = self._table.indexAt(place)
        if index.isValid():
            self._shown.seek(self._table.tracks.track_id(index.row()))
            self.clear()
            self.addActions([self._actions.by_name[name] for name in NAMES if self._actions.by_name[name].isEnabled()])
            self.popup(self._table.viewport().mapToGlobal(place))

"""The menu of a right click in the picture: what can be done with that joint, person or place."""

from typing import Final

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu

from app.picture.frame_view import FrameView
from app.picture.hit_test import JointHit
from app.session.people_shown import PeopleShown
from app.window.actions import Actions

GROUPS: Final = (
    ("occluded", "absent", "snap"),
    ("verify", "confirm", "swap", "swap_range", "copy", "delete", "delete_range"),
    ("track", "swap_tracks", "merge", "split"),
    ("zoom_person", "alone", "hide", "fit"),
    ("add_person",),
)  # names of commands


class PictureMenu(QMenu):
    """Holds the commands that make sense for what was clicked, which is selected first."""

    def __init__(self, view: FrameView, shown: PeopleShown, actions: Actions) -> None:
        super().__init__(view)
        self._view, self._shown, self._actions = view, shown, actions
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._open)

    def _open(self, place: QPoint) -> None:
        xy = self._view.mapToScene(place)
        hit = self._view.hit_at((xy.x(), xy.y()))
        joint = hit.joint if isinstance(hit, JointHit) else None
        kept = hit is not None and hit.track_id == self._shown.track_id and joint in self._shown.joints
        if not kept:  # joints that a marquee gathered stay together
            self._shown.select(hit.track_id if hit is not None else None, joint)
        self.clear()
        for names in GROUPS:
            self.addActions([self._actions.by_name[name] for name in names if self._actions.by_name[name].isEnabled()])
            self.addSeparator()
        if self._view.frame_index >= 0:
            self.popup(self._view.viewport().mapToGlobal(place))

"""The skeletons over the picture, and previews of people who are still being looked for."""

from collections.abc import Iterable
from typing import Final

from PySide6.QtGui import QPixmapCache
from PySide6.QtWidgets import QGraphicsScene

from app.picture.ghost_item import REACH, GhostItem
from app.picture.skeleton_item import SkeletonItem
from app.session.people_shown import PeopleShown
from app.session.view_state import ViewState
from jmpose_core.annotations import Annotation

_CACHE_KIB: Final = 128 * 1024  # skeletons as they were painted last; Qt's own limit holds a few people


class PeopleLayer:
    """One item a person, kept from frame to frame by track."""

    def __init__(self, scene: QGraphicsScene, shown: PeopleShown, view_state: ViewState) -> None:
        QPixmapCache.setCacheLimit(max(QPixmapCache.cacheLimit(), _CACHE_KIB))
        self._scene, self._shown, self._view_state = scene, shown, view_state
        self._items: dict[int, SkeletonItem] = {}
        self._previews: list[SkeletonItem] = []
        self._ghosts = GhostItem()
        scene.addItem(self._ghosts)

    @property
    def people(self) -> list[Annotation]:
        """As they are drawn now."""
        return [item.person for item in self._items.values()]

    @property
    def previews(self) -> list[Annotation]:
        """People of a frame without anybody, whom a prediction that goes on has seen there."""
        return [item.person for item in self._previews]

    @property
    def pickable(self) -> list[Annotation]:
        """Those who are not hidden."""
        return [item.person for item in self._items.values() if item.isVisible()]

    def person(self, track_id: int) -> Annotation | None:
        item = self._items.get(track_id)
        return item.person if item is not None else None

    def set_people(self, people: Iterable[Annotation], previews: Iterable[Annotation] = ()) -> None:
        """Draw these in place of those who are drawn."""
        wanted = {person.track_id: person for person in people}
        for track_id in self._items.keys() - wanted.keys():
            self._scene.removeItem(self._items.pop(track_id))
        for track_id, person in wanted.items():
            if track_id in self._items:
                self._items[track_id].set_person(person)
            else:
                self._items[track_id] = SkeletonItem(person)
                self._scene.addItem(self._items[track_id])
        self._set_previews(previews)
        self.restyle()

    def preview(self, person: Annotation) -> None:
        """Draw one person as a gesture would leave it."""
        if person.track_id in self._items:
            self._items[person.track_id].set_person(person)

    def hover(self, track_id: int | None, joint: int | None) -> None:
        """The joint under the cursor, if any."""
        for other, item in self._items.items():
            item.set_hovered_joint(joint if other == track_id else None)

    def restyle(self) -> None:
        """Draw by selection, colouring and who is hidden."""
        state, selected = self._view_state, self._shown.track_id
        for track_id, item in self._items.items():
            mine = track_id == selected
            item.set_emphasis(
                selected=mine,
                joints=self._shown.joints if mine else frozenset(),
                dimmed=selected in self._items and not mine,
                colour_by=state.colour_by,
            )
            others_hidden = state.alone and selected is not None
            item.setVisible(not state.people_hidden and (mine or not others_hidden))
        for item in self._previews:
            item.setVisible(not state.people_hidden)
        around = self._shown.around(REACH) if state.ghosts and not state.people_hidden else []
        self._ghosts.show_around(state.frame_index, around)

    def _set_previews(self, people: Iterable[Annotation]) -> None:
        while self._previews:
            self._scene.removeItem(self._previews.pop())
        for person in people:
            item = SkeletonItem(person, preview=True)
            self._previews.append(item)
            self._scene.addItem(item)

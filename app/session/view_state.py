"""Where the user looks: video, frame, selection, what is drawn. Never saved with the project, never undone."""

from enum import Enum

from PySide6.QtCore import QObject, Signal

from jmpose_core.project import VideoRecord


class Layer(Enum):
    """What lies over the picture of the selected person's crop."""

    IMAGE = "image"
    INITIAL = "initial"
    FLOW = "flow"
    REFINED = "refined"


class ColourBy(Enum):
    """What a limb's colour tells: the side of the body, or whose body it is."""

    SIDE = "side"
    TRACK = "track"


class ViewState(QObject):
    """One value a property; each change is signalled once, and only when it is a change."""

    video_changed = Signal()
    frame_changed = Signal(int)
    selection_changed = Signal()
    layer_changed = Signal()
    drawing_changed = Signal()  # hidden people, colours

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._video: VideoRecord | None = None
        self._frame_index = 0
        self._track_id: int | None = None
        self._joint: int | None = None
        self._layer = Layer.IMAGE
        self._people_hidden = False
        self._colour_by = ColourBy.SIDE

    @property
    def video(self) -> VideoRecord | None:
        return self._video

    @property
    def frame_index(self) -> int:
        return self._frame_index

    @property
    def track_id(self) -> int | None:
        return self._track_id

    @property
    def joint(self) -> int | None:
        return self._joint

    @property
    def layer(self) -> Layer:
        return self._layer

    @property
    def people_hidden(self) -> bool:
        return self._people_hidden

    @property
    def colour_by(self) -> ColourBy:
        return self._colour_by

    def set_video(self, video: VideoRecord | None) -> None:
        """Look at another video, from its first frame, with nobody selected."""
        self._video, self._frame_index = video, 0
        self._track_id = self._joint = None
        self.video_changed.emit()
        self.frame_changed.emit(0)
        self.selection_changed.emit()

    def set_frame(self, frame_index: int) -> None:
        """Look at a frame, clamped to the video."""
        last = self._video.frame_count - 1 if self._video is not None else 0
        frame_index = min(max(frame_index, 0), last)
        if frame_index != self._frame_index:
            self._frame_index = frame_index
            self.frame_changed.emit(frame_index)

    def select(self, track_id: int | None, joint: int | None = None) -> None:
        """Select a person, and a joint of that person if given."""
        if (track_id, joint) != (self._track_id, self._joint):
            self._track_id, self._joint = track_id, joint
            self.selection_changed.emit()

    def set_layer(self, layer: Layer) -> None:
        if layer is not self._layer:
            self._layer = layer
            self.layer_changed.emit()

    def set_people_hidden(self, hidden: bool) -> None:
        if hidden != self._people_hidden:
            self._people_hidden = hidden
            self.drawing_changed.emit()

    def set_colour_by(self, colour_by: ColourBy) -> None:
        if colour_by is not self._colour_by:
            self._colour_by = colour_by
            self.drawing_changed.emit()

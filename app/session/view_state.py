"""Where the user looks: video, frame, and what is drawn. Never saved with the project, never undone."""

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
    layer_changed = Signal()
    drawing_changed = Signal()  # hidden people, colours

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._video: VideoRecord | None = None
        self._frame_index = 0
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
    def layer(self) -> Layer:
        return self._layer

    @property
    def people_hidden(self) -> bool:
        return self._people_hidden

    @property
    def colour_by(self) -> ColourBy:
        return self._colour_by

    def set_video(self, video: VideoRecord | None) -> None:
        """Look at another video, from its first frame."""
        self._video, self._frame_index = video, 0
        self.video_changed.emit()
        self.frame_changed.emit(0)

    def set_frame(self, frame_index: int) -> None:
        """Look at a frame, clamped to the video."""
        last = self._video.frame_count - 1 if self._video is not None else 0
        frame_index = min(max(frame_index, 0), last)
        if frame_index != self._frame_index:
            self._frame_index = frame_index
            self.frame_changed.emit(frame_index)

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

    def toggle_colours(self) -> None:
        """By side, by track, and back."""
        self.set_colour_by(ColourBy.SIDE if self._colour_by is ColourBy.TRACK else ColourBy.TRACK)

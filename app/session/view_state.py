"""Where the user looks: video, frame, and what is drawn. Never saved with the project, never undone."""

from enum import Enum

from PySide6.QtCore import QObject, Signal

from app.look.light import Light
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
    drawing_changed = Signal()  # hidden people, one alone, ghosts, colours
    light_changed = Signal()
    marked_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._video: VideoRecord | None = None
        self._frame_index = 0
        self._marked: tuple[int, int] | None = None
        self._layer = Layer.IMAGE
        self._people_hidden = False
        self._alone = False
        self._ghosts = False
        self._light = Light()
        self._colour_by = ColourBy.SIDE

    @property
    def video(self) -> VideoRecord | None:
        return self._video

    @property
    def frame_index(self) -> int:
        return self._frame_index

    @property
    def marked(self) -> tuple[int, int] | None:
        """The marked frames first..last, `last` excluded; None: none are."""
        return self._marked

    @property
    def working_range(self) -> tuple[int, int]:
        """The frames that a command over a range changes: the marked ones, else from here to the end."""
        return self._marked or (self._frame_index, self._video.frame_count if self._video is not None else 0)

    @property
    def layer(self) -> Layer:
        return self._layer

    @property
    def people_hidden(self) -> bool:
        return self._people_hidden

    @property
    def alone(self) -> bool:
        """Only the selected person is drawn, where one is selected."""
        return self._alone

    @property
    def colour_by(self) -> ColourBy:
        return self._colour_by

    def set_video(self, video: VideoRecord | None) -> None:
        """Look at another video, from its first frame."""
        self._video, self._frame_index = video, 0
        self.mark(None)
        self.video_changed.emit()
        self.frame_changed.emit(0)

    def set_frame(self, frame_index: int) -> None:
        """Look at a frame, clamped to the video."""
        last = self._video.frame_count - 1 if self._video is not None else 0
        frame_index = min(max(frame_index, 0), last)
        if frame_index != self._frame_index:
            self._frame_index = frame_index
            self.frame_changed.emit(frame_index)

    def mark(self, marked: tuple[int, int] | None) -> None:
        """Mark the frames first..last, `last` excluded, clamped to the video; None unmarks."""
        if marked is not None:
            end = self._video.frame_count if self._video is not None else 0
            first, last = max(marked[0], 0), min(marked[1], end)
            marked = (first, last) if first < last else None
        if marked != self._marked:
            self._marked = marked
            self.marked_changed.emit()

    def mark_from_here(self) -> None:
        """The marked range begins at this frame; it ends where it did, or at the end of the video."""
        end = self._marked[1] if self._marked is not None and self._marked[1] > self._frame_index else None
        if self._video is not None:
            self.mark((self._frame_index, end or self._video.frame_count))

    def mark_to_here(self) -> None:
        """The marked range ends with this frame; it begins where it did, or at the start of the video."""
        begins_before = self._marked is not None and self._marked[0] <= self._frame_index
        self.mark((self._marked[0] if self._marked is not None and begins_before else 0, self._frame_index + 1))

    def set_layer(self, layer: Layer) -> None:
        if layer is not self._layer:
            self._layer = layer
            self.layer_changed.emit()

    def set_people_hidden(self, hidden: bool) -> None:
        if hidden != self._people_hidden:
            self._people_hidden = hidden
            self.drawing_changed.emit()

    def set_alone(self, alone: bool) -> None:
        if alone != self._alone:
            self._alone = alone
            self.drawing_changed.emit()

    @property
    def ghosts(self) -> bool:
        """Whether the selected person is drawn as it is in the frames around, too."""
        return self._ghosts

    def set_ghosts(self, ghosts: bool) -> None:
        if ghosts != self._ghosts:
            self._ghosts = ghosts
            self.drawing_changed.emit()

    @property
    def light(self) -> Light:
        """In which the picture is looked at."""
        return self._light

    def set_light(self, light: Light) -> None:
        if light != self._light:
            self._light = light
            self.light_changed.emit()

    def set_colour_by(self, colour_by: ColourBy) -> None:
        if colour_by is not self._colour_by:
            self._colour_by = colour_by
            self.drawing_changed.emit()

    def toggle_colours(self) -> None:
        """By side, by track, and back."""
        self.set_colour_by(ColourBy.SIDE if self._colour_by is ColourBy.TRACK else ColourBy.TRACK)

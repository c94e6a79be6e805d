"""What the model sees of the selected person: heatmaps and flow, asked of the engine when a selection rests."""

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs.inference_job import InferenceJob
from app.session.people_shown import PeopleShown
from app.session.playback import Playback
from app.session.settings import Settings
from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import ProbeResult
from jmpose_core.geometry import Xyxy

REST_MS = 150  # a selection that rests this long is worth a look by the engine
Place = tuple[int, int, Xyxy]  # frame, track, box


class ModelView(QObject):
    """Holds the engine's last answer for as long as it is of the person selected now."""

    changed = Signal()

    def __init__(
        self,
        shown: PeopleShown,
        inference: InferenceJob,
        settings: Settings,
        playback: Playback,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._shown, self._inference, self._settings, self._playback = shown, inference, settings, playback
        self._video: Path | None = None
        self._probe: ProbeResult | None = None
        self._asked: Place | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(REST_MS)
        self._soon.timeout.connect(self.ask)
        shown.person_changed.connect(self._on_person)
        inference.state_changed.connect(self._soon.start)
        inference.probed.connect(self._on_probed)
        playback.playing_changed.connect(lambda _: self._soon.start())

    @property
    def probe(self) -> ProbeResult | None:
        """The engine's answer for the selected person, once it has come."""
        return self._probe

    def set_video(self, path: Path | None) -> None:
        """The file or folder of the video looked at; None where there is none."""
        self._video = path

    def ask(self) -> None:
        """Ask for the person selected now."""
        person = self._shown.person
        if person is not None and self._video is not None and not self._playback.playing:
            self._asked = _place_of(person)
            self._inference.probe(self._video, person, self._settings.weights)

    def _on_person(self) -> None:
        person = self._shown.person
        if self._probe is not None and (person is None or _place_of(person) != self._asked):
            self._probe = None
            self.changed.emit()
        if not self._playback.playing:  # every frame would be asked for, and none rests
            self._soon.start()

    def _on_probed(self, probe: ProbeResult) -> None:
        person = self._shown.person
        if person is not None and _place_of(person) == self._asked:
            self._probe = probe
            self.changed.emit()


def _place_of(person: Annotation) -> Place:
    return person.frame_index, person.track_id, person.bbox_xyxy

"""Find people, a stretch of video at a time: detect boxes, link them into tracks, keep those that a pose confirms."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation
from jmpose_core.engine.confirmation import confirmed, doubted, to_look_at
from jmpose_core.engine.run_progress import RunProgress, Tell
from jmpose_core.engine.stretches import Stretch, by_need, overlap_frames, stretches
from jmpose_core.errors import Cancelled, DamagedFrameError
from jmpose_core.estimation.detection import PersonDetector
from jmpose_core.estimation.options import EstimateOptions
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.estimation.witness import Look
from jmpose_core.geometry import Xyxy
from jmpose_core.tracking import Detections, Seed, colour_histograms, link
from jmpose_core.tracking.handover import Handover
from jmpose_core.video import Video

ShouldStop = Callable[[], bool]
OnFound = Callable[[int, Detections], None]  # frame and its boxes
Tracks = Mapping[int, Mapping[int, Xyxy]]

FINDING: Final = "finding people"
CONFIRMING: Final = "confirming people"
_TOLD: Final = EstimateOptions(stage="initial")  # the cheaper stage confirms people
_ALONE: Final = EstimateOptions(stage="initial", witness=False)

_LEAST_SCORE: Final = 0.1  # of detections that tracking is shown: weaker ones cost time and are never taken
_REMEMBERED_FRAMES: Final = 10_000  # about 100 MB where twenty people are seen in each


class SeenPeople:
    """The detector, and what it saw of the video it looked at last.

    Args:
        weights: of the detector.
        device: "cpu" or "cuda".
    """

    def __init__(self, weights: str | Path, device: str) -> None:
        self._weights, self._device = weights, device
        self._detector: PersonDetector | None = None
        self._video: Video | None = None
        self._seen: dict[int, Detections] = {}  # in that video by frame, the longest unused first

    @property
    def detector(self) -> PersonDetector:
        """Loaded when it is first needed."""
        if self._detector is None:
            self._detector = PersonDetector(self._weights, self._device)
        return self._detector

    def among(
        self, video: Video, frames: range, tell: Tell, should_stop: ShouldStop, on_found: OnFound
    ) -> dict[int, Detections]:
        """Detections by frame, without damaged frames; those that were looked at before are not looked at again.

        Raises:
            Cancelled: should_stop returned true.
        """
        found: dict[int, Detections] = {}
        for done, index in enumerate(frames, 1):
            if should_stop():
                raise Cancelled("stopped while people were looked for")
            with contextlib.suppress(DamagedFrameError):  # reported at the end; other frames go on
                found[index] = self.within(video, index)
                on_found(index, found[index])
            tell(done, len(frames))
        return found

    def look(self, video: Video) -> Look:
        """What it sees in that video's frames, which are looked at when they are asked for, and once."""

        def at(index: int, image: npt.NDArray[np.uint8]) -> Detections:
            if index in video.damaged_frames:  # another frame's picture in its place, not to be remembered as its own
                return self.detector.detect(image, min_score=_LEAST_SCORE)
            return self.within(video, index, image)

        return at

    def within(self, video: Video, index: int, image: npt.NDArray[np.uint8] | None = None) -> Detections:
        """Detections of one frame, from memory where it was looked at before; `image` spares reading it."""
        if video is not self._video:
            self._video, self._seen = video, {}
        found = self._seen.pop(index, None)
        if found is None:
            image = video.frame(index) if image is None else image
            found = self.detector.detect(image, min_score=_LEAST_SCORE)
            found = replace(found, appearance=colour_histograms(image, found.bboxes_xyxy))
        self._seen[index] = found
        if len(self._seen) > _REMEMBERED_FRAMES:
            del self._seen[next(iter(self._seen))]
        return found


class PeopleSearch:
    """One request's search through a range of frames, a stretch at a time.

    Its iterators yield the frames of a stretch and the tracks in them, which may reach beyond the frames.

    Args:
        frames: of the request.
        visible_frame: called for the frame that the user looks at now.
        on_found: called with each frame's boxes as soon as it was searched.

    Raises:
        Cancelled: should_stop returned true.
    """

    def __init__(
        self,
        video: Video,
        frames: range,
        seen: SeenPeople,
        progress: RunProgress,
        should_stop: ShouldStop,
        *,
        visible_frame: Callable[[], int],
        on_found: OnFound,
    ) -> None:
        self._video, self._frames, self._seen, self._should_stop = video, frames, seen, should_stop
        self._progress, self._visible_frame, self._on_found = progress, visible_frame, on_found

    def everybody(self, estimator: PoseEstimator) -> Iterator[tuple[range, Tracks]]:
        """Everybody whom a pose confirms, the stretch of the visible frame first. Ids stay over borders."""
        handover = Handover()
        for stretch in by_need(stretches(self._frames, fps=self._video.fps), self._visible_frame):
            detections = self._detections(stretch)
            tracks = self._linked(detections)
            looks = self._looks(estimator, stretch, to_look_at(tracks))
            people = link(confirmed(tracks, looks, detections), fps=self._video.fps)
            yield stretch.own, handover.named(people, stretch.own)

    def drawn(self, seeds: Sequence[Seed]) -> Iterator[tuple[range, Tracks]]:
        """The people whose boxes were drawn, from there outwards for as long as they can be followed.

        The drawn boxes are linked all at once, however far apart they are, and always
        accepted. Where nobody is left to follow, no frame is looked at any more.
        """
        drawn_on = [seed.frame_index for seed in seeds]
        together = range(min(drawn_on), max(drawn_on) + 1)
        ids = {seed.track_id for seed in seeds}
        leads: dict[int, Sequence[Seed]] = {}  # into a stretch whose neighbour is done, by the border between them
        plan = stretches(self._frames, fps=self._video.fps, together=together)
        for stretch in by_need(plan, lambda: together.start):
            first, last = stretch.own.start, stretch.own.stop
            followed = leads.get(first, leads.get(last, ())) if leads else seeds
            tracks: dict[int, Mapping[int, Xyxy]] = {}
            if followed:
                linked = self._linked(self._detections(stretch), followed)
                tracks = {track_id: linked[track_id] for track_id in ids & linked.keys()}
            else:
                self._progress.part(FINDING, len(stretch.own))(1, 1)
            for border in {first, last} - leads.keys():
                leads[border] = _leads_over(border, tracks, overlap_frames(self._video.fps))
            yield stretch.own, tracks

    def _detections(self, stretch: Stretch) -> dict[int, Detections]:
        tell = self._progress.part(FINDING, len(stretch.own))
        return self._seen.among(self._video, stretch.window, tell, self._should_stop, self._on_found)

    def _linked(self, detections: Mapping[int, Detections], seeds: Sequence[Seed] = ()) -> Tracks:
        # The tracker's thresholds were set without the witness's joints, which it would compare too.
        bare = {frame: replace(found, keypoints=None) for frame, found in detections.items()}
        tracks = link(bare, seeds=seeds, fps=self._video.fps, sure=self._seen.detector.sure_score)
        damaged = self._video.damaged_frames
        if not damaged:
            return tracks
        return {  # boxes that bridge a damaged frame cannot be looked at
            track_id: sound
            for track_id, boxes in tracks.items()
            if (sound := {frame: box for frame, box in boxes.items() if frame not in damaged})
        }

    def _looks(self, estimator: PoseEstimator, stretch: Stretch, boxes: Tracks) -> list[Annotation]:
        """Initial poses, from which `confirmed` decides what is a person."""
        tell = self._progress.part(CONFIRMING, len(stretch.own))
        stop, look = self._should_stop, self._seen.look(self._video)
        estimate = partial(estimator.estimate, self._video, boxes, should_stop=stop)
        alone = list(estimate(options=_ALONE, on_progress=lambda done, total: tell(done, 2 * total)))
        told = list(estimate(options=_TOLD, look=look, on_progress=lambda done, total: tell(total + done, 2 * total)))
        tell(1, 1)  # also where there is nobody to look at
        return doubted(told, alone)


def _leads_over(border: int, tracks: Tracks, overlap: int) -> list[Seed]:
    """Of each track the box nearest the border, where both sides look: from there the other side follows on."""
    found = []
    for track_id, boxes in tracks.items():
        near = [frame for frame in boxes if border - overlap <= frame < border + overlap]
        if near:
            frame = min(near, key=lambda frame: abs(frame + 0.5 - border))
            found.append(Seed(frame, track_id, boxes[frame]))
    return found

"""The engine's work: find people, follow them, estimate their poses, and look inside the model.

The server calls it in the engine's process, the command line in its own: the same
code, so that window and command line give the same numbers.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import resources
from jmpose_core.annotations import Annotation
from jmpose_core.detection import PersonDetector
from jmpose_core.devices import pick_device
from jmpose_core.engine.confirmation import confirmed, to_look_at
from jmpose_core.engine.protocol import Predict, Probe, ProbeResult, Progress, Ready
from jmpose_core.engine.protocol import Seed as DrawnBox
from jmpose_core.errors import Cancelled
from jmpose_core.geometry import Xyxy
from jmpose_core.pose_estimator import CHUNK_FRAMES, PoseEstimator
from jmpose_core.tracking import Detections, Seed, colour_histograms, link
from jmpose_core.video import Video, open_video
from jmpose_core.weights import read_card

OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]
Tracks = Mapping[int, Mapping[int, Xyxy]]

_LEAST_SCORE: Final = 0.1  # of detections that tracking is shown: weaker ones cost time and are never taken
_NEAR_FRAMES: Final = 12  # poses begin this much before the visible frame


class Session:
    """Holds the device, the networks it has loaded and the video it read last.

    Args:
        device: "auto", "cpu" or "cuda".
        detector: weights of the person detector.
    """

    def __init__(self, device: str = "auto", detector: str | Path = "detector") -> None:
        self._device = pick_device(device)
        self._detector_weights = detector
        self._detector: PersonDetector | None = None
        self._estimators: dict[str, PoseEstimator] = {}
        self._video: Video | None = None
        self._detections: dict[int, Detections] = {}  # of that video, by frame

    def ready(self) -> Ready:
        """The device, and the pose networks that come with the program."""
        names = sorted(path.stem for path in resources.WEIGHTS.glob("*.safetensors"))
        return Ready(device=str(self._device), weights=[name for name in names if read_card(name).crop_size != (0, 0)])

    def predict(
        self, request: Predict, *, on_progress: OnProgress, should_stop: ShouldStop, video: Video | None = None
    ) -> Iterator[Annotation]:
        """People of the requested frames, the neighbourhood of the visible one first.

        With seeds, only the people whose boxes were drawn: the others are left as they are.
        A `video` that is given is read in place of the file at the request's path, and stays open.

        Raises:
            Cancelled: should_stop said so; what was yielded before is whole.
            JMPoseError: the video or the weights cannot be used.
        """
        estimator = self._estimator(request.weights)
        if video is None:
            video = self._opened(Path(request.video_path))
        else:
            self.close()
        last = min(request.last, video.frame_count)
        tracks = request.boxes
        if tracks is None:
            tracks = self._tracks(estimator, video, range(request.first, last), request.seeds, on_progress, should_stop)
        near = max(0, request.visible_frame - _NEAR_FRAMES)
        start = max(request.first, near - near % CHUNK_FRAMES)  # between chunks: the numbers do not depend on it
        parts = [_between(tracks, start, last), _between(tracks, request.first, start)]
        total = sum(len(boxes) for part in parts for boxes in part.values())
        tell = _Progress("estimating poses", total, on_progress)
        for part in parts:
            before = tell.done
            yield from estimator.estimate(
                video,
                part,
                stage=request.stage,
                exact=request.exact,
                on_progress=lambda done, _total, before=before: tell(before + done),
                should_stop=should_stop,
            )

    def probe(self, request: Probe) -> ProbeResult:
        """Everything the model sees of one person in one frame.

        Raises:
            JMPoseError: the video or the weights cannot be used.
        """
        video = self._opened(Path(request.video_path))
        seen = self._estimator(request.weights).probe(video, request.frame_index, request.bbox_xyxy)
        return ProbeResult(
            crop_rgb=seen.crop_rgb,
            initial=seen.initial,
            flow=seen.flow,
            refined=seen.refined,
            crop_from_image=seen.crop_from_image,
        )

    def close(self) -> None:
        """Let go of the video."""
        if self._video is not None:
            self._video.close()
        self._video = None
        self._detections = {}

    def _tracks(
        self,
        estimator: PoseEstimator,
        video: Video,
        frames: range,
        seeds: Sequence[DrawnBox],
        on_progress: OnProgress,
        should_stop: ShouldStop,
    ) -> Tracks:
        detector = self._loaded_detector()
        tell = _Progress("finding people", len(frames), on_progress)
        for index in frames:
            if should_stop():
                raise Cancelled("stopped while people were looked for")
            if index not in self._detections:
                image = video.frame(index)
                found = detector.detect(image, min_score=_LEAST_SCORE)
                self._detections[index] = replace(found, appearance=colour_histograms(image, found.bboxes_xyxy))
            tell(index - frames.start + 1)
        detections = {index: self._detections[index] for index in frames}
        drawn = [Seed(seed.frame_index, seed.track_id, seed.bbox_xyxy) for seed in seeds]
        tracks = link(detections, seeds=drawn, fps=video.fps, sure=detector.sure_score)
        if drawn:  # a drawn box is always accepted
            wanted = {seed.track_id for seed in drawn}
            return {track_id: boxes for track_id, boxes in tracks.items() if track_id in wanted}
        looks = list(self._looks(estimator, video, to_look_at(tracks), on_progress, should_stop))
        return link(confirmed(tracks, looks, detections), fps=video.fps)

    def _looks(
        self, estimator: PoseEstimator, video: Video, boxes: Tracks, on_progress: OnProgress, should_stop: ShouldStop
    ) -> Iterator[Annotation]:
        """Initial poses that tell people from what only looks like them."""
        tell = _Progress("confirming people", sum(len(frames) for frames in boxes.values()), on_progress)
        return estimator.estimate(
            video, boxes, stage="initial", on_progress=lambda done, _total: tell(done), should_stop=should_stop
        )

    def _loaded_detector(self) -> PersonDetector:
        if self._detector is None:
            self._detector = PersonDetector(self._detector_weights, str(self._device))
        return self._detector

    def _estimator(self, weights: str) -> PoseEstimator:
        if weights not in self._estimators:
            self._estimators = {weights: PoseEstimator(weights, str(self._device))}  # one at a time: they are large
        return self._estimators[weights]

    def _opened(self, path: Path) -> Video:
        if self._video is None or self._video.path != path:
            self.close()
            self._video = open_video(path)
        return self._video


class _Progress:
    """Counts one stage and measures its rate."""

    def __init__(self, stage: str, total: int, on_progress: OnProgress) -> None:
        self._stage, self._total, self._on_progress = stage, total, on_progress
        self._started = time.perf_counter()
        self.done = 0

    def __call__(self, done: int) -> None:
        self.done = done
        rate = done / max(1e-6, time.perf_counter() - self._started)
        self._on_progress(Progress(done=done, total=self._total, per_second=rate, stage=self._stage))


def _between(tracks: Tracks, first: int, last: int) -> dict[int, dict[int, Xyxy]]:
    parts = {
        track_id: {frame: box for frame, box in boxes.items() if first <= frame < last}
        for track_id, boxes in tracks.items()
    }
    return {track_id: boxes for track_id, boxes in parts.items() if boxes}

"""The engine's work: find people, follow them, estimate their poses, and look inside the model.

The server calls it in the engine's process, the command line in its own: the same
code, so that window and command line give the same numbers.
"""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.devices import pick_device
from jmpose_core.engine.first_look import FirstLook, OnPreview
from jmpose_core.engine.people_search import CONFIRMING, FINDING, PeopleSearch, SeenPeople, ShouldStop, Tracks
from jmpose_core.engine.protocol import Predict, Probe, ProbeResult, Ready
from jmpose_core.engine.run_progress import OnProgress, RunProgress, Tell
from jmpose_core.errors import WeightsError
from jmpose_core.estimation import probing
from jmpose_core.estimation.options import DEFAULT_OPTIONS, EstimateOptions, FlowChoice
from jmpose_core.estimation.pose_estimator import CHUNK_FRAMES, PoseEstimator
from jmpose_core.fill.evidence import OnEvidence
from jmpose_core.geometry import Xyxy
from jmpose_core.tracking import Seed
from jmpose_core.video import Video, open_video
from jmpose_core.weights.files import installed_weights, read_card

ESTIMATING: Final = "estimating poses"
_NEAR_FRAMES: Final = 12  # poses begin this much before the visible frame
_log = logging.getLogger(__name__)  # warnings go to standard error: the engine's log


class Session:
    """Holds the device, the networks it has loaded and the video it read last.

    Args:
        device: "auto", "cpu" or "cuda".
        detector: weights of the person detector.
    """

    def __init__(self, device: str = "auto", detector: str | Path = "detector") -> None:
        self._device = pick_device(device)
        self._estimators: dict[tuple[str, int | None, FlowChoice], PoseEstimator] = {}  # by weights, reach, flow
        self._video: Video | None = None
        self._state_on_disk: tuple[int, int] | None = None  # of that video's file when it was opened
        self._seen = SeenPeople(detector, str(self._device))

    def ready(self) -> Ready:
        """The device, and the pose networks that are here: the bundled ones, then the user's own."""
        names = dict.fromkeys(path.stem for path in installed_weights())
        return Ready(device=str(self._device), weights=[name for name in names if _is_pose_network(name)])

    def predict(
        self,
        request: Predict,
        *,
        on_progress: OnProgress,
        should_stop: ShouldStop,
        video: Video | None = None,
        visible_frame: Callable[[], int] | None = None,
        on_preview: OnPreview | None = None,
        on_evidence: OnEvidence | None = None,
    ) -> Iterator[Annotation]:
        """People of the requested frames, the neighbourhood of the visible one first.

        A long range is worked on in stretches (see `engine.stretches`): the first people
        come after a bounded time, however long the video is.
        With seeds, only the people whose boxes were drawn, beginning with the frames where they were drawn.

        Args:
            video: read in place of the file at the request's path, and left open.
            visible_frame: called for the frame that the user looks at now; without it, the request's.
            on_preview: called with people of the visible frame, and with boxes, before the search has found anybody.
            on_evidence: called with each person and what a fill needs to know of it, before it is yielded.

        Raises:
            Cancelled: should_stop returned true; what was yielded before is whole.
            JMPoseError: the video or the weights cannot be used.
        """
        estimator = self._estimator(request.weights, request.options)
        if video is None:
            video = self._opened(Path(request.video_path))
        else:
            self.close()
        frames = range(request.first, min(request.last, video.frame_count))
        visible_frame = visible_frame or (lambda: request.visible_frame)
        progress = RunProgress(_expected_secs(request), len(frames), on_progress)
        preview = self._first_look(video, frames, estimator, visible_frame, on_preview) if on_preview else None

        def stop_or_look() -> bool:
            if preview is not None and not request.seeds and not should_stop():
                preview.look()
            return should_stop()

        search = PeopleSearch(
            video,
            frames,
            self._seen,
            progress,
            stop_or_look,
            visible_frame=visible_frame,
            on_found=preview.found if preview is not None else lambda frame, detections: None,
        )
        look = self._seen.look(video)
        estimate = partial(
            estimator.estimate,
            video,
            options=request.options,
            look=look,
            should_stop=stop_or_look,
            on_evidence=on_evidence,
            labels={
                track_id: {frame: np.array(joints) for frame, joints in own.items()}
                for track_id, own in request.labels.items()
            },
        )
        yield from estimate(_drawn(request))
        for own, tracks in _tracks(search, request, estimator, frames):
            tell = progress.part(ESTIMATING, len(own))
            parts = _parts(own, visible_frame())
            total = sum(_count(tracks, part) for part in parts)
            done = 0
            for part in parts:
                for person in estimate(tracks, frames=part, on_progress=_shifted(tell, done, total)):
                    if preview is not None:
                        preview.finished([person.frame_index])
                    yield person
                done += _count(tracks, part)
            tell(1, 1)  # also where there is nobody

    def damage_report(self) -> str:
        """What of the video that was predicted last could not be read, for the user; empty where all is sound."""
        return "" if self._video is None else self._video.damage_report()

    def probe(self, request: Probe) -> ProbeResult:
        """Everything the model sees of one person in one frame.

        Raises:
            JMPoseError: the video or the weights cannot be used.
        """
        video = self._opened(Path(request.video_path))
        estimator = self._estimator(request.weights)
        seen = probing.probe(estimator, video, request.frame_index, request.bbox_xyxy, look=self._seen.look(video))
        return ProbeResult(
            crop_rgb=seen.crop_rgb,
            initial=seen.initial,
            flow=seen.flow,
            flow_error=seen.flow_error,
            refined=seen.refined,
            crop_from_image=seen.crop_from_image,
        )

    def close(self) -> None:
        """Let go of the video."""
        if self._video is not None:
            self._video.close()
        self._video = None

    def _first_look(
        self,
        video: Video,
        frames: range,
        estimator: PoseEstimator,
        visible_frame: Callable[[], int],
        on_preview: OnPreview,
    ) -> FirstLook:
        return FirstLook(
            video,
            frames,
            estimator,
            detect=self._seen.within,
            sure_score=self._seen.detector.sure_score,
            visible_frame=visible_frame,
            on_preview=on_preview,
        )

    def _estimator(self, weights: str, options: EstimateOptions = DEFAULT_OPTIONS) -> PoseEstimator:
        key = (weights, options.reach, options.flow)
        if key not in self._estimators:  # one at a time: they are large
            own = PoseEstimator(weights, str(self._device), reach=options.reach, flow=options.flow)
            self._estimators = {key: own}
        return self._estimators[key]

    def _opened(self, path: Path) -> Video:
        state = _state_on_disk(path)
        if self._video is None or self._video.path != path or state != self._state_on_disk:
            self.close()
            self._video, self._state_on_disk = open_video(path), state
        return self._video


def _state_on_disk(path: Path) -> tuple[int, int] | None:
    """Size and time of a file or folder: they change when another one is put in its place. None where it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _is_pose_network(name: str) -> bool:
    try:
        return read_card(name).crop_size != (0, 0)
    except WeightsError as error:
        _log.warning("left out of the pose networks: %s", error)  # one torn file must not keep the engine from starting
        return False


def _tracks(
    search: PeopleSearch, request: Predict, estimator: PoseEstimator, frames: range
) -> Iterator[tuple[range, Tracks]]:
    """Parts of the range and the people in them, in order of need."""
    if request.boxes is not None:
        return iter([(frames, request.boxes)])
    if request.seeds:
        return search.drawn([Seed(seed.frame_index, seed.track_id, seed.bbox_xyxy) for seed in request.seeds])
    return search.everybody(estimator)


def _parts(own: range, visible_frame: int) -> list[range]:
    """The frames from the visible frame's neighbourhood on, then those before."""
    near = visible_frame - _NEAR_FRAMES
    start = max(own.start, near - near % CHUNK_FRAMES)  # between chunks: the numbers do not depend on it
    return [range(start, own.stop), range(own.start, min(start, own.stop))]


def _count(boxes: Tracks, frames: range) -> int:
    return sum(frame in frames for own in boxes.values() for frame in own)


def _drawn(request: Predict) -> Tracks:
    """The boxes that were drawn, by track and frame: their people come before anybody is followed from there."""
    tracks: dict[int, dict[int, Xyxy]] = {}
    for seed in request.seeds:
        tracks.setdefault(seed.track_id, {})[seed.frame_index] = seed.bbox_xyxy
    return tracks


def _expected_secs(request: Predict) -> dict[str, float]:
    """The stages that a request passes, with seconds a frame as a CPU needs them for a few people."""
    searched = {} if request.boxes is not None else {FINDING: 0.06}
    confirmed = {} if request.boxes is not None or request.seeds else {CONFIRMING: 0.02}
    return {**searched, **confirmed, ESTIMATING: 0.2}


def _shifted(tell: Tell, before: int, total: int) -> Tell:
    """Count a part's boxes behind those of the parts before it."""
    return lambda done, _: tell(before + done, total)

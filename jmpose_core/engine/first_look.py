"""The frame that the user looks at comes first: its people are shown before the search through the video ends.

A search links people over hundreds of frames before the first pose is certain. What is seen meanwhile is a preview:
boxes and initial poses of single frames, without tracks. It is replaced by what the search finds, and never saved.
"""

import contextlib
from collections.abc import Callable, Collection
from typing import Final

import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.engine.confirmation import doubted, people_among
from jmpose_core.engine.protocol import Preview
from jmpose_core.errors import DamagedFrameError
from jmpose_core.estimation.options import EstimateOptions
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.tracking import Detections
from jmpose_core.video import Video

OnPreview = Callable[[Preview], None]
DetectIn = Callable[[Video, int], Detections]

_MOST_PEOPLE: Final = 12  # whose poses a preview waits for; of the others it shows boxes


class FirstLook:
    """Previews of single frames while a request is being worked on.

    Args:
        frames: of the request; no other frame is looked at.
        detect: finds boxes in a frame of the video.
        sure_score: of the detector; weaker boxes are not shown.
        visible_frame: called for the frame that the user looks at now.
        on_preview: called with each preview.
    """

    def __init__(
        self,
        video: Video,
        frames: range,
        estimator: PoseEstimator,
        *,
        detect: DetectIn,
        sure_score: float,
        visible_frame: Callable[[], int],
        on_preview: OnPreview,
    ) -> None:
        self._video, self._frames, self._estimator = video, frames, estimator
        self._detect, self._sure_score = detect, sure_score
        self._visible_frame, self._on_preview = visible_frame, on_preview
        self._shown: set[int] = set()  # frames whose poses were shown, as a preview or for good

    def look(self) -> None:
        """Show the visible frame's people, unless they were shown; called between any two pieces of work."""
        frame = self._visible_frame()
        if frame in self._shown or frame not in self._frames:
            return
        self._shown.add(frame)
        with contextlib.suppress(DamagedFrameError):  # nothing to show; the search reports the damage
            self._show_poses(frame)

    def finished(self, frames: Collection[int]) -> None:
        """These frames' people have been found for good."""
        self._shown.update(frames)

    def found(self, frame: int, detections: Detections) -> None:
        """The search has looked at a frame: show its boxes, unless something better was shown."""
        if frame not in self._shown:
            self._on_preview(Preview(frame_index=frame, annotations=self._boxes(frame, detections)))

    def _show_poses(self, frame: int) -> None:
        boxes = self._boxes(frame, self._detect(self._video, frame))
        self._on_preview(Preview(frame_index=frame, annotations=boxes))
        tracks = {person.track_id: {frame: person.bbox_xyxy} for person in boxes[:_MOST_PEOPLE]}
        alone = self._estimator.estimate(self._video, tracks, options=EstimateOptions(stage="initial", witness=False))
        told = self._estimator.estimate(
            self._video,
            tracks,
            options=EstimateOptions(stage="initial"),
            look=lambda index, image: self._detect(self._video, index),
        )
        poses = people_among(doubted(told, alone))
        self._on_preview(Preview(frame_index=frame, annotations=[*poses, *boxes[_MOST_PEOPLE:]]))

    def _boxes(self, frame: int, detections: Detections) -> list[Annotation]:
        """Sure boxes as people without joints, the surest first."""
        order = np.argsort(-detections.scores, kind="stable")
        sure = [index for index in order.tolist() if detections.scores[index] >= self._sure_score]
        return [
            Annotation(
                frame_index=frame,
                track_id=place,
                bbox_xyxy=tuple(detections.bboxes_xyxy[index].tolist()),
                score=float(detections.scores[index]),
            )
            for place, index in enumerate(sure)
        ]

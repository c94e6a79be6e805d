"""Tracking as detections arrive, in the manner of ByteTrack (Zhang et al., ECCV 2022).

Sure detections are given to people first; those left over may be continued by
unsure ones, which never start a person.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from jmpose_core.annotations import FloatArray
from jmpose_core.geometry import iou
from jmpose_core.tracking.affinity import LEAST_RATE, affinities, assigned
from jmpose_core.tracking.detections import Detections
from jmpose_core.tracking.tracklet import Sighting, Tracklet, sightings_of

LEAST_AFFINITY: Final = 0.25
LEAST_UNSURE_AFFINITY: Final = 0.5  # an unsure detection must be just where the person is expected
_SCORE_BONUS: Final = 0.5
_SEED_IOU: Final = 0.5  # a detection that overlaps a drawn box so much is the person it was drawn about
_SEED_CONTINUES_IOU: Final = 0.3


class Tracked(NamedTuple):
    """One person of the frame just seen."""

    track_id: int
    bbox_xyxy: FloatArray  # (4,)
    score: float


class Tracker:
    """Gives each person a number that stays.

    Args:
        fps: frames a second of the video, for how far people may move while unseen.
        sure: score from which a detection is a person.
        least: score from which a detection may continue a person.
        memory_secs: how long a person may be unseen.
    """

    def __init__(self, *, fps: float = 30.0, sure: float = 0.5, least: float = 0.1, memory_secs: float = 2.0) -> None:
        self.tracklets: list[Tracklet] = []  # all so far, oldest first; the place in this list is the track id
        self.fps, self._sure, self._least, self._memory_frames = fps, sure, least, memory_secs * max(fps, LEAST_RATE)

    def update(
        self,
        frame_index: int,
        bboxes_xyxy: FloatArray,
        scores: FloatArray,
        keypoints: FloatArray | None = None,
        appearance: FloatArray | None = None,
    ) -> list[Tracked]:
        """People of the next frame; arrays as in Detections.

        Raises:
            ValueError: `frame_index` is not after the last frame given.
        """
        if self.tracklets and frame_index <= max(tracklet.last for tracklet in self.tracklets):
            raise ValueError(f"frame {frame_index} comes after a later one: give frames in order of time")
        self.advance(frame_index, Detections(bboxes_xyxy, scores, keypoints, appearance))
        return [
            Tracked(track_id, tracklet.sightings[-1].bbox_xyxy, tracklet.sightings[-1].score)
            for track_id, tracklet in enumerate(self.tracklets)
            if tracklet.last == frame_index
        ]

    def advance(
        self, frame_index: int, detections: Detections, seeds: Sequence[tuple[int, FloatArray]] = ()
    ) -> list[Sighting]:
        """Take the next frame with the boxes (seed id, xyxy) drawn on it; the detections nobody took."""
        sightings = sightings_of(frame_index, detections.in_order())
        alive = [t for t in self.tracklets if frame_index - t.last <= self._memory_frames]
        for seed_id, box in sorted(seeds, key=lambda seed: seed[0]):
            self._take_seed(seed_id, Sighting(frame_index, box, 1.0, drawn=True), alive)
            sightings = [s for s in sightings if iou(s.bbox_xyxy[None], box[None])[0, 0] < _SEED_IOU]
        waiting = [t for t in alive if t.last < frame_index]
        sure = [s for s in sightings if s.score >= self._sure]
        unsure = [s for s in sightings if self._least <= s.score < self._sure]
        left_sure = _continue(waiting, sure, fps=self.fps, least=LEAST_AFFINITY)
        waiting = [t for t in waiting if t.last < frame_index]
        left_unsure = _continue(waiting, unsure, fps=self.fps, least=LEAST_UNSURE_AFFINITY)
        self.tracklets.extend(Tracklet([sighting]) for sighting in left_sure)
        return left_unsure

    def _take_seed(self, seed_id: int, sighting: Sighting, alive: list[Tracklet]) -> None:
        """Continue the seed's own track, name a track that is where the box was drawn, or start one."""
        own = next((t for t in self.tracklets if t.seed_id == seed_id), None)
        here = self._unnamed_at(sighting, alive)
        if own is None:
            own = here or Tracklet()
            own.seed_id = seed_id
            if here is None:
                self.tracklets.append(own)
                alive.append(own)
        elif here is not None and here.first > own.last:  # found again before it was drawn again
            own.sightings.extend(here.sightings)
            self.tracklets.remove(here)
            alive.remove(here)
            alive.append(own)
        own.sightings.append(sighting)

    @staticmethod
    def _unnamed_at(sighting: Sighting, alive: list[Tracklet]) -> Tracklet | None:
        free = [t for t in alive if t.seed_id is None and t.last < sighting.frame_index]
        if not free:
            return None
        expected = np.stack([t.predicted(sighting.frame_index) for t in free])
        overlap = iou(expected, sighting.bbox_xyxy[None])[:, 0]
        best = int(overlap.argmax())
        return free[best] if overlap[best] >= _SEED_CONTINUES_IOU else None


def _continue(
    tracklets: Sequence[Tracklet], sightings: Sequence[Sighting], *, fps: float, least: float
) -> list[Sighting]:
    """Give sightings to the tracklets they fit; the ones left over."""
    taken = set()
    bonus = _SCORE_BONUS * np.array([sighting.score for sighting in sightings])  # of boxes about one person, the best
    for row, column in assigned(affinities(tracklets, sightings, fps=fps), least, bonus=bonus):
        tracklets[row].sightings.append(sightings[column])
        taken.add(column)
    return [sighting for index, sighting in enumerate(sightings) if index not in taken]

"""Tracking with the whole video at hand: look ahead, join what occlusions cut, smooth, fill short gaps."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from jmpose_core.annotations import FloatArray
from jmpose_core.geometry import Xyxy
from jmpose_core.tracking.affinity import LEAST_RATE, affinities, assigned, closeness, likeness
from jmpose_core.tracking.detections import Detections
from jmpose_core.tracking.online import LEAST_UNSURE_AFFINITY, Tracker
from jmpose_core.tracking.pruning import trimmed, without_doubles, without_ghosts
from jmpose_core.tracking.smoothing import bridged, smoothed
from jmpose_core.tracking.tracklet import Sighting, Tracklet

_MEMORY_SECS: Final = 0.5  # of the frame-by-frame pass; longer gaps are joined from both of their ends
_LEAST_JOIN: Final = 0.2
_LEAST_LIKENESS: Final = 0.5  # Bhattacharyya coefficient of two tracklets' colours


class Seed(NamedTuple):
    """A box from which a track is followed: this person is here, whatever the detector says."""

    frame_index: int
    track_id: int
    bbox_xyxy: Xyxy


def link(
    detections_by_frame: Mapping[int, Detections],
    *,
    seeds: Iterable[Seed | tuple[int, int, Xyxy]] = (),
    fps: float = 30.0,
    sure: float = 0.5,
    least: float = 0.1,
    bridge_secs: float = 2.0,
) -> dict[int, dict[int, Xyxy]]:
    """Every person's boxes by track id and frame.

    Drawn boxes are kept as they are and name their track; the tracks of the
    others are numbered by first appearance, passing over the drawn ids.

    Args:
        detections_by_frame: frames without an entry were not looked at.
        seeds: drawn boxes; a track is followed from each both forwards and backwards.
        fps: frames per second of the video. Below five, gaps are measured in frames: a person who stays keeps the id.
        sure: score from which a detection is a person by itself.
        least: score from which a detection may continue a person.
        bridge_secs: longest occlusion over which a person keeps the track id.

    Raises:
        ValueError: two boxes drawn for one track on one frame.
    """
    drawn = _seeds_by_frame(seeds)
    rate = max(fps, LEAST_RATE)  # what lasts some time lasts some frames too, where there are few per second
    tracker = Tracker(fps=fps, sure=sure, least=least, memory_secs=min(_MEMORY_SECS, bridge_secs))
    unclaimed: dict[int, list[Sighting]] = {}
    for frame_index in sorted({*detections_by_frame, *drawn}):
        detections = detections_by_frame.get(frame_index, Detections.none())
        unclaimed[frame_index] = tracker.advance(frame_index, detections, drawn.get(frame_index, ()))
    tracklets = tracker.tracklets
    _extend_backwards(tracklets, unclaimed, fps=fps)
    tracklets = without_doubles([trimmed(tracklet, sure=sure, fps=rate) for tracklet in tracklets])
    tracklets = _joined(tracklets, fps=fps, bridge_secs=bridge_secs)
    tracklets = without_doubles(without_ghosts(tracklets, sure=sure, frame_count=len(unclaimed)))
    return {
        track_id: bridged(smoothed(tracklet.sightings), fps=rate, bridge_secs=bridge_secs)
        for track_id, tracklet in _numbered(tracklets).items()
    }


def _seeds_by_frame(seeds: Iterable[Seed | tuple[int, int, Xyxy]]) -> dict[int, list[tuple[int, FloatArray]]]:
    by_frame: dict[int, dict[int, FloatArray]] = {}
    for frame_index, track_id, bbox_xyxy in seeds:
        boxes = by_frame.setdefault(frame_index, {})
        if track_id in boxes:
            raise ValueError(f"frame {frame_index}: two boxes drawn for track {track_id}")
        boxes[track_id] = np.array(bbox_xyxy, float)
    return {frame_index: list(boxes.items()) for frame_index, boxes in by_frame.items()}


def _extend_backwards(tracklets: Sequence[Tracklet], unclaimed: Mapping[int, list[Sighting]], *, fps: float) -> None:
    """Let each tracklet claim unsure detections that lead up to its first frame."""
    for frame_index in sorted(unclaimed, reverse=True):
        sightings = unclaimed[frame_index]
        growing = [t for t in tracklets if 0 < t.first - frame_index <= _MEMORY_SECS * max(fps, LEAST_RATE)]
        for row, column in assigned(affinities(growing, sightings, fps=fps), LEAST_UNSURE_AFFINITY):
            growing[row].sightings.insert(0, sightings[column])


def _joined(tracklets: Sequence[Tracklet], *, fps: float, bridge_secs: float) -> list[Tracklet]:
    """Tracklets whose end leads to another's start, as one."""
    affinity = np.zeros((len(tracklets), len(tracklets)))
    for row, before in enumerate(tracklets):
        for column, after in enumerate(tracklets):
            if 0 < after.first - before.last <= bridge_secs * max(fps, LEAST_RATE) and _may_be_one(before, after):
                affinity[row, column] = _join_affinity(before, after, fps)
    follower = dict(assigned(affinity, _LEAST_JOIN))
    starts = sorted(set(range(len(tracklets))) - set(follower.values()))
    return [piece for start in starts for piece in _chain(tracklets, start, follower)]


def _may_be_one(before: Tracklet, after: Tracklet) -> bool:
    return before.seed_id is None or after.seed_id is None or before.seed_id == after.seed_id


def _join_affinity(before: Tracklet, after: Tracklet, fps: float) -> float:
    """0..1: how well the two ends lead to each other by motion (seen from either side) and by colours."""
    unseen_secs = np.array([[(after.first - before.last) / fps]])
    forwards = closeness(before.predicted(after.first)[None], after.sightings[0].bbox_xyxy[None], unseen_secs)
    backwards = closeness(after.predicted(before.last)[None], before.sightings[-1].bbox_xyxy[None], unseen_secs)
    motion = float(forwards[0, 0] + backwards[0, 0]) / 2
    colours_before, colours_after = before.appearance(after.first), after.appearance(before.last)
    if motion == 0 or colours_before is None or colours_after is None:
        return motion
    alike = likeness(colours_before, colours_after)
    return (motion + alike) / 2 if alike >= _LEAST_LIKENESS else 0.0


def _chain(tracklets: Sequence[Tracklet], start: int, follower: Mapping[int, int]) -> list[Tracklet]:
    """The tracklets that follow one another from `start`, as one; cut where two drawn names would meet."""
    pieces = [Tracklet(list(tracklets[start].sightings), tracklets[start].seed_id)]
    index = start
    while index in follower:
        index = follower[index]
        piece, after = pieces[-1], tracklets[index]
        if _may_be_one(piece, after):
            piece.sightings.extend(after.sightings)
            piece.seed_id = after.seed_id if piece.seed_id is None else piece.seed_id
        else:
            pieces.append(Tracklet(list(after.sightings), after.seed_id))
    return pieces


def _numbered(tracklets: Sequence[Tracklet]) -> dict[int, Tracklet]:
    """Tracklets by track id: the drawn one, or the next free number in order of first appearance."""
    numbered = {tracklet.seed_id: tracklet for tracklet in tracklets if tracklet.seed_id is not None}
    free = (number for number in range(len(tracklets) + len(numbered)) if number not in numbered)
    others = [tracklet for tracklet in tracklets if tracklet.seed_id is None]
    for tracklet in sorted(others, key=lambda t: (t.first, *t.sightings[0].bbox_xyxy)):
        numbered[next(free)] = tracklet
    return dict(sorted(numbered.items()))

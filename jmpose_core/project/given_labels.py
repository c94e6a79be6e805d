"""What the network is told when it refines a track again: the track's boxes, and the labels that reach them."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from jmpose_core.fill.carried_labels import CarriedLabels
from jmpose_core.geometry import Xyxy
from jmpose_core.project.database import Database
from jmpose_core.project.evidence_store import EvidenceStore
from jmpose_core.project.track_rows import predicted_track

LEAST: Final = 0.15  # weight of a carried label that still tells the network anything: eight frames
BESIDE: Final = 4  # frames that complete the windows of the outermost

GivenJoints: TypeAlias = list[tuple[float, float, float]]  # 15 times x, y in image pixels and weight 0..1


@dataclass(frozen=True, slots=True)
class GivenLabels:
    """Of one track."""

    track_id: int
    frames: frozenset[int]  # in which the person is to be estimated again
    boxes: dict[int, Xyxy]  # by frame, of BESIDE frames more on either side
    labels: dict[int, GivenJoints]  # by frame


def given_labels(
    database: Database, evidence: EvidenceStore, video_id: int, track_id: int, first: int, last: int
) -> GivenLabels | None:
    """What labels in frames first..last (`last` excluded) say of these frames; None where there is no label."""
    found = predicted_track(database, evidence, video_id, track_id, first - BESIDE, last + BESIDE)
    if found is None:
        return None
    carried = CarriedLabels.of(found.track)
    frames = found.track.frame_index
    near = (carried.weight.max(axis=1) >= LEAST) & (frames >= first) & (frames < last)
    reached = frozenset(frames[near].tolist())
    if not reached:
        return None
    beside = {frame + step for frame in reached for step in range(-BESIDE, BESIDE + 1)}
    told = [
        (person, joints)
        for person, joints in zip(found.predicted, carried.given.tolist(), strict=True)
        if person.frame_index in beside
    ]
    return GivenLabels(
        track_id,
        reached,
        {person.frame_index: person.bbox_xyxy for person, _ in told},
        {person.frame_index: [(x, y, weight) for x, y, weight in joints] for person, joints in told},
    )

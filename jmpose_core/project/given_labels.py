"""What the network is told when it refines a track again: the track's boxes, and the labels that reach them."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from jmpose_core.fill.carried_labels import CarriedLabels
from jmpose_core.geometry import Xyxy
from jmpose_core.project import people
from jmpose_core.project.database import Database
from jmpose_core.project.evidence_store import EvidenceStore
from jmpose_core.project.rows import annotations_of
from jmpose_core.project.schema import LAYER_PREDICTION
from jmpose_core.project.track_rows import is_predicted, layers_by_frame, said_by_annotator, track_frames

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
    there = layers_by_frame(people.rows_of_track(database, video_id, track_id, first - BESIDE, last + BESIDE))
    frames = [frame for frame, layers in there.items() if is_predicted(layers)]
    if not frames:
        return None
    predicted = list(annotations_of([there[frame][LAYER_PREDICTION] for frame in frames]))
    track = track_frames(evidence, video_id, predicted, said_by_annotator(there, frames))
    given = CarriedLabels.of(track).given
    near = [max(weight for _, _, weight in joints) >= LEAST for joints in given.tolist()]
    reached = frozenset(frame for frame, is_near in zip(frames, near, strict=True) if is_near and first <= frame < last)
    if not reached:
        return None
    beside = {frame + step for frame in reached for step in range(-BESIDE, BESIDE + 1)}
    rows = [row for row, frame in enumerate(frames) if frame in beside]
    return GivenLabels(
        track_id,
        reached,
        {frames[row]: predicted[row].bbox_xyxy for row in rows},
        {frames[row]: [(x, y, weight) for x, y, weight in given[row].tolist()] for row in rows},
    )

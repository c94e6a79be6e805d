"""One track of the project's rows as the fill and the queue read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.fill.packing import unpack
from jmpose_core.fill.track_frames import TrackFrames
from jmpose_core.project import people
from jmpose_core.project.database import Database
from jmpose_core.project.evidence_store import EvidenceStore, box_key
from jmpose_core.project.layers import owned_joints
from jmpose_core.project.rows import PersonRow, annotations_of
from jmpose_core.project.schema import LAYER_ANNOTATION, LAYER_PREDICTION


def layers_by_frame(rows: Sequence[PersonRow]) -> dict[int, dict[int, PersonRow]]:
    """The rows of one track by frame, by layer."""
    found: dict[int, dict[int, PersonRow]] = {}
    for row in rows:
        found.setdefault(row.frame_index, {})[row.layer] = row
    return found


def is_predicted(layers: Mapping[int, PersonRow]) -> bool:
    """Whether the frame has a prediction of a person who was not removed: nothing else is filled."""
    return LAYER_PREDICTION in layers and not layers[max(layers)].removed


def said_by_annotator(there: Mapping[int, Mapping[int, PersonRow]], frames: Sequence[int]) -> list[Annotation | None]:
    """The annotator's people of these frames; None where nothing was said."""
    rows = {frame: there[frame][LAYER_ANNOTATION] for frame in frames if LAYER_ANNOTATION in there[frame]}
    found = dict(zip(rows, annotations_of(list(rows.values())), strict=True))
    return [found.get(frame) for frame in frames]


@dataclass(frozen=True, slots=True, eq=False)
class PredictedTrack:
    """A track in the frames, in order, in which it is predicted and the person was not removed; at least one."""

    predicted: list[Annotation]
    shown: list[Annotation]  # as the annotator sees them
    track: TrackFrames


def predicted_track(
    database: Database, evidence: EvidenceStore, video_id: int, track_id: int, first: int, last: int
) -> PredictedTrack | None:
    """A track in frames first..last, `last` excluded; None where nothing is predicted."""
    there = layers_by_frame(people.rows_of_track(database, video_id, track_id, first, last))
    frames = [frame for frame, layers in there.items() if is_predicted(layers)]
    if not frames:
        return None
    predicted = list(annotations_of([there[frame][LAYER_PREDICTION] for frame in frames]))
    shown = list(annotations_of([there[frame][max(there[frame])] for frame in frames]))
    track = track_frames(evidence, video_id, predicted, said_by_annotator(there, frames))
    return PredictedTrack(predicted, shown, track)


def track_frames(
    evidence: EvidenceStore, video_id: int, predicted: Sequence[Annotation], said: Sequence[Annotation | None]
) -> TrackFrames:
    """Predictions, labels and evidence of one track; `said` as by `said_by_annotator`."""
    places = [(person.frame_index, box_key(person.bbox_xyxy)) for person in predicted]
    owned = np.stack([owned_joints(one or person) for one, person in zip(said, predicted, strict=True)])
    in_picture = np.stack([(one or person).visibility for one, person in zip(said, predicted, strict=True)]) > 0
    return replace(
        TrackFrames.predicted_only(predicted, unpack(evidence.packed(video_id, places))),
        labelled=owned & in_picture,
        labels=np.stack([(one or person).keypoints for one, person in zip(said, predicted, strict=True)]),
        absent=owned & ~in_picture,
    )

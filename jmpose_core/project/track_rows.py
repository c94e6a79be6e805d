"""One track of the project's rows as the fill and the queue read it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.fill.packing import unpack
from jmpose_core.fill.track_frames import TrackFrames
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

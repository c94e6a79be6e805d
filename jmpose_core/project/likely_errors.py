"""The queue of a track: which of its joints are likely wrong, as it is shown now."""

from typing import Final

import numpy as np

from jmpose_core.project.database import Database
from jmpose_core.project.evidence_store import EvidenceStore
from jmpose_core.project.track_rows import predicted_track
from jmpose_core.queue.error_model import ErrorModel
from jmpose_core.queue.items import QueueItem, queue_items

MOST: Final = 200  # items of a track: more than anybody goes through before the queue is another
LEAST: Final = 0.1  # probability of error below which a joint is not worth a look
_LAST_FRAME: Final = 2**62


def likely_errors(
    database: Database, evidence: EvidenceStore, model: ErrorModel, video_id: int, track_id: int
) -> list[QueueItem]:
    """By the errors that one action is expected to mend; nothing where nothing is predicted."""
    found = predicted_track(database, evidence, video_id, track_id, 0, _LAST_FRAME)
    if found is None:
        return []
    track = found.track
    probability = model.probability(track, np.stack([person.keypoints for person in found.shown]))
    settled = track.labelled | track.absent | (np.stack([person.visibility for person in found.shown]) == 0)
    return queue_items(track_id, track.frame_index, probability, settled, most=MOST, least=LEAST)

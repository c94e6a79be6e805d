"""Proposals about tracks that the annotator refused: they are not made again."""

from collections.abc import Iterable
from typing import Final

from jmpose_core.project.database import Database
from jmpose_core.queue.proposals import Fault, Proposal

_NO_TRACK: Final = -1  # in the column `other`


def row_of(video_id: int, refused: Proposal) -> tuple[int, str, int, int, int, int]:
    """As the table `refusals` holds it."""
    other = _NO_TRACK if refused.other is None else refused.other
    return video_id, refused.fault, refused.track_id, other, refused.first, refused.last


def without_refused(database: Database, video_id: int, found: Iterable[Proposal]) -> list[Proposal]:
    """Those that speak of no fault that was refused."""
    rows = database.rows("SELECT fault, track_id, other, first, last FROM refusals WHERE video_id = ?", (video_id,))
    refused = [
        Proposal(Fault(fault), track_id, None if other == _NO_TRACK else other, first, last, first, 1.0)
        for fault, track_id, other, first, last in rows
    ]
    return [one for one in found if not any(one.is_same(other) for other in refused)]

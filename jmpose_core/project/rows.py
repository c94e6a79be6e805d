"""One person of one layer as a row of the table `people`, and back."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.project.schema import REMOVED
from jmpose_core.skeleton import NUM_JOINTS

# 64-bit positions, so that what is read is equal to what was written.
PAYLOAD = np.dtype(
    [
        ("bbox_xyxy", "<f8", 4),
        ("score", "<f8"),
        ("keypoints", "<f8", (NUM_JOINTS, 2)),
        ("confidence", "<f8", NUM_JOINTS),
        ("visibility", "u1", NUM_JOINTS),
        ("origin", "u1", NUM_JOINTS),
    ]
)

_LAST_VISIBILITY, _LAST_ORIGIN = int(max(Visibility)), int(max(Origin))


class PersonKey(NamedTuple):
    """Which row of `people`."""

    video_id: int
    frame_index: int
    track_id: int
    layer: int


class PersonRow(NamedTuple):
    """A row of `people`, in the order of its columns."""

    video_id: int
    frame_index: int
    track_id: int
    layer: int
    state: int
    confidence: float
    owned: int
    source: str
    payload: bytes

    @property
    def removed(self) -> bool:
        """Whether this is a tombstone."""
        return self.state == REMOVED


COLUMNS = ", ".join(PersonRow._fields)


def row_of(video_id: int, layer: int, annotation: Annotation, *, owned: int = 0, removed: bool = False) -> PersonRow:
    """The row that holds `annotation`; `owned`: bits of layers.FIELDS."""
    record = np.zeros((), PAYLOAD)
    for name in PAYLOAD.names or ():
        record[name] = getattr(annotation, name)
    present = annotation.visibility != Visibility.ABSENT
    return PersonRow(
        video_id,
        annotation.frame_index,
        annotation.track_id,
        layer,
        REMOVED if removed else int(annotation.origin.max()),
        float(annotation.confidence[present].mean()) if present.any() else 0.0,
        owned,
        annotation.source,
        record.tobytes(),
    )


def annotation_of(row: PersonRow) -> Annotation:
    """The person that `row` holds."""
    record = np.frombuffer(row.payload, PAYLOAD)[0]
    left, top, right, bottom = record["bbox_xyxy"].tolist()
    return Annotation(
        frame_index=row.frame_index,
        track_id=row.track_id,
        bbox_xyxy=(left, top, right, bottom),
        keypoints=record["keypoints"],
        visibility=record["visibility"],
        confidence=record["confidence"],
        origin=record["origin"],
        score=float(record["score"]),
        source=row.source,
    )


def payloads(rows: Iterable[PersonRow]) -> np.ndarray:
    """The payloads of N rows as one structured array (N,) of PAYLOAD."""
    return np.frombuffer(b"".join(row.payload for row in rows), PAYLOAD)


def fault_of(annotation: Annotation) -> str:
    """What makes this person unfit to be stored, or nothing."""
    if annotation.track_id < 0:
        return f"track_id: {annotation.track_id} is negative"
    for name in ("bbox_xyxy", "keypoints", "confidence", "score"):
        if not np.isfinite(getattr(annotation, name)).all():
            return f"{name}: holds a value that is not a finite number"
    if annotation.visibility.max() > _LAST_VISIBILITY:
        return f"visibility: {annotation.visibility.max()} is more than {_LAST_VISIBILITY}"
    if annotation.origin.max() > _LAST_ORIGIN:
        return f"origin: {annotation.origin.max()} is more than {_LAST_ORIGIN}"
    return ""

"""One person of one layer as a row of the table `people`, and back."""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
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

_FINITE = ("bbox_xyxy", "keypoints", "confidence", "score")
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
    def key(self) -> PersonKey:
        """Which row this is."""
        return PersonKey(self.video_id, self.frame_index, self.track_id, self.layer)

    @property
    def removed(self) -> bool:
        """Whether this is a tombstone."""
        return self.state == REMOVED


COLUMNS = ", ".join(PersonRow._fields)


def rows_of(video_id: int, layer: int, annotations: Sequence[Annotation], owned: Sequence[int] = ()) -> list[PersonRow]:
    """The rows that hold `annotations`; `owned`: for each, bits of layers.FIELDS (left out: none).

    All at once, as a whole prediction is hundreds of thousands of joints.
    """
    if not annotations:
        return []
    records = np.zeros(len(annotations), PAYLOAD)
    for name in PAYLOAD.names or ():
        records[name] = column(annotations, name)
    present = records["visibility"] != Visibility.ABSENT
    mean = (records["confidence"] * present).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    states = records["origin"].max(axis=1)
    parts = zip(annotations, states.tolist(), mean.tolist(), owned or [0] * len(annotations), records, strict=True)
    return [
        PersonRow(video_id, a.frame_index, a.track_id, layer, state, confidence, bits, a.source, record.tobytes())
        for a, state, confidence, bits, record in parts
    ]


def annotations_of(rows: Sequence[PersonRow]) -> Iterator[Annotation]:
    """The people that `rows` hold. Their arrays are parts of the same few, so that one keeps those of all in memory."""
    records = payloads(rows)
    bboxes, scores = records["bbox_xyxy"].tolist(), records["score"].tolist()
    # A record's fields are not aligned in memory; those of a column of its own are.
    joints = [np.ascontiguousarray(records[name]) for name in ("keypoints", "visibility", "confidence", "origin")]
    for row, bbox, score, keypoints, visibility, confidence, origin in zip(rows, bboxes, scores, *joints, strict=True):
        yield Annotation(
            row.frame_index, row.track_id, tuple(bbox), keypoints, visibility, confidence, origin, score, row.source
        )


def payloads(rows: Iterable[PersonRow]) -> np.ndarray:
    """The payloads of N rows as one structured array (N,) of PAYLOAD."""
    return np.frombuffer(b"".join(row.payload for row in rows), PAYLOAD)


def column(annotations: Sequence[Annotation], name: str) -> np.ndarray:
    """A field of N people, at least one, as one array (N, ...)."""
    values = list(map(attrgetter(name), annotations))
    if isinstance(values[0], np.ndarray):
        return np.concatenate(values).reshape(len(values), *values[0].shape)  # np.stack takes three times as long
    return np.array(values)


def storable(annotations: Sequence[Annotation]) -> bool:
    """Whether all of these people can be stored; what makes one unfit, `fault_of` says."""
    return not annotations or bool(
        column(annotations, "track_id").min() >= 0
        and all(np.isfinite(column(annotations, name)).all() for name in _FINITE)
        and column(annotations, "visibility").max() <= _LAST_VISIBILITY
        and column(annotations, "origin").max() <= _LAST_ORIGIN
    )


def fault_of(annotation: Annotation) -> str:
    """What makes this person unfit to be stored, or nothing."""
    if annotation.track_id < 0:
        return f"track_id: {annotation.track_id} is negative"
    for name in _FINITE:
        if not np.isfinite(getattr(annotation, name)).all():
            return f"{name}: holds a value that is not a finite number"
    if annotation.visibility.max() > _LAST_VISIBILITY:
        return f"visibility: {annotation.visibility.max()} is more than {_LAST_VISIBILITY}"
    if annotation.origin.max() > _LAST_ORIGIN:
        return f"origin: {annotation.origin.max()} is more than {_LAST_ORIGIN}"
    return ""

"""The baseline of `jmpose bench project`: all people in memory, in one JSON file that every edit writes whole.

Encoded by msgspec, several times faster than Python's own json, and written as safely as the
project is: a new file, flushed to the disk, that then takes the old one's place.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.formats.files import read_bytes, write_atomically


class Entry(msgspec.Struct, array_like=True):
    """One person in one frame."""

    frame_index: int
    track_id: int
    bbox_xyxy: tuple[float, float, float, float]
    keypoints: list[tuple[float, float]]
    visibility: list[int]
    confidence: list[float]
    origin: list[int]
    score: float


class PlainJson:
    """People by frame, and the entries to go back to."""

    def __init__(self, path: Path, people: dict[int, list[Entry]]) -> None:
        self._path = path
        self._people = people
        self._undo: list[tuple[int, list[Entry]]] = []

    @classmethod
    def create(cls, path: Path, people: Iterable[Annotation]) -> "PlainJson":
        """A new file with these people."""
        file = cls(path, _by_frame(people))
        file._write()
        return file

    @classmethod
    def open(cls, path: Path) -> "PlainJson":
        """Read all of the file."""
        return cls(path, msgspec.json.decode(read_bytes(path), type=dict[int, list[Entry]]))

    def people(self, frame_index: int) -> list[Annotation]:
        """The people of one frame."""
        return [_annotation(entry) for entry in self._people.get(frame_index, [])]

    def put(self, person: Annotation) -> None:
        """Write one person, as a step that can be undone."""
        before = self._people.get(person.frame_index, [])
        self._undo.append((person.frame_index, before))
        others = [entry for entry in before if entry.track_id != person.track_id]
        self._people[person.frame_index] = [*others, _entry(person)]
        self._write()

    def undo(self) -> None:
        """Take the last `put` back."""
        frame_index, before = self._undo.pop()
        self._people[frame_index] = before
        self._write()

    def replace(self, people: Sequence[Annotation]) -> None:
        """Write the people of several frames in place of those that were there."""
        self._people |= _by_frame(people)
        self._write()

    def timeline(self) -> dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For each track: frames, states, mean confidences."""
        rows: dict[int, list[tuple[int, int, float]]] = {}
        for entries in self._people.values():
            for entry in entries:
                mean = sum(entry.confidence) / len(entry.confidence)
                rows.setdefault(entry.track_id, []).append((entry.frame_index, max(entry.origin), mean))
        lanes = {}
        for track_id, found in rows.items():
            frames, states, confidence = zip(*sorted(found), strict=True)
            lanes[track_id] = (np.array(frames), np.array(states), np.array(confidence))
        return lanes

    def _write(self) -> None:
        write_atomically(self._path, msgspec.json.encode(self._people))


def _by_frame(people: Iterable[Annotation]) -> dict[int, list[Entry]]:
    grouped: dict[int, list[Entry]] = {}
    for person in people:
        grouped.setdefault(person.frame_index, []).append(_entry(person))
    return grouped


def _entry(person: Annotation) -> Entry:
    return Entry(
        frame_index=person.frame_index,
        track_id=person.track_id,
        bbox_xyxy=person.bbox_xyxy,
        keypoints=person.keypoints.tolist(),
        visibility=person.visibility.tolist(),
        confidence=person.confidence.tolist(),
        origin=person.origin.tolist(),
        score=person.score,
    )


def _annotation(entry: Entry) -> Annotation:
    return Annotation(
        frame_index=entry.frame_index,
        track_id=entry.track_id,
        bbox_xyxy=entry.bbox_xyxy,
        keypoints=np.array(entry.keypoints, np.float64),
        visibility=np.array(entry.visibility, np.uint8),
        confidence=np.array(entry.confidence, np.float64),
        origin=np.array(entry.origin, np.uint8),
        score=entry.score,
    )

"""The cache beside a project of what its predictions saw: `NAME.jmpose.evidence`. It may be deleted at any time."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.fill.evidence import Evidence
from jmpose_core.fill.packing import BYTES, pack
from jmpose_core.geometry import Xyxy
from jmpose_core.project.database import explained

SUFFIX: Final = ".evidence"
_VERSION: Final = BYTES  # another packing has another size
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS evidence (
        video_id INTEGER NOT NULL,
        frame_index INTEGER NOT NULL,
        box BLOB NOT NULL,             -- of the prediction, four little-endian doubles: tracks change, boxes do not
        packed BLOB NOT NULL,          -- fill.packing
        PRIMARY KEY (video_id, frame_index, box)
    ) STRICT, WITHOUT ROWID
"""


class KeptEvidence(NamedTuple):
    """Packed evidence of one predicted person in one frame."""

    frame_index: int
    bbox_xyxy: Xyxy
    packed: bytes

    @classmethod
    def of(cls, person: Annotation, evidence: Evidence) -> Self:
        """What is kept of a person as the model found it."""
        return cls(person.frame_index, person.bbox_xyxy, pack(evidence))


class EvidenceStore:
    """The cache of one project. Of one thread, as sqlite3 connections are; others may read it meanwhile.

    A file that is damaged, or of another version, is made anew: what is missing only makes fills poorer.
    """

    def __init__(self, project_path: Path, *, read_only: bool) -> None:
        self._path = project_path.with_name(project_path.name + SUFFIX)
        self._read_only = read_only
        self._connection: sqlite3.Connection | None = None

    def keep(self, video_id: int, evidence: Iterable[KeptEvidence]) -> None:
        """Add what was seen, in place of what is there of the same predictions.

        Raises:
            ProjectError: the disk is full, or cannot be written.
        """
        with explained(self._path):
            connection = self._opened()
            if connection is not None and not self._read_only:
                rows = ((video_id, one.frame_index, box_key(one.bbox_xyxy), one.packed) for one in evidence)
                with connection:
                    connection.executemany("INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?)", rows)

    def packed(self, video_id: int, places: Sequence[tuple[int, bytes]]) -> list[bytes | None]:
        """Of each frame and `box_key`; None where nothing is kept."""
        try:
            connection = self._opened()
            if connection is None:
                return [None] * len(places)
            find = "SELECT packed FROM evidence WHERE video_id = ? AND frame_index = ? AND box = ?"
            found = (connection.execute(find, (video_id, *place)).fetchone() for place in places)
            return [row[0] if row is not None else None for row in found]
        except sqlite3.DatabaseError:  # damaged since it was opened
            self._make_anew()
            return [None] * len(places)

    def close(self) -> None:
        """Close the file; what is kept stays."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection | None:
        """None where there is no file and none can be made."""
        if self._connection is not None:
            return self._connection
        if self._read_only and not self._path.is_file():
            return None
        try:
            self._connection = _connect(self._path, read_only=self._read_only)
        except sqlite3.DatabaseError:
            if self._read_only:
                return None
            self._make_anew()
            self._connection = _connect(self._path, read_only=False)
        return self._connection

    def _make_anew(self) -> None:
        self.close()
        if not self._read_only:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def box_key(bbox_xyxy: Xyxy) -> bytes:
    """What tells a prediction from the others of its frame."""
    return np.array(bbox_xyxy, "<f8").tobytes()


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rwc"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)
    try:
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")  # the window reads while a prediction is written
            connection.execute("PRAGMA synchronous = OFF")  # a cache: a power cut may cost it
        with closing(connection.execute("PRAGMA user_version")) as found:
            version = found.fetchone()[0]
        if version != _VERSION:
            if read_only or version != 0:
                raise sqlite3.DatabaseError(f"evidence of version {version}")
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection

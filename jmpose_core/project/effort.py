"""The effort that a project has taken: what the annotator's hands did, and how long, by person and frame.

It is measured while somebody works. `evaluation.effort` is another thing: an estimate of what corrections would take.
It lies outside of the undo log, since an undo does not give back the time. Its table is made with the first entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from jmpose_core.project.database import Database

NOBODY: Final = -1  # the track of effort that was spent while nobody was selected; no track is negative
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS effort (
        video_id INTEGER NOT NULL,
        frame_index INTEGER NOT NULL,
        track_id INTEGER NOT NULL,     -- as it was numbered then; -1: nobody was selected
        pointer_actions INTEGER NOT NULL,
        keys INTEGER NOT NULL,
        pixels REAL NOT NULL,
        seconds REAL NOT NULL,
        PRIMARY KEY (video_id, frame_index, track_id)
    ) STRICT, WITHOUT ROWID
"""
_ADD: Final = """
    INSERT INTO effort VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        pointer_actions = pointer_actions + excluded.pointer_actions, keys = keys + excluded.keys,
        pixels = pixels + excluded.pixels, seconds = seconds + excluded.seconds
"""


class Place(NamedTuple):
    """Whom somebody worked at, and where."""

    video_id: int
    frame_index: int
    track_id: int  # or NOBODY


@dataclass(frozen=True, slots=True)
class SpentEffort:
    """What the hands did, and how long."""

    pointer_actions: int = 0  # clicks and drags
    keys: int = 0
    pixels: float = 0.0  # way of the pointer with a button held, in pixels of the screen
    seconds: float = 0.0  # idle time left out

    def __add__(self, other: Self) -> "SpentEffort":
        return SpentEffort(
            self.pointer_actions + other.pointer_actions,
            self.keys + other.keys,
            self.pixels + other.pixels,
            self.seconds + other.seconds,
        )


def add_effort(database: Database, spent: Mapping[Place, SpentEffort]) -> None:
    """Add to what was spent before, in one transaction.

    Raises:
        ProjectError: the project is read-only, or the file cannot be written; nothing was added.
    """
    with database.transaction():
        database.run(_TABLE)
        database.run_many(
            _ADD, ((*place, one.pointer_actions, one.keys, one.pixels, one.seconds) for place, one in spent.items())
        )


def read_effort(database: Database, video_id: int) -> dict[Place, SpentEffort]:
    """All that was spent on a video, by frame and track."""
    if not database.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'effort'"):
        return {}
    found = database.rows(
        "SELECT video_id, frame_index, track_id, pointer_actions, keys, pixels, seconds FROM effort "
        "WHERE video_id = ? ORDER BY frame_index, track_id",
        (video_id,),
    )
    return {Place._make(row[:3]): SpentEffort(*row[3:]) for row in found}

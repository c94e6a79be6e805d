"""The tables of a project file, version 3.

One person in one frame is one row per layer, keyed (video, frame, track, layer),
so that the layers of a person lie side by side and the uppermost is found
without a join. `state` and `confidence` repeat what the payload says, so that
the timeline reads an index and no payload.

`undo_*` mirrors its table with the step in front. It holds the values that the
table does *not* hold: the old ones while the step is done, the new ones while
it is undone. One copy is enough, since undo and redo exchange the two.
"""

from typing import Final

APPLICATION_ID: Final = 0x4A4D5053  # "JMPS": tells a project from any other SQLite file
VERSION: Final = 3

LAYER_PREDICTION: Final = 0
LAYER_FILL: Final = 1  # what labels say of the frames around them: derived, see filling.py
LAYER_ANNOTATION: Final = 2
REMOVED: Final = -1  # state of a tombstone: the annotator removed this person here

REFUSALS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE refusals (            -- what was proposed about tracks, and is right as it is
        video_id INTEGER NOT NULL,
        fault TEXT NOT NULL,           -- a queue.proposals.Fault
        track_id INTEGER NOT NULL,
        other INTEGER NOT NULL,        -- -1: no other track
        first INTEGER NOT NULL,        -- frames first..last, `last` excluded
        last INTEGER NOT NULL,
        PRIMARY KEY (video_id, fault, track_id, other, first)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE undo_refusals (
        step_id INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
        video_id INTEGER NOT NULL,
        fault TEXT NOT NULL,
        track_id INTEGER NOT NULL,
        other INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER,                  -- NULL: no such row
        PRIMARY KEY (step_id, video_id, fault, track_id, other, first)
    ) STRICT, WITHOUT ROWID
    """,
)

TABLES: Final[tuple[str, ...]] = (
    """
    CREATE TABLE videos (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,     -- posix, relative to the project's folder where possible
        name TEXT NOT NULL,
        frame_count INTEGER NOT NULL,
        width INTEGER NOT NULL,        -- pixels
        height INTEGER NOT NULL,
        fps REAL NOT NULL,
        fingerprint TEXT NOT NULL      -- JSON
    ) STRICT
    """,
    """
    CREATE TABLE tracks (              -- tracks that were named or added by hand; others exist by their people
        video_id INTEGER NOT NULL REFERENCES videos (id),
        track_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (video_id, track_id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE people (
        video_id INTEGER NOT NULL REFERENCES videos (id),
        frame_index INTEGER NOT NULL,
        track_id INTEGER NOT NULL,
        layer INTEGER NOT NULL,        -- 0 predictions, 1 fill, 2 annotations
        state INTEGER NOT NULL,        -- highest Origin of the joints; -1: removed by the annotator
        confidence REAL NOT NULL,      -- mean over the joints that are not absent; 0 without any
        owned INTEGER NOT NULL,        -- bits: person-level fields that the annotator set
        source TEXT NOT NULL,
        payload BLOB NOT NULL,         -- rows.PAYLOAD
        PRIMARY KEY (video_id, frame_index, track_id, layer)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX timeline ON people (video_id, track_id, frame_index, layer, state, confidence)",
    """
    CREATE TABLE steps (
        id INTEGER PRIMARY KEY,
        text TEXT NOT NULL,
        time REAL NOT NULL,            -- seconds since 1970, UTC
        video_id INTEGER NOT NULL,     -- where the first change was: what to look at
        frame_index INTEGER,           -- NULL: no frame, only a track's name
        undone INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    """
    CREATE TABLE undo_people (
        step_id INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
        video_id INTEGER NOT NULL,
        frame_index INTEGER NOT NULL,
        track_id INTEGER NOT NULL,
        layer INTEGER NOT NULL,
        state INTEGER,                 -- NULL: no such row
        confidence REAL,
        owned INTEGER,
        source TEXT,
        payload BLOB,
        PRIMARY KEY (step_id, video_id, frame_index, track_id, layer)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE undo_tracks (
        step_id INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
        video_id INTEGER NOT NULL,
        track_id INTEGER NOT NULL,
        name TEXT,                     -- NULL: no such row
        PRIMARY KEY (step_id, video_id, track_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",  # value: JSON
    *REFUSALS,
)

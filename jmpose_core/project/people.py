"""Queries on the people of a project. Of the layers that hold a person, the uppermost is shown.

`MAX(layer)` in a grouped query makes SQLite take the other columns from the
row that holds the maximum (https://www.sqlite.org/lang_select.html#bareagg).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, CodeArray, FloatArray, Origin, Track, Visibility
from jmpose_core.project.database import Database
from jmpose_core.project.rows import COLUMNS, PersonRow, annotations_of
from jmpose_core.project.schema import LAYER_ANNOTATION, LAYER_FILL, LAYER_PREDICTION
from jmpose_core.skeleton import NUM_JOINTS

_PAGE = 500  # people read at once by the streams


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One track on the timeline: N frames in which it is shown, in order."""

    track_id: int
    frame_index: npt.NDArray[np.int64]  # (N,)
    state: CodeArray  # (N,) highest Origin of the person's joints
    confidence: FloatArray  # (N,) 0..1, mean over the joints that are not absent
    done: npt.NDArray[np.bool_]  # (N,) somebody corrected or verified every joint


_TOP_ROW = COLUMNS.replace("layer", "MAX(layer)")

_SHOWN_PAGE = f"""
    SELECT {_TOP_ROW} FROM people
    WHERE video_id = ? AND (frame_index, track_id) > (?, ?) AND frame_index < ?
    GROUP BY frame_index, track_id HAVING state >= 0
    ORDER BY frame_index, track_id LIMIT {_PAGE}
"""
_SHOWN_OF_TRACK = f"""
    SELECT {_TOP_ROW} FROM people INDEXED BY timeline
    WHERE video_id = ? AND track_id = ? GROUP BY frame_index HAVING state >= 0 ORDER BY frame_index
"""
_PREDICTION_PAGE = f"""
    SELECT {COLUMNS} FROM people
    WHERE video_id = ? AND (frame_index, track_id) > (?, ?) AND frame_index < ? AND layer = {LAYER_PREDICTION}
    ORDER BY frame_index, track_id LIMIT {_PAGE}
"""
_TIMELINE = """
    SELECT track_id, frame_index, state, confidence, MAX(layer) FROM people WHERE video_id = ?
    GROUP BY track_id, frame_index HAVING state >= 0 ORDER BY track_id, frame_index
"""
_TIMELINE_ROW = np.dtype(
    [("track_id", "i8"), ("frame_index", "i8"), ("state", "u1"), ("confidence", "f8"), ("layer", "u1")]
)
_ALL_TOUCHED = " AND ".join(
    f"substr(origin, {joint + 1}, 1) >= x'{int(Origin.CORRECTED):02x}'" for joint in range(NUM_JOINTS)
)
# `origin` is the payload's last field: only of people whom somebody touched is it read.
_DONE = f"""
    SELECT track_id, frame_index FROM (
        SELECT track_id, frame_index, substr(payload, -{NUM_JOINTS}) AS origin FROM people INDEXED BY timeline
        WHERE video_id = ? AND layer = {LAYER_ANNOTATION} AND state >= {int(Origin.CORRECTED)}
    ) WHERE {_ALL_TOUCHED}
"""
# The last fields of the payload are visibility and origin.
_LABELS = f"""
    SELECT frame_index, substr(payload, -{2 * NUM_JOINTS}) FROM people INDEXED BY timeline
    WHERE video_id = ? AND track_id = ? AND layer = {LAYER_ANNOTATION} AND state >= {int(Origin.CORRECTED)}
    ORDER BY frame_index
"""
# Steps from one track id to the next through the index, and looks only for a first person of each.
_TRACKS_IN_USE = f"""
    WITH RECURSIVE used (track_id) AS (
        SELECT MIN(track_id) FROM people WHERE video_id = ?1
        UNION ALL
        SELECT (SELECT MIN(p.track_id) FROM people AS p WHERE p.video_id = ?1 AND p.track_id > used.track_id)
        FROM used WHERE used.track_id IS NOT NULL
    )
    SELECT track_id FROM used WHERE track_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM people AS p
        WHERE p.video_id = ?1 AND p.track_id = used.track_id AND p.state >= 0 AND (
            p.layer = {LAYER_ANNOTATION} OR NOT EXISTS (
                SELECT 1 FROM people AS a WHERE a.video_id = ?1 AND a.track_id = p.track_id
                AND a.frame_index = p.frame_index AND a.layer = {LAYER_ANNOTATION}
            )
        )
    )
"""


def shown_between(database: Database, video_id: int, first: int, last: int) -> Iterator[Annotation]:
    """People as the annotator sees them, `last` excluded, by frame and track. Read page by page."""
    return _stream(database, _SHOWN_PAGE, video_id, first, last)


def shown_of_track(database: Database, video_id: int, track_id: int) -> Iterator[Annotation]:
    """One track as the annotator sees it, by frame."""
    return annotations_of([PersonRow._make(row) for row in database.rows(_SHOWN_OF_TRACK, (video_id, track_id))])


def predictions_between(database: Database, video_id: int, first: int, last: int) -> Iterator[Annotation]:
    """The prediction layer alone, `last` excluded, by frame and track. Read page by page."""
    return _stream(database, _PREDICTION_PAGE, video_id, first, last)


def rows_between(database: Database, video_id: int, first: int, last: int) -> list[PersonRow]:
    """All rows of every layer, tombstones too, `last` excluded, by frame, track and layer."""
    found = database.rows(
        f"SELECT {COLUMNS} FROM people WHERE video_id = ? AND frame_index >= ? AND frame_index < ? "
        "ORDER BY frame_index, track_id, layer",
        (video_id, first, last),
    )
    return [PersonRow._make(row) for row in found]


def rows_of_person(database: Database, video_id: int, frame_index: int, track_id: int) -> dict[int, PersonRow]:
    """The rows of one person in one frame, by layer."""
    found = database.rows(
        f"SELECT {COLUMNS} FROM people WHERE video_id = ? AND frame_index = ? AND track_id = ?",
        (video_id, frame_index, track_id),
    )
    return {row.layer: row for row in map(PersonRow._make, found)}


def rows_of_track(database: Database, video_id: int, track_id: int, first: int, last: int) -> list[PersonRow]:
    """All rows of one track, tombstones too, `last` excluded, by frame and layer."""
    found = database.rows(
        f"SELECT {COLUMNS} FROM people WHERE video_id = ? AND track_id = ? AND frame_index >= ? AND frame_index < ? "
        "ORDER BY frame_index, layer",
        (video_id, track_id, first, last),
    )
    return [PersonRow._make(row) for row in found]


def labelled_joints(database: Database, video_id: int, track_id: int) -> dict[int, npt.NDArray[np.bool_]]:
    """(15,) the joints of a track that are corrected or verified and in the picture, by frame, in order."""
    found: dict[int, npt.NDArray[np.bool_]] = {}
    for frame_index, codes in database.rows(_LABELS, (video_id, track_id)):
        visibility, origin = np.frombuffer(codes, np.uint8).reshape(2, NUM_JOINTS)
        found[frame_index] = (origin >= Origin.CORRECTED) & (visibility != Visibility.ABSENT)
    return found


def labelled_frames(database: Database) -> dict[int, int]:
    """In how many frames of each video somebody labelled a joint; from the index alone."""
    return dict(
        database.rows(
            f"SELECT video_id, COUNT(DISTINCT frame_index) FROM people INDEXED BY timeline "
            f"WHERE layer = {LAYER_ANNOTATION} AND state >= {int(Origin.CORRECTED)} GROUP BY video_id"
        )
    )


def has_fill(database: Database, video_id: int, track_id: int) -> bool:
    """Whether anything of a track is filled."""
    query = f"SELECT 1 FROM people WHERE video_id = ? AND track_id = ? AND layer = {LAYER_FILL} LIMIT 1"
    return bool(database.rows(query, (video_id, track_id)))


def timeline(database: Database, video_id: int) -> list[Lane]:
    """A lane for each track that is shown anywhere, by track; from the index, but for people whom somebody touched."""
    found = database.rows(_TIMELINE, (video_id,))
    if not found:
        return []
    shown = np.array(found, _TIMELINE_ROW)
    tracks = shown["track_id"]
    starts = np.flatnonzero(np.diff(tracks, prepend=-1))
    done: dict[int, list[int]] = {}
    for track_id, frame_index in database.rows(_DONE, (video_id,)):
        done.setdefault(track_id, []).append(frame_index)
    return [_lane(lane, done) for lane in np.split(shown, starts[1:])]


def _lane(rows: np.ndarray, done: Mapping[int, Sequence[int]]) -> Lane:
    track_id, frames = int(rows["track_id"][0]), rows["frame_index"].copy()
    return Lane(
        track_id,
        frames,
        rows["state"].copy(),
        rows["confidence"].copy(),
        np.isin(frames, np.array(done.get(track_id, ()), np.int64)),
    )


def tracks(database: Database, video_id: int) -> list[Track]:
    """Tracks that are shown somewhere, or were added or named by hand, by id."""
    names = dict(database.rows("SELECT track_id, name FROM tracks WHERE video_id = ?", (video_id,)))
    return [
        Track(track_id, names.get(track_id, ""))
        for track_id in sorted(track_ids_in_use(database, video_id) | names.keys())
    ]


def track_ids_in_use(database: Database, video_id: int) -> set[int]:
    """Tracks with somebody shown on them."""
    return {track_id for (track_id,) in database.rows(_TRACKS_IN_USE, (video_id,))}


def used_track_ids(database: Database, video_id: int) -> set[int]:
    """Ids that are not free: of any person, removed ones too, and of named tracks."""
    found = database.rows(
        "SELECT track_id FROM people WHERE video_id = ?1 UNION SELECT track_id FROM tracks WHERE video_id = ?1",
        (video_id,),
    )
    return {track_id for (track_id,) in found}


def _stream(database: Database, query: str, video_id: int, first: int, last: int) -> Iterator[Annotation]:
    frame, track = first, -1  # no track is negative: the page starts with the first track of `first`
    while True:
        page = [PersonRow._make(row) for row in database.rows(query, (video_id, frame, track, last))]
        yield from annotations_of(page)
        if len(page) < _PAGE:
            return
        frame, track = page[-1].frame_index, page[-1].track_id

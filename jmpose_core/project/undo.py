"""The undo log: every row that a step changes is kept beside it, in the file.

Undo and redo are the same exchange of what the table holds with what the log
holds, so whatever a command changed comes back exactly, and it does not matter
whether the program was restarted in between.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jmpose_core.project.database import Database


@dataclass(frozen=True, slots=True)
class StepInfo:
    """A step that was made, undone or redone."""

    id: int
    text: str
    video_id: int
    frame_index: int | None  # where its first change was: what to look at; None: no frame changed
    frames_by_video: dict[int, tuple[int, ...]]  # every frame that changed, in order
    undone: bool = False  # it was undone, and can be redone

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames of `video_id` that changed, in order."""
        return self.frames_by_video.get(self.video_id, ())


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step in the list of all."""

    id: int
    text: str
    time: float  # when it was made: seconds since 1970, UTC
    frame_index: int | None
    undone: bool


@dataclass(frozen=True, slots=True)
class LoggedTable:
    """A table whose changes can be undone.

    A row is the key's values, then the others. Where the first of the others is
    None, there is no such row: in a change it means "delete".
    """

    name: str
    key: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def same_key(self) -> str:
        """Condition that t (the table) and u (its log) speak of one row."""
        return " AND ".join(f"t.{column} = u.{column}" for column in self.key)

    def key_is(self, first_parameter: int) -> str:
        """Condition on the key by numbered parameters."""
        return " AND ".join(f"{column} = ?{first_parameter + i}" for i, column in enumerate(self.key))


PEOPLE = LoggedTable(
    "people",
    ("video_id", "frame_index", "track_id", "layer"),
    ("state", "confidence", "owned", "source", "payload"),
)
TRACKS = LoggedTable("tracks", ("video_id", "track_id"), ("name",))
REFUSALS = LoggedTable("refusals", ("video_id", "fault", "track_id", "other", "first"), ("last",))


class History:
    """The steps of a project, done and undone. All changes go through `write`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, text: str, video_id: int, frame_index: int | None) -> int:
        """Start a step in the open transaction; what had been undone can no longer be redone."""
        self._database.run("DELETE FROM steps WHERE undone = 1")
        return self._database.run(
            "INSERT INTO steps (text, time, video_id, frame_index) VALUES (?, ?, ?, ?)",
            (text, time.time(), video_id, frame_index),
        )

    def resume(self, step_id: int) -> bool:
        """Whether the open transaction may go on with an earlier step: only with the newest one, while it is done."""
        if self._newest_done() != step_id:
            return False
        self._database.run("DELETE FROM steps WHERE undone = 1")
        return True

    def write(self, table: LoggedTable, step_id: int, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows (or delete, see LoggedTable), keeping for undo what each held before the step."""
        size = len(table.key)
        keys = [tuple(row[:size]) for row in rows]
        columns = table.key + table.values
        self._database.run_many(
            f"INSERT OR IGNORE INTO undo_{table.name} (step_id, {', '.join(columns)}) "
            f"SELECT ?1, {', '.join(f'?{2 + i}' for i in range(size))}, {', '.join(f't.{c}' for c in table.values)} "
            f"FROM (SELECT 1) LEFT JOIN {table.name} AS t ON {table.key_is(2)}",
            ((step_id, *key) for key in keys),
        )
        self._replace(table, rows)

    def undo(self) -> StepInfo | None:
        """Undo the newest step that is done, or None."""
        return self._turn("SELECT max(id) FROM steps WHERE undone = 0", undone=True)

    def redo(self) -> StepInfo | None:
        """Redo the oldest step that is undone, or None."""
        return self._turn("SELECT min(id) FROM steps WHERE undone = 1", undone=False)

    def turn_to(self, step_id: int) -> list[StepInfo]:
        """Undo every step after this one, or redo up to it; 0: undo all. What was turned, in that order."""
        turned: list[StepInfo] = []
        while self._newest_done() > step_id and (undone := self.undo()) is not None:
            turned.append(undone)
        while self._newest_done() < step_id and (redone := self.redo()) is not None:
            turned.append(redone)
        return turned

    def steps(self, most: int) -> list[StepLine]:
        """The newest steps, undone ones too, the newest first."""
        rows = self._database.rows(
            "SELECT id, text, time, frame_index, undone FROM steps ORDER BY id DESC LIMIT ?", (most,)
        )
        return [StepLine(step_id, text, made, frame, bool(undone)) for step_id, text, made, frame, undone in rows]

    def _newest_done(self) -> int:
        return self._database.rows("SELECT max(id) FROM steps WHERE undone = 0")[0][0] or 0

    def next_undo(self) -> str | None:
        """Text of the step that `undo` would undo."""
        return self._text("undone = 0 ORDER BY id DESC")

    def next_redo(self) -> str | None:
        """Text of the step that `redo` would redo."""
        return self._text("undone = 1 ORDER BY id")

    def info(self, step_id: int) -> StepInfo:
        """What a step did."""
        text, video_id, frame_index, undone = self._database.rows(
            "SELECT text, video_id, frame_index, undone FROM steps WHERE id = ?", (step_id,)
        )[0]
        frames: dict[int, list[int]] = {}
        for video, frame in self._database.rows(
            "SELECT DISTINCT video_id, frame_index FROM undo_people WHERE step_id = ? ORDER BY 1, 2", (step_id,)
        ):
            frames.setdefault(video, []).append(frame)
        by_video = {video: tuple(found) for video, found in frames.items()}
        return StepInfo(step_id, text, video_id, frame_index, by_video, bool(undone))

    def tracks_touched_last(self, video_id: int) -> set[int]:
        """Tracks of the newest step that is done and of the oldest that is undone."""
        found = self._database.rows(
            "SELECT DISTINCT track_id FROM undo_people WHERE video_id = ? AND step_id IN "
            "((SELECT max(id) FROM steps WHERE undone = 0), (SELECT min(id) FROM steps WHERE undone = 1))",
            (video_id,),
        )
        return {track_id for (track_id,) in found}

    def _text(self, which: str) -> str | None:
        found = self._database.rows(f"SELECT text FROM steps WHERE {which} LIMIT 1")
        return found[0][0] if found else None

    def _turn(self, query: str, *, undone: bool) -> StepInfo | None:
        with self._database.transaction():
            step_id = self._database.rows(query)[0][0]
            if step_id is None:
                return None
            for table in (PEOPLE, TRACKS, REFUSALS):
                self._exchange(table, step_id)
            self._database.run("UPDATE steps SET undone = ? WHERE id = ?", (int(undone), step_id))
            return self.info(step_id)

    def _exchange(self, table: LoggedTable, step_id: int) -> None:
        size, width = len(table.key), len(table.key) + len(table.values)
        both = self._database.rows(
            f"SELECT {', '.join(f'u.{c}' for c in table.key + table.values)}, "
            f"{', '.join(f't.{c}' for c in table.values)} "
            f"FROM undo_{table.name} AS u LEFT JOIN {table.name} AS t ON {table.same_key} WHERE u.step_id = ?",
            (step_id,),
        )
        self._replace(table, [row[:width] for row in both])
        self._database.run_many(
            f"UPDATE undo_{table.name} SET {', '.join(f'{c} = ?{i + 1}' for i, c in enumerate(table.values))} "
            f"WHERE step_id = ?{len(table.values) + 1} AND {table.key_is(len(table.values) + 2)}",
            ((*row[width:], step_id, *row[:size]) for row in both),
        )

    def _replace(self, table: LoggedTable, rows: Sequence[Sequence[Any]]) -> None:
        size = len(table.key)
        self._database.run_many(
            f"DELETE FROM {table.name} WHERE {table.key_is(1)}",
            (tuple(row[:size]) for row in rows if row[size] is None),
        )
        columns = table.key + table.values
        self._database.run_many(
            f"INSERT OR REPLACE INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})",
            (tuple(row) for row in rows if row[size] is not None),
        )

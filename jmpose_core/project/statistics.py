"""What a video's labels took and how far they are, by person and by frame."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.errors import ProjectError
from jmpose_core.frame_numbers import frame_number
from jmpose_core.project.effort import NOBODY, SpentEffort
from jmpose_core.project.project import Project
from jmpose_core.project.videos import VideoRecord
from jmpose_core.whole_files import whole_file

ORIGINS: Final = (Origin.PREDICTED, Origin.PROPAGATED, Origin.CORRECTED, Origin.VERIFIED)
FIELDS: Final = (
    "pointer_actions", "keys", "screen_pixels", "seconds", "people", "people_touched", "people_verified",
    *(f"joints_{origin.name.lower()}" for origin in ORIGINS),
)  # fmt: skip


def _no_joints() -> npt.NDArray[np.int64]:
    return np.zeros(len(ORIGINS), np.int64)


@dataclass(slots=True, eq=False)
class Tally:
    """Effort and progress of one person, of one frame, or of a whole video. A person in a frame counts once."""

    spent: SpentEffort = field(default_factory=SpentEffort)
    people: int = 0
    touched: int = 0  # of the people: those with a joint that somebody corrected or verified
    verified: int = 0  # of the people: those with every joint corrected or verified
    joints: npt.NDArray[np.int64] = field(default_factory=_no_joints)  # (4,) by ORIGINS, absent ones left out

    def add_person(self, person: Annotation) -> None:
        """Count one person in one frame."""
        self.people += 1
        self.touched += int(person.touched.any())
        self.verified += int(person.touched.all())
        origins = person.origin[person.visibility != Visibility.ABSENT]
        self.joints += np.bincount(origins, minlength=len(Origin))[list(ORIGINS)]

    @property
    def values(self) -> tuple[int | float, ...]:
        """As FIELDS names them."""
        spent = self.spent
        effort = (spent.pointer_actions, spent.keys, round(spent.pixels, 1), round(spent.seconds, 1))
        return (*effort, self.people, self.touched, self.verified, *self.joints.tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Of one video. What was spent while nobody was selected stands under NOBODY."""

    total: Tally
    by_track: dict[int, Tally]  # by number, NOBODY last
    by_frame: dict[int, Tally]  # only frames with somebody or with effort, in order


def statistics_of(project: Project, video: VideoRecord) -> Statistics:
    """Count a whole video: every person is read, so it takes a second for some ten thousand.

    Raises:
        ProjectError: the project cannot be read.
    """
    total, by_track, by_frame = Tally(), dict[int, Tally](), dict[int, Tally]()

    def tallies(frame_index: int, track_id: int) -> tuple[Tally, Tally, Tally]:
        return total, by_track.setdefault(track_id, Tally()), by_frame.setdefault(frame_index, Tally())

    for person in project.people_between(video.id, 0, video.frame_count):
        for tally in tallies(person.frame_index, person.track_id):
            tally.add_person(person)
    for place, spent in project.effort(video.id).items():
        for tally in tallies(place.frame_index, place.track_id):
            tally.spent += spent
    tracks = sorted(by_track, key=lambda track_id: (track_id == NOBODY, track_id))
    return Statistics(total, {track: by_track[track] for track in tracks}, dict(sorted(by_frame.items())))


def write_by_track(path: Path, statistics: Statistics) -> None:
    """The table by person as CSV; the track of NOBODY is empty.

    Raises:
        ProjectError: the file cannot be written; what was there before still is.
    """
    rows = (("" if track == NOBODY else track, tally) for track, tally in statistics.by_track.items())
    _write(path, "track_id", rows)


def write_by_frame(path: Path, statistics: Statistics) -> None:
    """The table by frame as CSV; frames are numbered from 1, as in the window.

    Raises:
        ProjectError: the file cannot be written; what was there before still is.
    """
    _write(path, "frame", ((frame_number(frame), tally) for frame, tally in statistics.by_frame.items()))


def _write(path: Path, first_field: str, rows: Iterable[tuple[object, Tally]]) -> None:
    table: list[Sequence[object]] = [(first_field, *FIELDS), *((name, *tally.values) for name, tally in rows)]
    try:
        with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(table)
    except OSError as error:
        raise ProjectError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error

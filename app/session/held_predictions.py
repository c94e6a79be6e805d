"""What a prediction that goes on has found so far, and how it reaches the project."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jmpose_core.annotations import Annotation
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project


@dataclass(slots=True)
class HeldPredictions:
    """People by frame and track. The project is given all of them at once, so that it can number whole tracks."""

    video_id: int
    only_tracks: frozenset[int] | None = None  # the run looks for these alone; None: for everybody
    people: dict[int, dict[int, Annotation]] = field(default_factory=dict)
    unwritten: bool = False  # something has not even been sent to the writing thread
    settled: bool = True  # all of it is in the project
    is_newest_step: bool = False  # the project's newest step is this run's: it may be replaced
    ended: bool = False

    def add(self, people: Iterable[Annotation]) -> None:
        for person in people:
            self.people.setdefault(person.frame_index, {})[person.track_id] = person
            self.unwritten, self.settled = True, False

    def shown_with(self, people: list[Annotation], frame_index: int) -> list[Annotation]:
        """What a frame shows that has `people` in the project: a run for everybody fills only empty frames."""
        if people and self.only_tracks is None:
            return people
        known = {person.track_id for person in people}
        return people + [p for p in self.people.get(frame_index, {}).values() if p.track_id not in known]

    def everybody(self) -> list[Annotation]:
        """All people, by frame."""
        return [person for frame in sorted(self.people) for person in self.people[frame].values()]


def write_predictions(
    project: Project,
    video_id: int,
    found: list[Annotation],
    only_tracks: frozenset[int] | None,
    *,
    replace_newest: bool,
) -> None:
    """Write a run's people, by frame, as one step; in the thread that owns `project`.

    Args:
        only_tracks: the run looked for these alone, so the others' predictions in these frames stay.
        replace_newest: the newest step is an earlier part of this run.

    Raises:
        ProjectError: nothing was written; an earlier part of the run is as it was.
    """
    if replace_newest:
        project.undo()
    try:
        if only_tracks is not None:
            before = project.predictions_between(video_id, found[0].frame_index, found[-1].frame_index + 1)
            found = found + [person for person in before if person.track_id not in only_tracks]
        project.apply_predictions(video_id, found, text="Predict people")
    except ProjectError:
        if replace_newest:
            project.redo()
        raise

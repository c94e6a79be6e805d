"""What a prediction that goes on has found so far."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jmpose_core.annotations import Annotation


@dataclass(slots=True)
class HeldPredictions:
    """People by frame and track. The project is given all of them at once, so that it can number whole tracks."""

    video_id: int
    people: dict[int, dict[int, Annotation]] = field(default_factory=dict)
    unwritten: bool = False
    written_as_newest_step: bool = False  # the project's newest step is this run's: it may be replaced

    def add(self, people: Iterable[Annotation]) -> None:
        for person in people:
            self.people.setdefault(person.frame_index, {})[person.track_id] = person
            self.unwritten = True

    def everybody(self) -> list[Annotation]:
        """All people, by frame."""
        return [person for frame in sorted(self.people) for person in self.people[frame].values()]

"""One run of the model over a range of frames: what it has found so far, and whether that is in the project."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Self

from jmpose_core.annotations import Annotation
from jmpose_core.project import Project, StepInfo


@dataclass(slots=True)
class RunStep:
    """The undo step of a run; its id is known once something was written. Of the writing thread."""

    id: int | None = None


class RunState(Enum):
    """From the user's request to the last person on disk, in this order."""

    RUNNING = auto()
    CANCELLING = auto()  # the engine was asked to stop; what it has finished still comes
    ENDED = auto()  # nothing more comes; what was found is being written
    SAVED = auto()  # all that was found is in the project


@dataclass(slots=True)
class PredictionRun:
    """People by frame and track, previews of frames that have none yet, and the state of both.

    The project is given all people of the run at each write, so that it can number
    whole tracks; every write goes on with the run's one undo step.
    """

    video_id: int
    frames: Collection[int]  # that were asked for
    only_tracks: frozenset[int] | None = None  # the run looks for these alone; None: for everybody
    drawn: Annotation | None = None  # the person whose box was drawn, where the run is to fill it
    state: RunState = RunState.RUNNING
    people: dict[int, dict[int, Annotation]] = field(default_factory=dict)  # frame -> track -> person
    previews: dict[int, list[Annotation]] = field(default_factory=dict)  # frame -> people not yet found for good
    unsaved: set[int] = field(default_factory=set)  # frames whose people are not all in the project
    unsent: bool = False  # something has not even been handed to the writing thread
    step: RunStep = field(default_factory=RunStep)
    complete: bool = False  # the engine has looked at every frame that was asked for

    @property
    def running(self) -> bool:
        """Whether people may still come."""
        return self.state in (RunState.RUNNING, RunState.CANCELLING)

    def add(self, people: Iterable[Annotation]) -> frozenset[int]:
        """Take people that were found in the frames that were asked for; the frames that they are in."""
        changed: set[int] = set()
        for person in people:
            frame = person.frame_index
            if frame not in self.frames:
                continue
            self.people.setdefault(frame, {})[person.track_id] = person
            self.previews.pop(frame, None)
            changed.add(frame)
        self.unsaved |= changed
        self.unsent |= bool(changed)
        return frozenset(changed)

    def preview(self, frame_index: int, people: list[Annotation]) -> frozenset[int]:
        """Take a preview of one frame; the frame, where it has nobody yet."""
        if frame_index in self.people or not self.running:
            return frozenset()
        self.previews[frame_index] = people
        return frozenset([frame_index])

    def cancel(self) -> None:
        """The user wants no more of it."""
        if self.state is RunState.RUNNING:
            self.state = RunState.CANCELLING

    def end(self, *, complete: bool) -> frozenset[int]:
        """Nothing more comes; the frames whose previews go."""
        if self.running:
            self.state, self.complete = RunState.ENDED, complete
            self.unsent |= complete  # frames without anybody are known only now
        gone, self.previews = frozenset(self.previews), {}
        return gone

    def take_back(self) -> None:
        """An undo has taken back what was written: it is not to come again. What is still found makes a new step."""
        self.people.clear()
        self.unsaved.clear()
        self.unsent, self.step = False, RunStep()

    def shown_with(self, people: list[Annotation], frame_index: int) -> list[Annotation]:
        """What a frame shows that has `people` in the project: a run for everybody fills only empty frames."""
        if frame_index not in self.unsaved or (people and self.only_tracks is None):
            return people
        known = {person.track_id for person in people}
        return people + [p for p in self.people.get(frame_index, {}).values() if p.track_id not in known]

    def everybody(self) -> list[Annotation]:
        """All people found, by frame."""
        return [person for frame in sorted(self.people) for person in self.people[frame].values()]


@dataclass(frozen=True, slots=True)
class RunPeople:
    """What one write hands to the project; made in the window's thread, used in the writing one."""

    video_id: int
    people: list[Annotation]  # by frame
    frames: Collection[int]  # that were asked for
    only_tracks: frozenset[int] | None
    complete: bool
    step: RunStep

    @classmethod
    def of(cls, run: PredictionRun) -> Self:
        """What the run has found so far."""
        return cls(run.video_id, run.everybody(), run.frames, run.only_tracks, run.complete, run.step)

    def write(self, project: Project) -> StepInfo | None:
        """Make these people the predictions of their frames, as a part of the run's undo step.

        Frames that the run has not come to keep the predictions that they have.

        Raises:
            ProjectError: nothing was written; what the run has written before is as it was.
        """
        whole = self.complete and self.only_tracks is None
        if not self.people and not whole:
            return None
        reached = {person.frame_index for person in self.people}
        if whole:
            reached.update(self.frames)
        first, last = min(reached), max(reached) + 1
        others = self._others(project, first, last)
        with project.step("Predict people", continues=self.step.id) as step:
            step.apply_predictions(self.video_id, [*self.people, *others], first=first, last=last, frames=reached)
        if step.info is not None:
            self.step.id = step.info.id
        return step.info

    def _others(self, project: Project, first: int, last: int) -> list[Annotation]:
        """Predictions of those whom the run did not look for: in its frames they stay."""
        if self.only_tracks is None:
            return []
        before = project.predictions_between(self.video_id, first, last)
        return [person for person in before if person.track_id not in self.only_tracks]

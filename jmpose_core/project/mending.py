"""What mends a fault of tracks, in one undo step; and what that would look like."""

from collections.abc import Iterable
from dataclasses import replace

from jmpose_core.annotations import Annotation
from jmpose_core.project.step import Step
from jmpose_core.queue.proposals import Fault, Proposal


def mend(step: Step, video_id: int, proposal: Proposal) -> None:
    """Do what a proposal says.

    Raises:
        ProjectError: the people have changed, so that it can no longer be done.
    """
    first, last, track_id, other = proposal.first, proposal.last, proposal.track_id, proposal.other
    match proposal.fault, other:
        case Fault.BROKEN, int():
            step.retrack(video_id, first, last, other, track_id)
        case Fault.JUMP, int():
            step.swap_tracks(video_id, first, last, track_id, other)
        case Fault.JUMP, None:
            step.split_track(video_id, first, last, track_id)
        case Fault.TWICE, int():
            step.remove_between(video_id, first, last, other)
        case Fault.NOBODY, _:
            step.remove_between(video_id, first, last, track_id)
        case _:
            raise ValueError(f"{proposal.fault} needs two tracks")


def as_mended(people: Iterable[Annotation], fault: Proposal) -> list[Annotation]:
    """The people of some frames as `mend` would leave them."""
    found = list(people)
    track, other = fault.track_id, fault.other
    new = max((person.track_id for person in found), default=0) + 1
    goes_to: dict[int, int | None]  # None: is deleted
    match fault.fault:
        case Fault.BROKEN:
            goes_to = {other: track} if other is not None else {}
        case Fault.JUMP:
            goes_to = {track: new} if other is None else {track: other, other: track}
        case Fault.TWICE:
            goes_to = {other: None} if other is not None else {}
        case Fault.NOBODY:
            goes_to = {track: None}
    kept: list[Annotation] = []
    for person in found:
        inside = fault.first <= person.frame_index < fault.last
        place = goes_to.get(person.track_id, person.track_id) if inside else person.track_id
        if place is not None:
            kept.append(replace(person, track_id=place))
    return kept

"""What mends a fault of tracks, in one undo step."""

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
            step.retrack(video_id, first, last, track_id, step.add_track(video_id))
        case Fault.TWICE, int():
            step.remove_between(video_id, first, last, other)
        case Fault.NOBODY, _:
            step.remove_between(video_id, first, last, track_id)
        case _:
            raise ValueError(f"{proposal.fault} needs two tracks")

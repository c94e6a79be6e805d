"""What a training says while it runs: one JSON line a message, written by `train`, read by window and command line.

A line on the training's standard output that is not one of these messages is a library's own words.
"""

from typing import Final, TypeAlias

import msgspec

HELD_OUT_EVERY: Final = 5  # of a video's corrected frames: they measure a fine-tuning and are not learnt from


class TrainingMessage(msgspec.Struct, frozen=True, tag_field="message"):
    """Base of all messages; the field "message" names the kind."""


class Preparing(TrainingMessage, frozen=True, tag="preparing"):
    """What is done before the first step, and how far it is."""

    what: str
    done: int
    total: int


class StepsDone(TrainingMessage, frozen=True, tag="steps"):
    """How many of the optimiser's steps are done, the last one's loss, and steps a second."""

    step: int
    steps: int
    loss: float
    per_second: float


class EpochDone(TrainingMessage, frozen=True, tag="epoch"):
    """How many epochs are done, and what was measured at the end of the last one."""

    epoch: int
    figures: dict[str, float]


class LeftOut(TrainingMessage, frozen=True, tag="left out"):
    """Labels that cannot be learnt from and why, for people."""

    what: str


class NewWeights(TrainingMessage, frozen=True, tag="weights"):
    """The training is done: the file, and what was measured, for people."""

    path: str
    measured: str


class TrainingFailed(TrainingMessage, frozen=True, tag="failed"):
    """The training ended without new weights; why, for people."""

    reason: str


Message: TypeAlias = Preparing | StepsDone | EpochDone | LeftOut | NewWeights | TrainingFailed
_decoder = msgspec.json.Decoder(Message)


def encode_line(message: Message) -> str:
    """One line, with its end."""
    return msgspec.json.encode(message).decode() + "\n"


def decode_line(line: str | bytes) -> Message | None:
    """The message of a line; None where it is something else."""
    try:
        return _decoder.decode(line)
    except msgspec.MsgspecError:
        return None

"""Fine-tune JM-Pose on corrected labels; the result is kept only where it is better on held-out frames.

The backbone and RAFT stay fixed; the refiner learns from clips of the real video
about each corrected person. One corrected frame in five is held out, and the new
weights are offered only where they are better on those. A checkpoint every SAVE_SECS
seconds, and where it is stopped, lets it go on as if it had never stopped.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import torch
from torch import Tensor

from jmpose_core.devices import autocast, pick_device
from jmpose_core.errors import FormatError, WeightsError
from jmpose_core.model.calibration import calibrations_in
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.systems import load_pose_network
from jmpose_core.training_messages import HELD_OUT_EVERY, Message
from jmpose_core.weights.files import find_weights, read_card, read_weights, save_weights
from train.finetune.video_clips import ClipReading
from train.labels import LabelledVideo, digest_of_labels
from train.lite.refinement import drawn_batches
from train.loop.clock import Epochs
from train.loop.learning import learn
from train.loop.reports import StepReports
from train.loop.schedule import Schedule
from train.loop.training import CHECKPOINT, Loss, Training, decay_groups, make_folder
from train.objectives.heatmap_losses import heatmap_loss
from train.people.augment import CropAugmentation
from train.people.cached_clips import CachedClips, accuracy

BATCH: Final = 8
SAVE_SECS: Final = 15.0  # seconds of learning between two checkpoints
WEIGHT_DECAY: Final = 0.01
LARGEST_GRADIENT: Final = 1.0
_SHAKEN: Final = CropAugmentation(15.0, 0.5, 0.12, 0.04, 0.0, 0.0)
_VARIANTS: Final = (None, _SHAKEN, _SHAKEN)  # the labelled box, and two near it


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """PCK@0.2 of the torso on held-out corrected joints, before and after; NaN where nothing could be held out."""

    before: float
    after: float
    held_out: int
    weights: Path | None  # None: not better, so not written


def finetune(
    labels: Sequence[LabelledVideo],
    out: Path,
    *,
    init: str | Path = "jmpose_lite",
    steps: int = 300,
    peak_rate: float = 2e-4,
    device: str = "auto",
    resume: bool = False,
    on_message: Callable[[Message], None] = lambda message: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> FinetuneResult:
    """Fine-tune the refiner of `init` and write `out`/finetuned.safetensors where it is better.

    `out`/checkpoint.pt is there while it learns, and gone when it has ended. People that cannot be learnt from, as
    one whose box has no area, are left out with a message.

    Args:
        labels: what train.labels read.
        steps: optimiser steps of BATCH clips.
        peak_rate: AdamW's; falls to zero along half a cosine.
        resume: go on from `out`/checkpoint.pt; the result is that of a training that never stopped.
        on_message: called with progress, and with what is left out.
        should_stop: asked between steps; what was learnt until then is in the checkpoint.

    Raises:
        Cancelled: should_stop returned true.
        FormatError: nothing is left to learn from.
        WeightsError: `init` does not fit, the result cannot be written, or the checkpoint is missing or was
            made from other labels or options.
    """
    make_folder(out)
    torch.manual_seed(0)
    where = pick_device(device)
    network = load_pose_network(init).to(where).eval()
    learnt, held_out = split(labels)
    if not any(True for _ in network.refiner.parameters()):
        raise WeightsError(
            f"{init}: {read_card(init).variant} has no refiner, and nothing else is fine-tuned; choose other weights"
        )
    reading = ClipReading(network, on_message, should_stop, total=len(_VARIANTS) * _count(learnt) + _count(held_out))
    clips = reading.clips(learnt, _VARIANTS)
    if clips is None:
        raise FormatError(
            "no corrected person is left to learn from once every fifth frame is held out; correct more frames"
        )
    validation = reading.clips(held_out, [None])
    held_joints = 0 if validation is None else int((validation.weight > 0).sum())
    before = _held_out_accuracy(network, validation)
    training = Training(
        network.refiner,
        torch.optim.AdamW(decay_groups(network.refiner, WEIGHT_DECAY), lr=peak_rate),
        Schedule(peak=peak_rate, rise=0.1, floor=0.0),
        LARGEST_GRADIENT,
        decay=None,
        settings={"labels": digest_of_labels(labels), "--init": _digest_of_file(find_weights(init)), "--steps": steps},
    )
    checkpoint = out / CHECKPOINT
    if resume:
        training.resume(checkpoint)
    _learn(network, clips, training, Epochs(1, steps), out, on_message, should_stop)
    after = _held_out_accuracy(network, validation)
    better = not after <= before  # NaN, where nothing is held out, counts as better: the annotator decides
    path = out / "finetuned.safetensors"
    if better:
        figures = {"held-out PCK@0.2 before": before, "held-out PCK@0.2 after": after} if held_out else {}
        _write(path, network, init, steps, figures)
    checkpoint.unlink(missing_ok=True)
    return FinetuneResult(before, after, held_joints, path if better else None)


def split(labels: Sequence[LabelledVideo]) -> tuple[list[LabelledVideo], list[LabelledVideo]]:
    """Every fifth corrected frame of each video held out, none where a video has fewer than five."""
    learnt, held_out = [], []
    for label in labels:
        frames = sorted({person.frame_index for person in label.people})
        kept_back = set(frames[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY])
        parts = ([], [])
        for person in label.people:
            parts[person.frame_index in kept_back].append(person)
        learnt.append(LabelledVideo(label.video_path, tuple(parts[0])))
        held_out.append(LabelledVideo(label.video_path, tuple(parts[1])))
    return [label for label in learnt if label.people], [label for label in held_out if label.people]


def _write(path: Path, network: PoseNetwork, init: str | Path, steps: int, figures: dict[str, float]) -> None:
    """The network whole, without a base, beside the calibration of `init`: a few frames could not fit another."""
    before, card = read_weights(init)
    recipe = f"{card.recipe}; python -m train finetune --steps {steps}"
    card = msgspec.structs.replace(card, figures=figures, recipe=recipe, base="", base_digest="")
    save_weights(path, {**calibrations_in(before), **network.state_dict()}, card)


def _held_out_accuracy(network: PoseNetwork, clips: CachedClips | None) -> float:
    return math.nan if clips is None else accuracy(network.refiner, clips, network.mean.device)[1] / 100


def _learn(
    network: PoseNetwork,
    clips: CachedClips,
    training: Training[Refiner],
    clock: Epochs,
    out: Path,
    on_message: Callable[[Message], None],
    should_stop: Callable[[], bool],
) -> None:
    refiner, device = network.refiner, network.mean.device

    def loss_of(batch: tuple[ClipMaps, Tensor, Tensor]) -> Loss:
        maps, cells, weight = batch
        with autocast(device):
            output = refiner(maps.to(device))
        loss = heatmap_loss(network, output.logits, cells.to(device), weight.to(device))
        return Loss(loss, {"loss": loss})

    # The batch statistics of a handful of people would spoil those of thousands: they stay as they are.
    refiner.eval()
    learn(
        training,
        drawn_batches(clips, batch=BATCH, seed=0, first=training.step),
        clock,
        loss_of=loss_of,
        out=out,
        on_step=StepReports(clock.total, on_message),
        should_stop=should_stop,
        save_secs=SAVE_SECS,
        echo=False,
    )


def _digest_of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _count(labels: Sequence[LabelledVideo]) -> int:
    return sum(len(label.people) for label in labels)

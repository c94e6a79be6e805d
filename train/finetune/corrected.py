"""Fine-tune JM-Pose on corrected labels: one readable loop, gated by held-out corrected frames.

The backbone and RAFT stay fixed; the refiner learns from clips of the real video
about each corrected person. One corrected frame in five is held out, and the new
weights are offered only where they are better on those. A checkpoint every
CHECKPOINT_STEPS steps, and where it is stopped, lets it go on as if it had never stopped.
"""

import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import torch

from jmpose_core.devices import autocast, pick_device
from jmpose_core.errors import Cancelled, FormatError, WeightsError
from jmpose_core.model.calibration import calibrations_in
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.systems import load_pose_network
from jmpose_core.weights.files import find_weights, read_card, read_weights, save_weights
from train.finetune.video_clips import labelled_clips
from train.labels import LabelledVideo, digest_of_labels
from train.loop.checkpoint import read_checkpoint, save_checkpoint
from train.loop.schedule import Schedule
from train.objectives.heatmap_losses import heatmap_loss
from train.people.augment import CropAugmentation
from train.people.cached_clips import CachedClips, accuracy

BATCH_LEARNT: Final = 8
CHECKPOINT_STEPS: Final = 50
_HELD_OUT_EVERY: Final = 5
_SHAKEN: Final = CropAugmentation(15.0, 0.5, 0.12, 0.04, 0.0, 0.0)
_VARIANTS_LEARNT: Final = (None, _SHAKEN, _SHAKEN)  # the labelled box, and two near it


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """PCK@0.2 of the torso on held-out corrected joints, before and after; NaN where nothing could be held out."""

    before: float
    after: float
    held_out: int
    weights: Path | None  # None: not better, so not written


def report(**entry: object) -> None:
    """One JSON line on standard output, for the window."""
    sys.stdout.write(json.dumps(entry) + "\n")
    sys.stdout.flush()


def finetune(
    labels: Sequence[LabelledVideo],
    out: Path,
    *,
    init: str | Path = "jmpose_lite",
    steps: int = 300,
    peak_rate: float = 2e-4,
    device: str = "auto",
    resume: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> FinetuneResult:
    """Fine-tune the refiner of `init` and write `out`/finetuned.safetensors where it is better.

    `out`/checkpoint.pt is there while it learns, and gone when it has ended.

    Args:
        labels: what train.labels read.
        steps: optimiser steps of BATCH_LEARNT clips.
        peak_rate: AdamW's; falls to zero along half a cosine.
        resume: go on from `out`/checkpoint.pt; the result is that of a training that never stopped.
        should_stop: asked between steps; what was learnt until then is in the checkpoint.

    Raises:
        Cancelled: should_stop said so.
        FormatError: nothing is left to learn from.
        WeightsError: `init` does not fit, the result cannot be written, or the checkpoint is missing or was
            made from other labels or options.
    """
    torch.manual_seed(0)
    where = pick_device(device)
    network = load_pose_network(init).to(where).eval()
    learnt, held_out = split(labels)
    if not any(True for _ in network.refiner.parameters()):
        raise WeightsError(
            f"{init}: {read_card(init).variant} has no refiner, and nothing else is fine-tuned; choose other weights"
        )
    training = labelled_clips(network, learnt, _VARIANTS_LEARNT, should_stop)
    if training is None:
        raise FormatError(
            "no corrected person is left to learn from once every fifth frame is held out; correct more frames"
        )
    validation = labelled_clips(network, held_out, [None], should_stop)
    held_joints = 0 if validation is None else int((validation.weight > 0).sum())
    before = _held_out_accuracy(network, validation)
    asked = {"labels": digest_of_labels(labels), "--init": _digest_of_file(find_weights(init)), "--steps": str(steps)}
    learning = _Learning(network, steps, peak_rate, out / "checkpoint.pt", asked)
    if resume:
        learning.resume()
    learning.run(training, should_stop)
    after = _held_out_accuracy(network, validation)
    better = not after <= before  # NaN, where nothing is held out, counts as better: the annotator decides
    path = out / "finetuned.safetensors"
    if better:
        figures = {"held-out PCK@0.2 before": before, "held-out PCK@0.2 after": after} if held_out else {}
        _write(path, network, init, steps, figures)
    learning.checkpoint.unlink(missing_ok=True)
    return FinetuneResult(before, after, held_joints, path if better else None)


def split(labels: Sequence[LabelledVideo]) -> tuple[list[LabelledVideo], list[LabelledVideo]]:
    """Every fifth corrected frame of each video held out, none where a video has fewer than five."""
    learnt, held_out = [], []
    for label in labels:
        frames = sorted({person.frame_index for person in label.people})
        kept_back = set(frames[_HELD_OUT_EVERY - 1 :: _HELD_OUT_EVERY])
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


class _Learning:
    """The refiner, its optimiser and how far they are.

    Args:
        asked: what a checkpoint must have been made from, so that it may be resumed: a word for each part.
    """

    def __init__(
        self, network: PoseNetwork, steps: int, peak_rate: float, checkpoint: Path, asked: dict[str, str]
    ) -> None:
        self.network, self.steps, self.checkpoint, self.asked = network, steps, checkpoint, asked
        self.optimiser = torch.optim.AdamW(network.refiner.parameters(), lr=peak_rate, weight_decay=0.01)
        self.schedule = Schedule(peak=peak_rate, rise=0.1, floor=0.0)
        self.step = 0

    def run(self, clips: CachedClips, should_stop: Callable[[], bool]) -> None:
        """Learn what is left of the steps."""
        started, first = time.perf_counter(), self.step
        # The batch statistics of a handful of people would spoil those of thousands: they stay as they are.
        self.network.refiner.eval()
        while self.step < self.steps:
            if should_stop():
                self._save()
                raise Cancelled(f"training stopped after {self.step} of {self.steps} steps; go on with --resume")
            loss = self._descend(clips)
            self.step += 1
            if self.step % CHECKPOINT_STEPS == 0:
                self._save()
            if self.step % 5 == 0 or self.step == self.steps:
                rate = (self.step - first) / (time.perf_counter() - started)
                report(step=self.step, steps=self.steps, loss=loss, per_second=rate)

    def _descend(self, clips: CachedClips) -> float:
        """One step; its clips depend on its number alone. The loss."""
        refiner, device = self.network.refiner, self.network.mean.device
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.step / self.steps)
        index = torch.from_numpy(np.random.default_rng([0, self.step]).integers(len(clips), size=BATCH_LEARNT))
        maps, cells, weight = clips.batch(index, flip=self.step % 2 == 1)
        with autocast(device):
            output = refiner(maps.to(device))
        loss = heatmap_loss(self.network, output.logits, cells.to(device), weight.to(device))
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(refiner.parameters(), 1.0)
        self.optimiser.step()
        return loss.item()

    def _save(self) -> None:
        state = {"network": self.network.refiner.state_dict(), "optimiser": self.optimiser.state_dict()}
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(self.checkpoint, {**state, "step": self.step, "asked": self.asked})

    def resume(self) -> None:
        """Go on from the checkpoint.

        Raises:
            WeightsError: there is none, or it was made from something else; names what differs.
        """
        state = read_checkpoint(self.checkpoint)
        made_from = state.get("asked", {})
        differing = [name for name, word in self.asked.items() if made_from.get(name) != word]
        if differing:
            raise WeightsError(
                f"{self.checkpoint}: made from other {' and '.join(differing)}; "
                "give what it was made from, or start again without --resume"
            )
        self.network.refiner.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]


def _digest_of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

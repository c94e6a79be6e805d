"""Fine-tune JM-Pose on corrected labels: one readable loop, gated by held-out corrected frames.

The backbone and RAFT stay fixed; the refiner learns from clips of the real video
about each corrected person. One corrected frame in five is held out, and the new
weights are offered only where they are better on those.
"""

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
from torch import Tensor

from jmpose_core import geometry
from jmpose_core.annotations import Annotation
from jmpose_core.clip import cut
from jmpose_core.devices import autocast, pick_device
from jmpose_core.errors import Cancelled, FormatError, WeightsError
from jmpose_core.model.network import PoseNetwork, load_pose_network
from jmpose_core.video import Video, open_video
from jmpose_core.weights import read_card, save_weights
from train.augment import CropAugmentation, random_crop, warp_keypoints
from train.cached_clips import CachedClips, accuracy, encode
from train.labels import LabelledVideo, trusted_joints
from train.losses import heatmap_loss
from train.schedule import Schedule

BATCH_LEARNT: Final = 8
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
    should_stop: Callable[[], bool] = lambda: False,
) -> FinetuneResult:
    """Fine-tune the refiner of `init` and write `out`/finetuned.safetensors where it is better.

    Args:
        labels: what train.labels read.
        steps: optimiser steps of BATCH_LEARNT clips.
        peak_rate: AdamW's; falls to zero along half a cosine.
        should_stop: asked between steps; the work done until then is dropped.

    Raises:
        Cancelled: should_stop said so.
        WeightsError: `init` does not fit, or the result cannot be written.
    """
    torch.manual_seed(0)
    where = pick_device(device)
    network = load_pose_network(init).to(where).eval()
    learnt, held_out = split(labels)
    if not any(True for _ in network.refiner.parameters()):
        raise WeightsError(
            f"{init}: {read_card(init).variant} has no refiner, and nothing else is fine-tuned; choose other weights"
        )
    training = _clips(network, learnt, _VARIANTS_LEARNT, should_stop)
    if training is None:
        raise FormatError(
            "no corrected person is left to learn from once every fifth frame is held out; correct more frames"
        )
    validation = _clips(network, held_out, [None], should_stop)
    held_joints = 0 if validation is None else int((validation.weight > 0).sum())
    before = _held_out_accuracy(network, validation)
    _learn(network, training, steps, peak_rate, should_stop)
    after = _held_out_accuracy(network, validation)
    better = not after <= before  # NaN, where nothing is held out, counts as better: the annotator decides
    path = out / "finetuned.safetensors"
    if better:
        card = read_card(init)
        figures = {"held-out PCK@0.2 before": before, "held-out PCK@0.2 after": after} if held_out else {}
        recipe = f"{card.recipe}; python -m train finetune --steps {steps}"
        save_weights(path, network.state_dict(), msgspec.structs.replace(card, figures=figures, recipe=recipe))
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


def _clips(
    network: PoseNetwork,
    labels: Sequence[LabelledVideo],
    variants: Sequence[CropAugmentation | None],
    should_stop: Callable[[], bool],
) -> CachedClips | None:
    """Each labelled person as clips of the real video, one a variant of the crop; None without people."""
    rng = np.random.default_rng(0)
    parts: list[CachedClips] = []
    for label in labels:
        with open_video(label.video_path) as video:
            for person in label.people:
                _stop_if(should_stop)
                for variant in variants:
                    crops, cells, weight = _clip(video, person, network, variant, rng)
                    parts.append(encode(network, crops[None], cells[None], weight[None]))
    return CachedClips.joined(parts) if parts else None


def _clip(
    video: Video,
    person: Annotation,
    network: PoseNetwork,
    variant: CropAugmentation | None,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Crops (T, H, W, 3), the person's joints in heatmap cells, and their weights: 1 where a person placed them."""
    crop_size, delta = network.crop_size, network.delta
    if variant is None:
        crop_from_image = geometry.crop_from_image(person.bbox_xyxy, crop_size)
    else:
        crop_from_image, _ = random_crop(person.bbox_xyxy, crop_size, variant, rng)
    around = range(person.frame_index - delta, person.frame_index + delta + 1)
    frames = [min(max(index, 0), video.frame_count - 1) for index in around]
    crops = np.stack([cut(video.frame(index), crop_from_image, crop_size) for index in frames])
    joints, weight = warp_keypoints(
        person.keypoints.astype(np.float32),
        trusted_joints(person).astype(np.float32),
        crop_from_image,
        crop_size,
        flip=False,
    )
    cells = geometry.apply(geometry.scaled(1 / 4), joints).astype(np.float32)
    return torch.from_numpy(crops), torch.from_numpy(cells), torch.from_numpy(weight)


def _held_out_accuracy(network: PoseNetwork, clips: CachedClips | None) -> float:
    return math.nan if clips is None else accuracy(network.refiner, clips, network.mean.device)[1] / 100


def _learn(
    network: PoseNetwork, clips: CachedClips, steps: int, peak_rate: float, should_stop: Callable[[], bool]
) -> None:
    refiner, device = network.refiner, network.mean.device
    optimiser = torch.optim.AdamW(refiner.parameters(), lr=peak_rate, weight_decay=0.01)
    schedule = Schedule(peak=peak_rate, rise=0.1, floor=0.0)
    generator = torch.Generator().manual_seed(0)
    started = time.perf_counter()
    # The batch statistics of a handful of people would spoil those of thousands: they stay as they are.
    refiner.eval()
    for step in range(steps):
        _stop_if(should_stop)
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate(step / steps)
        index = torch.randint(len(clips), (BATCH_LEARNT,), generator=generator)
        maps, cells, weight = clips.batch(index, flip=step % 2 == 1)
        with autocast(device):
            output = refiner(maps.to(device))
        loss = heatmap_loss(network, output.logits, cells.to(device), weight.to(device))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(refiner.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % 5 == 0 or step + 1 == steps:
            rate = (step + 1) / (time.perf_counter() - started)
            report(step=step + 1, steps=steps, loss=loss.item(), per_second=rate)


def _stop_if(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Cancelled("training stopped; no weights were changed")

"""Held-out people of a pack: PCK and joints that belong to a neighbour, with the person prior and without."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from jmpose_core.devices import autocast
from jmpose_core.evaluation.pck import pck
from jmpose_core.model import heatmaps
from train.crowds.bank import PeopleBank
from train.crowds.batches import CrowdBatch, Variation, batch_of
from train.crowds.warps import crop_warps, in_cells, sampled
from train.crowds.witness_errors import EXACT, prior_in_crop

_BATCH: Final = 128
_CROWDS: Final = 768  # pasted crowds that are judged
_SEED: Final = 5
_OVERLAP: Final = 6.0  # cells from which a neighbour's joint counts as another place
PLAIN: Final = Variation(0, 0, 0, 0, 0, 0, crowd_probability=1, occluder_probability=0, degrade=False, witness=EXACT)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Predicted and true joints (N, 15, 2) in cells, labelled (N, 15), and others (N, M, 15, 3)."""

    predicted: Tensor
    truth: Tensor
    labelled: Tensor
    others: Tensor


def evaluate(network: nn.Module, bank: PeopleBank) -> dict[str, float]:
    """PCK@0.2 of the torso per source and of pasted crowds, and stolen joints of both kinds of crowds.

    Figures with "told" are with a prior: MultiPose's own regression for the real pictures, a simulated one for the
    pasted crowds. The network must be in evaluation mode.
    """
    figures: dict[str, float] = {}
    for told, name in ((False, ""), (True, ", told")):
        real = _joined(_judged(network, batch, told) for batch in _real_batches(bank))
        for source in np.unique(bank.labels.source):
            rows = torch.from_numpy(bank.labels.source == source)
            figures[f"PCK@0.2 {source}{name}"] = _pck(real, rows)
        figures[f"stolen, real neighbours{name}"] = stolen_share(real)
        pasted = _joined(_judged(network, batch, told) for batch in _pasted_batches(bank))
        figures[f"PCK@0.2 pasted crowds{name}"] = _pck(pasted, torch.ones(len(pasted.truth), dtype=torch.bool))
        figures[f"stolen, pasted crowds{name}"] = stolen_share(pasted)
    return figures


def stolen_share(judged: Judged) -> float:
    """Share of labelled joints with a neighbour's of that name elsewhere that lie nearer to the neighbour's."""
    there = (judged.others[..., 2] > 0) & judged.labelled[:, None]
    between = (judged.others[..., :2] - judged.truth[:, None]).norm(dim=-1)
    to_others = (judged.others[..., :2] - judged.predicted[:, None]).norm(dim=-1)
    counted = there & (between > _OVERLAP)
    nearest = torch.where(counted, to_others, torch.inf).amin(dim=1)
    own = (judged.truth - judged.predicted).norm(dim=-1)
    any_there = counted.any(dim=1)
    return float(((nearest < own) & any_there).sum() / any_there.sum().clamp_min(1))


@torch.inference_mode()
def _judged(network: nn.Module, batch: CrowdBatch, told: bool) -> Judged:
    with autocast(batch.images.device):
        output = network(batch.images.contiguous(memory_format=torch.channels_last), batch.prior if told else None)
    predicted, _ = heatmaps.decode(output.heatmaps, blur_sigma=1.0)
    others = torch.cat([batch.others, batch.others_weight[..., None]], dim=-1)
    return Judged(predicted.cpu(), batch.cells.cpu(), (batch.weight > 0.4).cpu(), others.cpu())


def plain_batch(bank: PeopleBank, index: Tensor) -> CrowdBatch:
    """The people `index` (B,) in their own boxes' crops as the program cuts them, with MultiPose's witness."""
    zeros = torch.zeros(len(index), device=bank.device)
    bbox = bank.bbox_xyxy[index]
    warps = crop_warps(bbox, enlarge=zeros + 1.25, angle=zeros, flip=zeros > 0)
    images, inside = sampled(bank.pictures[index], bank.size[index], warps.matrix)
    joints, others = warps.joints(bank.joints[index]), warps.joints(bank.others[index])
    own, beside = warps.joints(bank.witness[index]), warps.joints(bank.others_witness[index])
    return CrowdBatch(
        images * inside * 2 - 1,
        in_cells(joints[..., :2]),
        (joints[..., 2] > 0.999).float(),
        prior_in_crop(warps.box(bbox), own, beside),
        in_cells(others[..., :2]),
        others[..., 2],
    )


def _real_batches(bank: PeopleBank) -> Iterator[CrowdBatch]:
    for index in torch.arange(len(bank), device=bank.device).split(_BATCH):
        yield plain_batch(bank, index)


def _pasted_batches(bank: PeopleBank) -> Iterator[CrowdBatch]:
    """The same pasted crowds at every call."""
    devices = [bank.device] if bank.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(_SEED)
        for start in range(0, min(_CROWDS, len(bank)), _BATCH):
            index = torch.multinomial(bank.draws, min(_BATCH, len(bank) - start), replacement=True)
            yield batch_of(bank, index, PLAIN)


def _joined(parts: Iterator[Judged]) -> Judged:
    found = list(parts)
    most = max(part.others.shape[1] for part in found)

    def filled(others: Tensor) -> Tensor:
        return torch.cat([others, others.new_zeros(len(others), most - others.shape[1], *others.shape[2:])], dim=1)

    return Judged(
        torch.cat([part.predicted for part in found]),
        torch.cat([part.truth for part in found]),
        torch.cat([part.labelled for part in found]),
        torch.cat([filled(part.others) for part in found]),
    )


def _pck(judged: Judged, rows: Tensor) -> float:
    parts = (judged.predicted, judged.truth, judged.labelled)
    predicted, truth, labelled = (part[rows].numpy() for part in parts)
    return float(pck(predicted, truth, labelled, threshold=0.2).total)

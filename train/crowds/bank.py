"""Packed people on the device that trains: pictures as uint8, labels as tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from jmpose_core.skeleton import JOINT_INDEX
from train.crowds.scenes import Labels, read_labels, read_pictures
from train.crowds.witness_errors import UNWITNESSED

_DONOR_JOINTS: Final = 10  # labelled, that a cut-out needs
_TRUNK: Final = [JOINT_INDEX[name] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]


@dataclass(frozen=True, slots=True, eq=False)
class PeopleBank:
    """P people; fields as in `train.crowds.scenes.Labels`, as tensors on one device.

    pictures: (P, SIDE, SIDE, 3) uint8 RGB at the upper left. masks: (M, SIDE, SIDE) uint8, of those that have one.
    mask_of: (P,) the row in masks, -1 without. draws: (P,) how often each is drawn, sum 1. donors: indices of people
    whose cut-outs are pasted into others' pictures.
    """

    pictures: Tensor
    masks: Tensor
    mask_of: Tensor
    size: Tensor
    bbox_xyxy: Tensor
    joints: Tensor
    others: Tensor
    witness: Tensor
    others_witness: Tensor
    draws: Tensor
    donors: Tensor
    labels: Labels

    def __len__(self) -> int:
        return len(self.size)

    @property
    def device(self) -> torch.device:
        return self.pictures.device


def read_bank(
    packs: Sequence[Path],
    *,
    validation: bool,
    draws: Mapping[str, float],
    device: torch.device,
    threads: int,
    every: int = 1,
) -> PeopleBank:
    """The training or the held-out people of some packs.

    Args:
        packs: folders that train.crowds.packing wrote.
        validation: the held-out people alone; else all others.
        draws: how often a person of each source is drawn; sources without an entry are left out.
        device: that trains.
        threads: for decoding.
        every: take one in so many, for a trial.
    """
    chosen, pictures, masks = [], [], []
    for pack in packs:
        labels = read_labels(pack)
        wanted = (labels.validation == validation) & np.isin(labels.source, list(draws))
        index = np.flatnonzero(wanted)[::every]
        chosen.append(labels.chosen(index))
        pixels, outlines = read_pictures(pack, index, threads=threads)
        pictures.append(torch.from_numpy(pixels).to(device))
        masks.append(torch.from_numpy(outlines[chosen[-1].has_mask]).to(device))
    labels = Labels(*(np.concatenate([getattr(part, name) for part in chosen]) for name in Labels.__dataclass_fields__))
    odds = np.array([draws[source] for source in labels.source], np.float32)
    weight = labels.joints[..., 2] > 0
    donors = (weight.sum(axis=1) >= _DONOR_JOINTS) & weight[:, _TRUNK].all(axis=1)
    mask_of = np.where(labels.has_mask, np.cumsum(labels.has_mask) - 1, -1)

    def on_device(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    for witness in (labels.witness, labels.others_witness):
        witness[..., UNWITNESSED, 2] = 0  # the program's own witness leaves these out
    return PeopleBank(
        pictures=torch.cat(pictures),
        masks=torch.cat(masks),
        mask_of=on_device(mask_of),
        size=on_device(labels.size),
        bbox_xyxy=on_device(labels.bbox_xyxy),
        joints=on_device(labels.joints),
        others=on_device(labels.others),
        witness=on_device(labels.witness),
        others_witness=on_device(labels.others_witness),
        draws=on_device(odds / odds.sum()),
        donors=on_device(np.flatnonzero(donors)),
        labels=labels,
    )

"""The rows of a head's last layer: from the joints that a checkpoint was trained for to those wanted here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from jmpose_core.formats.joint_sets import our_names

NEW_ROW_STD: Final = 0.001  # as HRNet's own last layer starts
_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """Weight (K, C, 1, 1) and bias (K,) of a head, which rows are new and which joints were dropped."""

    weight: Tensor
    bias: Tensor
    new: tuple[str, ...]
    dropped: tuple[str, ...]


def rows_for(target: Sequence[str], source: Sequence[str], weight: Tensor, bias: Tensor) -> Rows:
    """Rows of a head for the joints `source`, reordered by name for `target`.

    A joint that the checkpoint does not have gets a new row, N(0, 0.001) with a fixed seed and bias 0:
    it must be trained before its heatmap means anything.

    Args:
        weight: (len(source), C, ...), bias: (len(source),).
    """
    index = {name: row for row, name in enumerate(our_names(source))}
    names = our_names(target)
    new_weight = torch.randn(len(target), *weight.shape[1:], generator=torch.Generator().manual_seed(_SEED))
    new_weight = (new_weight * NEW_ROW_STD).to(weight.dtype)
    new_bias = torch.zeros(len(target), dtype=bias.dtype)
    for row, name in enumerate(names):
        if name in index:
            new_weight[row], new_bias[row] = weight[index[name]], bias[index[name]]
    return Rows(
        new_weight,
        new_bias,
        new=tuple(name for name in names if name not in index),
        dropped=tuple(name for name in index if name not in names),
    )

"""Weights files that hold a refiner alone: the backbone and the flow are those of a bundled file.

Without this, five files would repeat the backbone.
"""

import hashlib
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from jmpose_core.errors import WeightsError
from jmpose_core.weights.files import WeightsCard, read_weights


def completed(
    state: Mapping[str, Tensor], card: WeightsCard, *, needed: Iterable[str], place: str
) -> dict[str, Tensor]:
    """`state` and, of a file with a base, those of the `needed` tensors that the base holds.

    Raises:
        WeightsError: the base is gone or is not the one that the file was trained behind.
    """
    if not card.base:
        return dict(state)
    lent, _ = read_weights(card.base)
    lent = {name: lent[name] for name in needed if name in lent and name not in state}
    if digest(lent) != card.base_digest:
        raise WeightsError(
            f"{place}: was trained behind another {card.base} than the one that is bundled; train it again "
            "(python -m train.studies.comparison)"
        )
    return {**lent, **state}


def digest(state: Mapping[str, Tensor]) -> str:
    """Of names and values, whatever their order: the first half of a SHA-256."""
    found = hashlib.sha256()
    for name in sorted(state):
        found.update(name.encode())
        found.update(state[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:32]

"""Every tensor of a checkpoint finds its place, or the checkpoint is refused."""

from collections.abc import Collection, Mapping
from typing import Final

import torch
from torch import Tensor

from jmpose_core.checkpoints.layout import Tensors
from jmpose_core.errors import WeightsError

_COUNTER: Final = ".num_batches_tracked"
_NAMED: Final = 3  # of each kind of misfit


def matched(tensors: Tensors, expected: Mapping[str, torch.Size], *, place: str) -> tuple[Tensors, tuple[str, ...]]:
    """The tensors of one part, each at its place, and the names of those that were filled in.

    Filled in are only batch norms' counters of training steps, which old programs did not
    keep and inference does not read.

    Raises:
        WeightsError: a half match; names the first of each kind of misfit and the likely cause.
    """
    filled = tuple(name for name in expected if name.endswith(_COUNTER) and name not in tensors)
    complete = tensors | {name: torch.zeros((), dtype=torch.long) for name in filled}
    misfits = {
        "missing": sorted(expected.keys() - complete.keys()),
        "without a place": sorted(complete.keys() - expected.keys()),
        "of another shape": _misshapen(complete, expected),
    }
    if any(misfits.values()):
        raise WeightsError(f"{place}: half a match, refused: {_told(misfits)}. {_cause(complete, expected)}")
    return complete, filled


def _misshapen(tensors: Mapping[str, Tensor], expected: Mapping[str, torch.Size]) -> list[str]:
    return [
        f"{name} {tuple(tensors[name].shape)} for {tuple(shape)}"
        for name, shape in expected.items()
        if name in tensors and tensors[name].shape != shape
    ]


def _told(misfits: Mapping[str, list[str]]) -> str:
    parts = []
    for kind, names in misfits.items():
        if names:
            more = ", ..." if len(names) > _NAMED else ""
            parts.append(f"{len(names)} {kind} ({', '.join(names[:_NAMED])}{more})")
    return "; ".join(parts)


def _cause(tensors: Tensors, expected: Mapping[str, torch.Size]) -> str:
    """The likeliest reason, with what to do."""
    width = "backbone.transition1.0.0.weight"
    if width in tensors and width in expected and tensors[width].shape != expected[width]:
        return f"The file is an HRNet-W{len(tensors[width])}, not a W{expected[width][0]}: name its own --variant"
    if _is_small_raft(tensors) != _is_small_raft(expected):
        kinds = ("raft_small", "raft_large")
        found, wanted = kinds if _is_small_raft(tensors) else kinds[::-1]
        return f"The file is a {found}, not a {wanted}: name the other --variant or give another file"
    if len(tensors.keys() & expected.keys()) < len(expected) / 2:
        return "It is likely another network: compare its names with those above"
    return "It is likely torn or of a changed network: get it again from its publisher"


def _is_small_raft(names: Collection[str]) -> bool:
    """Whether there are the bottleneck blocks that raft_small alone has."""
    return "flow.raft.feature_encoder.layer1.0.convnormrelu3.0.weight" in names

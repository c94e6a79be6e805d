"""Checkpoints: all that a stopped training needs to go on, written whole or not at all."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from jmpose_core.errors import WeightsError
from jmpose_core.whole_files import whole_file

# What the first trainings called them; their checkpoints can still be resumed.
_EARLIER_NAMES: Final = {"raft": "network", "spent_secs": "elapsed_secs", "elapsed": "elapsed_secs"}


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors, numbers, strings and containers of them; a crash on the way leaves the earlier file.

    Raises:
        WeightsError: the folder cannot be written to, or the disk is full.
    """
    try:
        with whole_file(path) as part:
            torch.save(dict(state), part)
    except (OSError, RuntimeError) as error:  # torch reports a full disk with the latter
        raise WeightsError(f"{path}: checkpoint not written ({error}); make space or name another --out") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote, on the CPU.

    Raises:
        WeightsError: there is none, or it is torn.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no checkpoint to resume from; leave --resume out")
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); delete it and start again without --resume") from error
    return {_EARLIER_NAMES.get(name, name): value for name, value in state.items()}

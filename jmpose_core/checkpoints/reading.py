"""Foreign checkpoint files: only tensors are read, never code."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from jmpose_core.checkpoints.layout import Tensors
from jmpose_core.errors import WeightsError
from jmpose_core.weights.files import check_finite

_WRAPPERS: Final = ("state_dict", "model")  # keys under which programs keep the weights beside other things
_PARALLEL: Final = "module."  # what nn.DataParallel puts before every name


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tensors of a file, without what nn.DataParallel adds to their names, and the entries that are no weights."""

    tensors: Tensors
    others: tuple[str, ...]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a .pth or .safetensors file of any program.

    Raises:
        WeightsError: no such file, a torn one, one that needs code to be read, one without weights, or one with NaN
            or infinity in it.
    """
    content = _loaded(path)
    others: list[str] = []
    for wrapper in _WRAPPERS:
        inside = content.get(wrapper)
        if isinstance(inside, Mapping):
            others = [str(name) for name in content if name != wrapper]
            content = inside
            break
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    others += [str(name) for name in content if str(name) not in tensors]
    if not tensors:
        raise WeightsError(f"{path}: holds no weights, only {', '.join(others[:3]) or 'nothing'}; give a checkpoint")
    if all(name.startswith(_PARALLEL) for name in tensors):
        tensors = {name.removeprefix(_PARALLEL): tensor for name, tensor in tensors.items()}
    check_finite(tensors, place=str(path))
    return Checkpoint(tensors, tuple(others))


def _loaded(path: Path) -> Mapping[Any, object]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: not read, because it is torn or holds more than tensors, which could run code "
            f"({_first_line(error)}). Where you trust its source, read it with its own program and "
            "save its state_dict alone"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be read as a checkpoint ({_first_line(error)}); copy it again") from error
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path}: holds a {type(content).__name__}, not named weights; give a checkpoint")
    return content


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

"""What a layout of foreign checkpoints is: how to know it, and what its tensors are called here."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

Tensors: TypeAlias = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A tensor of the file that no network here has a place for, and why."""

    why: str


def _as_they_are(tensors: Tensors) -> Tensors:
    return tensors


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way in which a program names its tensors.

    name: for people.
    recognises: whether a file with these names is of this layout.
    rename: the file's name -> the name in a `PoseNetwork` ("backbone.", "flow.raft.", "refiner."), or why there
        is none. A name that it does not know comes back in some form that no network has: matching finds it.
    finish: what renaming alone cannot do, on the renamed tensors.
    system: whose refiner "refiner." is; such tensors fit the variants of that name alone.
    joints: joint set of a 17-row head, by its name in `joint_sets`, where the layout decides it.
    headless: whether its files have a backbone without a head for joints; one without is otherwise half a match.
    """

    name: str
    recognises: Callable[[Collection[str]], bool]
    rename: Callable[[str], str | LeftOut]
    finish: Callable[[Tensors], Tensors] = _as_they_are
    system: str = ""
    joints: str = "coco17"
    headless: bool = False


@dataclass(frozen=True, slots=True)
class Translated:
    """A checkpoint in the names of this program.

    tensors: by our name.
    sources: our name -> the name in the file, also of tensors that were folded into others.
    left_out: the name in the file -> why.
    """

    tensors: Tensors
    sources: dict[str, str]
    left_out: dict[str, str]


def translate(layout: Layout, tensors: Tensors) -> Translated:
    """Every tensor of the file under our name, or named as left out."""
    renamed: Tensors = {}
    sources: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name, tensor in tensors.items():
        ours = layout.rename(name)
        if isinstance(ours, LeftOut):
            left_out[name] = ours.why
        else:
            renamed[ours] = tensor
            sources[ours] = name
    return Translated(layout.finish(renamed), sources, left_out)

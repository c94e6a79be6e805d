"""What can be filled, looked at and priced by its name: the pose networks, and RAFT by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import nn
from torchvision.models.optical_flow import raft_large, raft_small

from jmpose_core.errors import WeightsError
from jmpose_core.model.cost import Cost, cost_of
from jmpose_core.model.flow import RaftFlow, raft_large_flow, raft_small_flow
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.systems import POSE_NETWORKS

RAFTS: Final[dict[str, Callable[[], nn.Module]]] = {
    "raft_large": partial(raft_large, weights=None),
    "raft_small": partial(raft_small, weights=None),
}
_FLOWS: Final[dict[str, Callable[[], RaftFlow]]] = {"raft_large": raft_large_flow, "raft_small": raft_small_flow}


def variants() -> tuple[str, ...]:
    """Every name."""
    return (*POSE_NETWORKS, *RAFTS)


def check_variant(name: str) -> None:
    """Raises WeightsError where there is no such variant."""
    if name not in variants():
        raise WeightsError(f"{name}: no such variant; there are {', '.join(variants())}")


@dataclass(frozen=True, slots=True)
class Overview:
    """A variant without weights.

    receptive_input: in words: size, frames, and the pairs of frames between which flow is seen.
    costs: of each module and of all ("total"), for one person and key frame. The backbone sees every
        frame of the window, as in exact mode; streaming shares it between windows.
    """

    receptive_input: str
    costs: dict[str, Cost]


def overview_of(variant: str, **options: Any) -> Overview:
    """Look at a variant, built with these options, on the meta device.

    Raises:
        WeightsError: there is no such variant.
    """
    check_variant(variant)
    with torch.device("meta"):
        if variant in _FLOWS:
            flow = _FLOWS[variant]()
            costs = cost_of(flow.raft, *2 * [(1, 3, *flow.size)], num_flow_updates=flow.updates)
            return Overview(f"two frames of {_size(flow.size)}, {flow.updates} updates", _shown(costs))
        network = POSE_NETWORKS[variant](**options)
    text = _input_of(network)
    return Overview(text, _shown(cost_of(network, (1, network.refiner.frames, 3, *network.crop_size))))


def _input_of(network: PoseNetwork) -> str:
    text = f"frames {network.refiner.frames}, of {_size(network.crop_size)}"
    if network.flow is None:
        return text
    pairs = ", ".join(f"{_step(start)} to {_step(end)}" for start, end in network.flow_pairs)
    return f"{text}; flow from frame {pairs}, at {_size(network.flow.size)}, {network.flow.steps}"


def _shown(costs: dict[str, Cost]) -> dict[str, Cost]:
    """The parts that cost something, and what a refiner is made of; the total last."""
    parts = {name: cost for name, cost in costs.items() if name and _is_shown(name) and cost.parameters}
    return {**parts, "total": costs[""]}


def _is_shown(name: str) -> bool:
    return name.count(".") <= (1 if name.startswith("refiner.") else 0)


def _step(frames: int) -> str:
    """Frames from the key frame, with their sign; 0 has none."""
    return f"{frames:+d}" if frames else "0"


def _size(size: tuple[int, int]) -> str:
    """Height x width."""
    return f"{size[0]} x {size[1]}"

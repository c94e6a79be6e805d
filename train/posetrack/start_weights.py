"""The fixed parts of a network from weights files: random noise in them would teach the refiner nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from jmpose_core.errors import WeightsError
from jmpose_core.model.flow import GuidedFlow, RaftFlow
from jmpose_core.model.hrnet import HRNet
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.systems import POSE_NETWORKS, load_pose_network
from jmpose_core.weights.files import load_into, read_card, read_weights


def take_start_weights(network: PoseNetwork, variant: str, init: Sequence[str | Path]) -> tuple[str, ...]:
    """Fill the backbone and RAFT; the data behind them.

    A file gives what it has that fits: all of a network like this one, refiner included, the fixed parts of another
    variant's, an HRNet or a RAFT by itself. A later file overrides an earlier one.

    Raises:
        WeightsError: a file fits no part, or a part is left without weights; says how to get them.
    """
    fixed: dict[str, nn.Module] = {"backbone": network.backbone}
    if isinstance(network.flow, RaftFlow | GuidedFlow):
        fixed["flow.raft"] = network.flow.raft
    filled: set[str] = set()
    training_data: list[str] = []
    for name in init:
        card = read_card(name)
        state = load_pose_network(name).state_dict() if card.variant in POSE_NETWORKS else read_weights(name)[0]
        training_data += [data for data in card.training_data if data not in training_data]
        if _alike(network.state_dict(), state):
            load_into(network, state, place=str(name))
            filled |= fixed.keys()
            continue
        fitting = {part: own for part, module in fixed.items() if (own := _fitting(module, state, part)) is not None}
        if not fitting:
            raise WeightsError(f"{name}: holds {card.variant}, which fits neither backbone nor flow of {variant}")
        for part, own in fitting.items():
            load_into(fixed[part], own, place=str(name))
        filled |= fitting.keys()
    for part in sorted(fixed.keys() - filled):
        raise WeightsError(_missing(network, variant, part))
    return tuple(training_data)


def _fitting(module: nn.Module, state: Mapping[str, Tensor], part: str) -> dict[str, Tensor] | None:
    """The module's own tensors in a file of a whole network, or of it alone; None where they are not all there."""
    own = module.state_dict()
    for prefix in (f"{part}.", f"{part.rpartition('.')[2]}.", ""):
        found = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        if _alike(own, found):
            return found
    return None


def _alike(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(first[name].shape == second[name].shape for name in first)


def _missing(network: PoseNetwork, variant: str, part: str) -> str:
    problem = f"{variant}: no weights for its fixed {part.partition('.')[0]}, which would be random noise"
    if not isinstance(network.backbone, HRNet):
        return f"{problem}. Start from the bundled ones with --init jmpose_lite"
    width = network.backbone.final_layer.in_channels
    name, kind = {
        "backbone": (f"hrnet_w{width}_coco", f"hrnet_w{width}"),
        "flow.raft": ("raft_large_c_t_v2", "raft_large"),
    }[part]
    return (
        f"{problem}. Fetch public ones with `jmpose weights download {name}`, or bring in a file with "
        f"`jmpose weights convert FILE --variant {kind}`, and name them with --init {name} or --init {kind}"
    )

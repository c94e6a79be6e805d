"""What a network costs: parameters and multiply-adds of each of its modules, counted without weights or pictures.

Counted are convolutions (deformable ones as plain ones), linear layers, the two products
of attention and RAFT's correlation volume, as papers count; norms, activations,
resampling and RAFT's lookups are not.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn
from torchvision.models.optical_flow import RAFT
from torchvision.models.optical_flow.raft import CorrBlock

from jmpose_core.model.blocks import ModulatedDeformConv
from jmpose_core.model.famipose import GlobalTransform
from jmpose_core.model.jmml import CrossAttention

_RAFT_STRIDE: Final = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one module with all inside it, for one call of the network."""

    parameters: int
    multiply_adds: int


def cost_of(network: nn.Module, *input_shapes: tuple[int, ...], **options: Any) -> dict[str, Cost]:
    """Cost of every module by its name, "" the network itself, for inputs of these shapes.

    Args:
        network: made on the meta device, so that nothing is computed; of no other use afterwards.
        options: other arguments of its forward.
    """
    network.eval()
    inputs = [torch.empty(shape, device="meta") for shape in input_shapes]
    counts = {name: 0 for name, _ in network.named_modules()}
    _count_calls(network, counts)
    _stand_in(network)
    with torch.no_grad():
        network(*inputs, **options)
    totals = _with_inside(counts)
    return {
        name: Cost(sum(parameter.numel() for parameter in module.parameters()), totals[name])
        for name, module in network.named_modules()
    }


def _with_inside(counts: Mapping[str, int]) -> dict[str, int]:
    """To each module's own count, those of all modules inside it."""
    totals = dict.fromkeys(counts, 0)
    for name, count in counts.items():
        parts = name.split(".") if name else []
        for length in range(len(parts) + 1):
            totals[".".join(parts[:length])] += count
    return totals


def _count_calls(network: nn.Module, counts: dict[str, int]) -> None:
    """From now on add to `counts` what each module multiplies itself, apart from the modules inside it."""
    for name, module in network.named_modules():
        for kind, rule in _RULES.items():
            if isinstance(module, kind):
                module.register_forward_hook(partial(_count, name=name, rule=rule, counts=counts))


def _count(
    module: nn.Module, inputs: tuple[Tensor, ...], output: Any, *, name: str, rule: Callable, counts: dict[str, int]
) -> None:
    counts[name] += rule(module, inputs, output)


def _stand_in(network: nn.Module) -> None:
    """Stand-ins for what leaves autocast, which the meta device does not have, and for RAFT's slow lookups."""
    for module in network.modules():
        for kind, forward in _STAND_INS.items():
            if isinstance(module, kind):
                module.forward = partial(forward, module)
        if isinstance(module, CorrBlock):
            module.index_pyramid = partial(_looked_up, module)


def _deformed(module: ModulatedDeformConv, x: Tensor, offset: Tensor, mask: Tensor) -> Tensor:
    return x.new_empty(len(x), len(module.weight), *x.shape[-2:])


def _transformed(module: GlobalTransform, support: Tensor, key: Tensor) -> Tensor:
    module.regress(module.encode(support - key))
    return support


def _looked_up(block: CorrBlock, centroids_coords: Tensor) -> Tensor:
    return centroids_coords.new_empty(len(centroids_coords), block.out_channels, *centroids_coords.shape[-2:])


def _of_weight(module: nn.Conv2d | ModulatedDeformConv, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    """Each weight once at every cell of the output."""
    return len(output) * math.prod(output.shape[-2:]) * module.weight.numel()


def _of_linear(module: nn.Linear, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    return output.numel() * module.in_features


def _of_attention(module: CrossAttention, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    """Queries times keys, and the answer: every cell asks every patch twice, over all channels."""
    cells = math.prod(output.shape[-2:])
    return 2 * output.numel() * (cells // module.stride**2)


def _of_correlation(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> int:
    """All pairs of cells of the two pictures' features."""
    cells = math.prod(inputs[0].shape[-2:]) // _RAFT_STRIDE**2
    channels: int = module.feature_encoder.conv.out_channels  # type: ignore[union-attr, assignment]
    return len(inputs[0]) * cells**2 * channels


_RULES: Final[dict[type[nn.Module], Callable[..., int]]] = {
    nn.Conv2d: _of_weight,
    ModulatedDeformConv: _of_weight,
    nn.Linear: _of_linear,
    CrossAttention: _of_attention,
    RAFT: _of_correlation,
}
_STAND_INS: Final[dict[type[nn.Module], Callable[..., Tensor]]] = {
    ModulatedDeformConv: _deformed,
    GlobalTransform: _transformed,
}

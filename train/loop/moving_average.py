"""The exponential moving average of a network's weights: what is validated and published."""

import copy
from typing import Final, Generic, TypeVar

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

DECAY: Final = 0.998

NetworkT = TypeVar("NetworkT", bound=nn.Module)


class MovingAverage(Generic[NetworkT]):
    """A copy of a network that follows it from step to step.

    The first steps weigh more than `decay` alone would let them, so that the
    start is soon forgotten: after step n the copy keeps at most (1 + n) / (10 + n) of itself.
    """

    def __init__(self, network: NetworkT, *, decay: float = DECAY) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def follow(self, network: NetworkT, step: int) -> None:
        """Move towards `network` as it is after `step` steps. Whole numbers, as counts of batches, are copied."""
        kept = min(self.decay, (1 + step) / (10 + step))
        pairs = list(zip(self.network.state_dict().values(), network.state_dict().values(), strict=True))
        moving = [pair for pair in pairs if pair[0].dtype.is_floating_point]
        if moving:
            get_ema_multi_avg_fn(kept)([mean for mean, _ in moving], [own for _, own in moving], step)
        for mean, own in pairs:
            if not mean.dtype.is_floating_point:
                mean.copy_(own)

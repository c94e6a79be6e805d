"""Batches for a flow that starts from dense inverse search: pairs, and the search's answer to each."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import torch
from torch import Tensor

from jmpose_core.model.dense_inverse_search import DenseInverseSearch, grey
from train.flow.rendering import Pairs

_SEARCHED_AT_ONCE: Final = 8  # pairs a call of a worker


@dataclass(frozen=True, slots=True)
class StartedPairs:
    """Frames (B, 3, H, W) uint8, flow (B, 2, H, W) in pixels, visible (B, H, W), start (B, 2, H, W) in pixels."""

    first: Tensor
    second: Tensor
    flow: Tensor
    visible: Tensor
    start: Tensor

    def __getitem__(self, chosen: Tensor | slice) -> "StartedPairs":
        return StartedPairs(*(getattr(self, field.name)[chosen] for field in fields(self)))


class Searcher:
    """Dense inverse search of many pairs on the CPU's threads, while the device does something else."""

    def __init__(self, threads: int, *, fine: bool = False) -> None:
        self._search = DenseInverseSearch(fine=fine)
        self._pool = ThreadPoolExecutor(threads)

    def begin(self, first: Tensor, second: Tensor) -> list[Future[Tensor]]:
        """Frames (B, 3, H, W) uint8 -> answers to come, in order."""
        greys = [grey(frames.float() / 255).cpu().numpy() for frames in (first, second)]
        return [
            self._pool.submit(self._several, *(frames[start : start + _SEARCHED_AT_ONCE] for frames in greys))
            for start in range(0, len(first), _SEARCHED_AT_ONCE)
        ]

    def all(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow (B, 2, H, W) on the CPU."""
        return torch.cat([answer.result() for answer in self.begin(first, second)])

    def _several(self, firsts: np.ndarray, seconds: np.ndarray) -> Tensor:
        flows = np.stack([self._search(*pair) for pair in zip(firsts, seconds, strict=True)])
        return torch.from_numpy(flows).permute(0, 3, 1, 2).contiguous()


class StartedBatches:
    """Endless batches. Groups of pairs are rendered, searched, and seen at least once; while the search lags behind
    the learning, earlier pairs are seen again, mirrored or not.

    Args:
        render: number of a group -> its pairs, a whole number of batches.
        batch: pairs a batch.
        searcher: for the starts.
        ahead: groups that are searched at once.
        kept: groups that can be seen again; 0 waits for the search in their place.
    """

    def __init__(
        self, render: Callable[[int], Pairs], *, batch: int, searcher: Searcher, ahead: int = 3, kept: int = 0
    ) -> None:
        self._render, self._batch, self._searcher = render, batch, searcher
        self._ahead = ahead
        self._kept: deque[StartedPairs] = deque(maxlen=max(kept, 1))
        self._again = kept > 0
        self.fresh = self.repeated = 0  # batches

    def __iter__(self) -> Iterator[StartedPairs]:
        groups: deque[tuple[Pairs, list[Future[Tensor]]]] = deque()
        number = 0
        while True:
            while len(groups) < self._ahead:
                pairs = self._render(number)
                groups.append((pairs, self._searcher.begin(pairs.first, pairs.second)))
                number += 1
            if self._again and self._kept and not all(answer.done() for answer in groups[0][1]):
                self.repeated += 1
                yield self._seen_again()
                continue
            pairs, answers = groups.popleft()
            starts = torch.cat([answer.result() for answer in answers]).to(pairs.flow.device)
            group = StartedPairs(pairs.first, pairs.second, pairs.flow, pairs.visible, starts)
            if self._again:
                self._kept.append(group)
            for start in range(0, len(starts), self._batch):
                self.fresh += 1
                yield group[start : start + self._batch]

    def _seen_again(self) -> StartedPairs:
        group = self._kept[int(torch.randint(len(self._kept), ()))]
        chosen = torch.randint(len(group.first), (self._batch,), device=group.flow.device)
        return mirrored(group[chosen])


def mirrored(pairs: StartedPairs) -> StartedPairs:
    """The pairs as a mirror shows them."""
    return StartedPairs(
        pairs.first.flip(-1),
        pairs.second.flip(-1),
        mirrored_flow(pairs.flow),
        pairs.visible.flip(-1),
        mirrored_flow(pairs.start),
    )


def mirrored_flow(flow: Tensor) -> Tensor:
    """Flow (B, 2, H, W) of mirrored frames."""
    return torch.stack([-flow[:, 0], flow[:, 1]], 1).flip(-1)

"""Training as papers state it: epochs of a data set, steps of a fixed batch, a rate that drops at given epochs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from train.loop.clock import Epochs
from train.loop.items import start_worker
from train.loop.learning import Passes
from train.loop.schedule import EpochDrops
from train.posetrack.dataset import PoseTrackClips

Batch = tuple[Tensor, Tensor, Tensor]  # what PoseTrackClips gives, B at a time


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """How long, how many at a time, and how fast.

    Args:
        batch: examples of one step of the optimiser.
        at_once: examples of one pass; the gradients of a step's passes add up to the whole
            batch's. What looks at a batch as a whole (batch statistics, the IO estimate) sees one pass.
        drops: epochs, counted from 0, that begin with the rate divided by ten.
    """

    epochs: int
    batch: int
    at_once: int
    peak_rate: float
    drops: tuple[int, ...]
    largest_gradient: float
    seed: int = 0
    log_steps: int = 50

    @property
    def schedule(self) -> EpochDrops:
        return EpochDrops(self.peak_rate, self.drops, self.epochs)

    def clock(self, examples: int) -> Epochs:
        """The plan's length for a data set of so many examples; an epoch's last batch may be smaller."""
        return Epochs(self.epochs, -(-examples // self.batch))

    def order(self, examples: int, epoch: int) -> list[list[list[int]]]:
        """Every example once in an order of this epoch's own: indices by step and pass."""
        generator = torch.Generator().manual_seed(self.seed + 1000 * epoch)
        shuffled = torch.randperm(examples, generator=generator)
        return [
            [one_pass.tolist() for one_pass in step.split(self.at_once)]
            for step in shuffled.split(self.batch)
            if len(step)
        ]


def batches(plan: EpochPlan, clips: PoseTrackClips, *, first: int, workers: int) -> Iterator[Passes]:
    """The batches of all epochs, from step `first` on.

    Args:
        workers: processes that read images.
    """
    steps = plan.clock(len(clips)).steps
    for epoch in range(first // steps, plan.epochs):
        todo = plan.order(len(clips), epoch)[max(0, first - epoch * steps) :]
        clips.epoch = epoch
        loader: DataLoader[Any] = DataLoader(
            clips,
            batch_sampler=[indices for passes in todo for indices in passes],
            num_workers=workers,
            worker_init_fn=start_worker,
            generator=torch.Generator(),  # for its workers' seeds: a step's draws do not depend on where a loader began
            pin_memory=torch.cuda.is_available(),
        )
        loaded = iter(loader)
        for passes in todo:
            examples = sum(len(indices) for indices in passes)
            yield Passes([len(indices) / examples for indices in passes], loaded)

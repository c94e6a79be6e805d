"""Endless batches from a data set whose items are numbered."""

import signal
from collections.abc import Iterator
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, Sampler


def items_from(dataset: Dataset[Any], *, first: int, batch: int | None = None) -> Iterator[Any]:
    """Items `first`, `first` + 1 and so on without end, made by a worker process: `batch` at a time, or one by one."""
    yield from DataLoader(
        dataset,
        batch_size=batch,
        sampler=_NumbersFrom(first),
        num_workers=1,
        prefetch_factor=6,
        worker_init_fn=start_worker,
        generator=torch.Generator(),  # for its workers' seeds: a step's draws do not depend on where a loader began
    )


class _NumbersFrom(Sampler[int]):
    def __init__(self, first: int) -> None:
        self._first = first

    def __iter__(self) -> Iterator[int]:
        number = self._first
        while True:
            yield number
            number += 1


def start_worker(_worker: int) -> None:
    """Prepare a process that makes batches: one thread for OpenCV, or the workers would crowd each other out."""
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the training stops its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

"""Pairs of neighbouring key frames of JHMDB's held-out films, as filmed and spoilt: what the refiner is judged on."""

from collections.abc import Iterator
from typing import Final, Literal, get_args

import numpy as np
import torch
from torch.utils.data import Dataset

from jmpose_core.estimation.clip import DELTA
from jmpose_core.evaluation.pck import person_sizes
from train.motion.degradation import Degradation, drawn
from train.motion.jhmdb import DecodedClips
from train.motion.measures import Truth
from train.motion.samples import Sample, real_sample

Condition = Literal["clean", "key frame spoilt", "stretch spoilt"]
CONDITIONS: Final[tuple[Condition, ...]] = get_args(Condition)
PAIRS: Final = 4  # of each clip, evenly spread
_SEED: Final = 20


class HeldOutPairs(Dataset[dict[str, torch.Tensor]]):
    """Samples of the key frames of every pair, two in a row; always the same.

    Args:
        clips: held-out clips, decoded.
        crop_size: height, width.
        condition: what is spoilt. Both frames of a pair have the same kind of fault.
        pairs: of each clip.
        reach: frames on either side of a key frame.
    """

    def __init__(
        self,
        clips: DecodedClips,
        crop_size: tuple[int, int],
        condition: Condition,
        *,
        pairs: int = PAIRS,
        reach: int = DELTA,
    ) -> None:
        self.clips, self.crop_size, self.condition, self.reach = clips, crop_size, condition, reach
        self.keys = [
            (clip, int(first) + step)
            for clip, labelled in enumerate(clips.clips)
            for first in np.unique(np.linspace(DELTA, len(labelled) - 2 - DELTA, pairs).round())
            for step in (0, 1)
        ]

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.sample(index).tensors()

    def sample(self, index: int) -> Sample:
        clip, key = self.keys[index]
        of_pair = np.random.default_rng([_SEED, index // 2])
        faults: list[Degradation] = []
        if self.condition != "clean":
            faults = [drawn(of_pair, "key" if self.condition == "key frame spoilt" else "stretch")]
        rng = np.random.default_rng([_SEED, 1, index])
        patch = self.clips.frame(int(of_pair.integers(len(self.clips.clips))), 0)
        return real_sample(self.clips, clip, key, self.crop_size, rng, faults=faults, patch=patch, reach=self.reach)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        return (self[index] for index in range(len(self)))

    def truth(self, image_from_cells: torch.Tensor) -> Truth:
        """Of all samples, given their maps (N, 2, 3)."""
        clips = self.clips.clips
        joints = np.stack([clips[clip].keypoints[key] for clip, key in self.keys]).astype(np.float64)
        labelled = np.stack([clips[clip].weight[key] for clip, key in self.keys]) > 0.5
        return Truth(
            joints=joints,
            labelled=labelled,
            person=person_sizes(joints, labelled),
            group=np.array([clips[clip].source for clip, _ in self.keys]),
            image_from_cells=image_from_cells.double().numpy(),
        )

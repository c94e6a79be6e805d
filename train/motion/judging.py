"""Held-out films after the fixed parts, and what a refiner makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.network import PoseNetwork
from train.motion.encoding import FlowOf, box_priors, calm, encoded, on
from train.motion.held_out import CONDITIONS, HeldOutPairs
from train.motion.jhmdb import DecodedClips
from train.motion.measures import Table, found_by, measured, summary


@dataclass(frozen=True, slots=True)
class Judge:
    """Held-out clips of each condition after the fixed parts, and what is true of them."""

    clips: Mapping[str, tuple[ClipMaps, HeldOutPairs, Tensor]]

    @classmethod
    def of(
        cls, network: PoseNetwork, flow_of: FlowOf, held_out: DecodedClips, *, pairs: int, batch: int, workers: int
    ) -> "Judge":
        found = {}
        for condition in CONDITIONS:
            dataset = HeldOutPairs(held_out, network.crop_size, condition, pairs=pairs)
            loader = DataLoader(dataset, batch_size=batch, num_workers=workers, worker_init_fn=calm)
            parts, places = [], []
            for shown in loader:
                moved = on(network.mean.device, shown)
                size = (network.crop_size[0] // 4, network.crop_size[1] // 4)
                priors = box_priors(moved, size) if network.takes_prior else None
                parts.append(encoded(network, moved, priors, flow_of).to(network.mean.device, torch.float16))
                places.append(shown["image_from_cells"])
            found[condition] = (joined(parts), dataset, torch.cat(places))
        return cls(found)

    def tables(self, refiner: Refiner, device: torch.device) -> dict[str, Table]:
        """Measures of each condition."""
        return {
            condition: measured(found_by(refiner, maps, device), dataset.truth(places))
            for condition, (maps, dataset, places) in self.clips.items()
        }

    def figures(self, refiner: Refiner, device: torch.device) -> dict[str, float]:
        """Means by condition, measure and stage."""
        return {
            f"{condition}, {name}": round(value, 2)
            for condition, table in self.tables(refiner, device).items()
            for name, value in summary(table).items()
        }


def joined(parts: list[ClipMaps]) -> ClipMaps:
    """One after another."""
    flow = torch.cat([part.flow for part in parts if part.flow is not None])
    return ClipMaps(torch.cat([part.initial for part in parts]), (torch.cat([p.features[-1] for p in parts]),), flow)

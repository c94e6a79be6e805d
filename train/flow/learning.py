"""Both guided RAFTs learn from the same batches: synthetic pairs, and from a third of the time on real frames too."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from jmpose_core.model.guided_raft import GuidedRaft, guided_raft_lite, guided_raft_small
from train.flow.batches import Searcher, StartedBatches, StartedPairs, mirrored_flow
from train.flow.losses import known_flow_loss, prepared, real_frames_loss, total_of
from train.flow.package import FlowMaterial
from train.flow.pairs import FlowPair
from train.flow.rendering import PairRenderer, Pairs
from train.loop.clock import TimeBudget
from train.loop.learning import learn
from train.loop.schedule import Schedule
from train.loop.training import Loss, Training

NETWORKS: Final = {"raft_small": guided_raft_small, "raft_lite": guided_raft_lite}
SIZE: Final = (192, 144)  # height, width: jmpose_lite's flow size
UPDATES: Final = 3
SCHEDULE: Final = Schedule(peak=8e-4, rise=0.05, floor=0.0)
WEIGHT_DECAY: Final = 1e-5
LARGEST_GRADIENT: Final = 1.0
REAL_FROM: Final = 0.3  # of the time
MOTION_WARM_UP: Final = 8  # groups over which the motion grows from 0.4 of its reach to all of it
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Sizes:
    """Pairs a batch, batches a group that is rendered at once, groups kept for being seen again, real people a batch,
    threads that search."""

    batch: int
    group: int
    kept: int
    real: int
    threads: int


ON_GPU: Final = Sizes(batch=64, group=4, kept=40, real=12, threads=6)
ON_CPU: Final = Sizes(batch=8, group=2, kept=0, real=2, threads=1)


class FlowLearning:
    """Networks, batches and losses on one device.

    Args:
        material: what they learn from and are measured on.
        minutes: of learning.
    """

    def __init__(self, material: FlowMaterial, device: torch.device, *, minutes: float, sizes: Sizes) -> None:
        self.device = device
        self.sizes = sizes
        self.searcher = Searcher(sizes.threads, fine=True)
        networks = nn.ModuleDict({name: build() for name, build in NETWORKS.items()}).to(device).train()
        optimiser = torch.optim.AdamW(
            networks.parameters(), lr=SCHEDULE.peak, weight_decay=WEIGHT_DECAY, fused=device.type == "cuda"
        )
        self.training = Training(networks, optimiser, SCHEDULE, LARGEST_GRADIENT)
        self.minutes = minutes
        renderer = PairRenderer(material.textures.to(device), SIZE)

        def render(number: int) -> Pairs:
            reach = min(1.0, 0.4 + 0.6 * number / MOTION_WARM_UP)
            return renderer.render(sizes.batch * sizes.group, seed=SEED * 1_000_003 + number, reach=reach)

        self.batches = StartedBatches(render, batch=sizes.batch, searcher=self.searcher, kept=sizes.kept)
        self.real = RealFrames(material.real, device, self.searcher)
        self.held_out = _Measured(material.held_out, device, self.searcher)

    def run(self, out: Path, *, save_secs: float = 60.0) -> dict[str, float]:
        """Learn until the time is spent; leaves log.jsonl, checkpoint.pt and NAME.safetensors (float16) in `out`."""

        def validate() -> Mapping[str, float]:
            self.save(out)
            counts = {"fresh_batches": self.batches.fresh, "repeated_batches": self.batches.repeated}
            return {**self.held_out.errors(self.averages()), **counts}

        clock = TimeBudget(self.minutes, save_secs)
        return learn(self.training, iter(self.batches), clock, loss_of=self._loss, validate=validate, out=out)

    def save(self, out: Path) -> None:
        """Write the averaged weights."""
        for name, network in self.averages().items():
            state = {key: _halved(tensor) for key, tensor in network.state_dict().items()}
            save_file(state, out / f"{name}.safetensors")

    def averages(self) -> dict[str, GuidedRaft]:
        """The averaged networks by name."""
        return dict(self.training.average.network.items())  # type: ignore[arg-type]

    def _loss(self, pairs: StartedPairs) -> Loss:
        parts: dict[str, Tensor] = {}
        total = torch.zeros((), device=self.device)
        with_real = TimeBudget(self.minutes).progress(self.training) >= REAL_FROM
        real = self.real.batch(self.sizes.real) if with_real else None
        for name, network in self.training.network.items():
            assert isinstance(network, GuidedRaft)
            own = known_flow_loss(network, pairs, UPDATES)
            total = total + total_of(own)
            if real is not None:
                own |= real_frames_loss(network, *real, UPDATES)
                total = total + own["real"]
            parts |= {f"{name}_{part}": value for part, value in own.items()}
        if real is None:  # the log's lines have the same columns throughout
            zero = torch.zeros((), device=self.device)
            parts |= {f"{name}_{part}": zero for name in NETWORKS for part in ("real", "census", "teacher_better")}
        return Loss(total, parts)


class RealFrames:
    """People over three frames: three pairs each, with the search's answers in both directions."""

    def __init__(self, people: Tensor, device: torch.device, searcher: Searcher) -> None:
        first, second = (torch.cat([people[:, side] for side in sides]) for sides in ((0, 1, 0), (1, 2, 2)))
        both = torch.cat([first, second]), torch.cat([second, first])
        self._first, self._second = first.to(device), second.to(device)
        # (N, 2, 2, H, W): forward, backward
        self._starts = torch.stack(searcher.all(*both).chunk(2), 1).half().to(device)
        self._generator = torch.Generator(device).manual_seed(SEED)

    def batch(self, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Arguments of `real_frames_loss`: half of the batches mirrored, colours and noise disturbed."""
        device = self._first.device
        chosen = torch.randint(len(self._first), (count,), generator=self._generator, device=device)
        first, second = self._first[chosen], self._second[chosen]
        starts = self._starts[chosen].float().transpose(0, 1).flatten(0, 1)
        if bool(torch.rand((), generator=self._generator, device=device) < 0.5):
            first, second, starts = first.flip(-1), second.flip(-1), mirrored_flow(starts)
        return first, second, starts, starts  # what it starts from is also its teacher


class _Measured:
    """Held-out pairs on a device."""

    def __init__(self, pairs: list[FlowPair], device: torch.device, searcher: Searcher) -> None:
        def stacked(arrays: list[np.ndarray]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(np.stack(arrays).transpose(0, 3, 1, 2))).to(device)

        self._first = stacked([pair.first for pair in pairs])
        self._second = stacked([pair.second for pair in pairs])
        self._flow = stacked([pair.flow for pair in pairs])
        self._visible = torch.from_numpy(np.stack([pair.visible for pair in pairs])).to(device)
        self._start = searcher.all(self._first, self._second).to(device)

    @torch.no_grad()
    def errors(self, networks: Mapping[str, GuidedRaft]) -> dict[str, float]:
        """Mean end-point error of visible pixels, of each network and of the start."""
        found = {"start_epe": self._error(self._start)}
        for name, network in networks.items():
            answer = network(prepared(self._first), prepared(self._second), self._start, UPDATES)[-1]
            found[f"{name}_epe"] = self._error(answer)
        return found

    def _error(self, flow: Tensor) -> float:
        return float((flow - self._flow).norm(dim=1)[self._visible].mean())


def _halved(tensor: Tensor) -> Tensor:
    return (tensor.half() if tensor.is_floating_point() else tensor).cpu().contiguous()

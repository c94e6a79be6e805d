"""The refiner's training on clips of real and made motion: encoding and learning in turns, on one device."""

import copy
import itertools
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from jmpose_core.devices import autocast
from jmpose_core.estimation.clip import DELTA
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.heatmaps import SIGMA_LITE
from jmpose_core.model.jmpose import BUNDLED, Switches, jmpose_lite_refiner
from jmpose_core.model.network import PoseNetwork, adjacent_pairs
from train.loop.checkpoint import read_checkpoint, save_checkpoint
from train.loop.schedule import Schedule
from train.loop.training import decay_groups
from train.motion.encoding import FlowOf, Pool, box_priors, encoded, varied_priors
from train.motion.held_out import CONDITIONS, HeldOutPairs
from train.motion.jhmdb import DecodedClips
from train.motion.measures import found_by, measured, summary
from train.motion.samples import MovingPeople
from train.objectives.gradient_share import GradientShare
from train.objectives.heatmap_losses import heatmap_loss
from train.objectives.information import GaussianInformation, information_orthogonality

SCHEDULE: Final = Schedule(peak=2e-3, rise=0.04, floor=0.005)
WEIGHT_DECAY: Final = 0.02
LARGEST_GRADIENT: Final = 1.0
AVERAGE_DECAY: Final = 0.998
IO_SHARE: Final = 0.05  # of the heatmap loss's gradient
SHARE_EVERY: Final = 50  # steps between two measurements of it
LOG_EVERY: Final = 50
AHEAD: Final = 2  # batches that each worker makes before they are asked for
_MOST_TURNS: Final = 64  # steps for each encoded batch, where clips come slowly
_WAITED: Final = 0.02  # seconds that a batch may be waited for


@dataclass(frozen=True, slots=True)
class Plan:
    """How a training spends its time.

    seconds: of learning. encode: clips encoded at once. batch: clips a step. capacity: clips kept.
    workers: processes that make clips. first_turns: steps after each encoded batch, at the start.
    alpha: weight of the IO objective; None sets it so that the objective has `share` of the gradient.
    """

    seconds: float
    encode: int = 64
    batch: int = 128
    capacity: int = 16384
    workers: int = 16
    first_turns: int = 3
    validate_secs: float = 45.0
    alpha: float | None = None
    share: float = IO_SHARE
    seed: int = 1


def lite_network(switches: Switches = BUNDLED, *, prior: bool) -> PoseNetwork:
    """jmpose_lite without its flow, which is the caller's."""
    return PoseNetwork(
        backbone=CompactBackbone(prior=prior),
        flow=None,
        refiner=jmpose_lite_refiner(**switches),
        crop_size=(256, 192),
        flow_pairs=adjacent_pairs(DELTA),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        heatmap_sigma=SIGMA_LITE,
        softmax=True,
    )


@dataclass
class RefinerTraining:
    """A refiner that learns behind fixed parts, its moving average, and all that a checkpoint holds."""

    network: PoseNetwork
    flow_of: FlowOf
    plan: Plan
    step: int = 0
    elapsed_secs: float = 0.0
    average: nn.Module = field(init=False)
    optimiser: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        refiner = self.network.refiner
        self.device = self.network.mean.device
        self.average = copy.deepcopy(refiner).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(decay_groups(refiner, WEIGHT_DECAY), lr=SCHEDULE.peak, fused=True)
        self.estimate = GaussianInformation(cells=256)
        self.io = GradientShare(self.plan.share, self.plan.alpha)

    @property
    def progress(self) -> float:
        return self.elapsed_secs / self.plan.seconds

    def descend(self, batch: tuple[ClipMaps, Tensor, Tensor]) -> dict[str, Tensor]:
        """One step; the losses, for the log."""
        maps, joints, weight = batch
        refiner = self.network.refiner
        for group in self.optimiser.param_groups:
            group["lr"] = SCHEDULE.rate(self.progress)
        with autocast(self.device):
            output = refiner(maps)
        fit = heatmap_loss(self.network, output.logits, joints, weight)
        layers = (output.joint_features, output.motion_features)
        terms = information_orthogonality(self.estimate, *layers, output.aggregated)
        if self.step % SHARE_EVERY == 0 and output.joint_features:
            self.io.measure(fit, terms, (*output.joint_features, *output.motion_features))
        self.optimiser.zero_grad()
        (fit + self.io.alpha * terms.total).backward()
        norm = nn.utils.clip_grad_norm_(refiner.parameters(), LARGEST_GRADIENT)
        # A step whose gradient overflows is left out by the optimiser itself: to ask here would wait for a GPU.
        self.optimiser.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
        self.optimiser.step()
        self.step += 1
        self._follow()
        parts = {"loss": fit, "relevancy": terms.relevancy, "complement": terms.complement}
        return {name: part.detach() for name, part in (parts | {"redundancy": terms.redundancy}).items()}

    @torch.no_grad()
    def _follow(self) -> None:
        kept = min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step))
        mean, own = (list(network.state_dict().values()) for network in (self.average, self.network.refiner))
        floats = [index for index, value in enumerate(mean) if value.dtype.is_floating_point]
        torch._foreach_lerp_([mean[index] for index in floats], [own[index] for index in floats], 1 - kept)

    def save(self, path: Path) -> None:
        """Write a checkpoint whole or not at all."""
        entries = {"network": self.network.refiner, "average": self.average, "optimiser": self.optimiser}
        state = {name: entry.state_dict() for name, entry in entries.items()}
        save_checkpoint(path, state | {"step": self.step, "elapsed_secs": self.elapsed_secs})

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = read_checkpoint(path)
        self.network.refiner.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.elapsed_secs = state["step"], state["elapsed_secs"]


@dataclass(frozen=True, slots=True)
class Judge:
    """Held-out clips of each condition after the fixed parts, and what is true of them."""

    clips: Mapping[str, tuple[ClipMaps, HeldOutPairs, Tensor]]

    @classmethod
    def of(cls, network: PoseNetwork, flow_of: FlowOf, held_out: DecodedClips, plan: Plan, *, pairs: int) -> "Judge":
        found = {}
        for condition in CONDITIONS:
            dataset = HeldOutPairs(held_out, network.crop_size, condition, pairs=pairs)
            loader = DataLoader(dataset, batch_size=plan.encode, num_workers=plan.workers, worker_init_fn=calm)
            parts, places = [], []
            for batch in loader:
                moved = on(network.mean.device, batch)
                size = (network.crop_size[0] // 4, network.crop_size[1] // 4)
                priors = box_priors(moved, size) if network.takes_prior else None
                parts.append(encoded(network, moved, priors, flow_of).to(network.mean.device, torch.float16))
                places.append(batch["image_from_cells"])
            found[condition] = (joined(parts), dataset, torch.cat(places))
        return cls(found)

    def figures(self, refiner: nn.Module, device: torch.device) -> dict[str, float]:
        """Means by condition, measure and stage."""
        report = {}
        for condition, (maps, dataset, places) in self.clips.items():
            whole = with_all_frames(maps)
            table = measured(found_by(refiner, whole, device), dataset.truth(places))  # type: ignore[arg-type]
            report |= {f"{condition}, {name}": round(value, 2) for name, value in summary(table).items()}
        return report


def joined(parts: list[ClipMaps]) -> ClipMaps:
    """One after another."""
    flow = torch.cat([part.flow for part in parts if part.flow is not None])
    return ClipMaps(torch.cat([part.initial for part in parts]), (torch.cat([p.features[-1] for p in parts]),), flow)


def with_all_frames(maps: ClipMaps) -> ClipMaps:
    """The key frame's feature in the place of every frame's."""
    return ClipMaps(maps.initial, (maps.features[-1].expand(-1, maps.initial.shape[1], -1, -1, -1),), maps.flow)


def learn(
    training: RefinerTraining, samples: MovingPeople, judge: Judge | None, out: Path, published: Path
) -> dict[str, float]:
    """Encode and learn in turns until the time is spent.

    Args:
        out: gets refiner-checkpoint.pt.
        published: gets refiner.safetensors, the moving average in half precision, and refiner-log.jsonl, each time
            that the held-out clips are judged.

    Returns:
        The last figures.
    """
    plan, device = training.plan, training.device
    pool = Pool(plan.capacity, device)
    draws = torch.Generator().manual_seed(plan.seed + training.step)
    noise = torch.Generator(device).manual_seed(plan.seed + training.step)
    turns, validated, recent = plan.first_turns, training.elapsed_secs, []
    figures: dict[str, float] = {}
    if judge is not None:
        _note(published, training, judge.figures(training.average, device))
    training.network.refiner.train()
    batches = _batches(samples, plan)
    while training.progress < 1:
        started = time.perf_counter()
        batch = next(batches)
        waited = time.perf_counter() - started
        turns = min(_MOST_TURNS, turns + 1) if waited > _WAITED else max(1, turns - 1)
        _encode(training, pool, on(device, batch), noise)
        for _ in range(turns):
            recent.append(training.descend(pool.drawn(plan.batch, draws)))
            training.elapsed_secs += time.perf_counter() - started
            started = time.perf_counter()
            if len(recent) == LOG_EVERY:
                _note(
                    published, training, _means(recent) | training.io.figures() | {"turns": turns, "clips": pool.added}
                )
                recent.clear()
        if training.elapsed_secs - validated >= plan.validate_secs or training.progress >= 1:
            validated = training.elapsed_secs
            training.save(out / "refiner-checkpoint.pt")
            save_half(published / "refiner.safetensors", training.average.state_dict())
            if judge is not None:
                figures = judge.figures(training.average, device)
                _note(published, training, figures)
    return figures


def save_half(place: Path, state: Mapping[str, Tensor]) -> None:
    """Write tensors, floating ones in half precision."""
    halves = {name: value.half() if value.dtype.is_floating_point else value for name, value in state.items()}
    save_file({name: value.cpu().contiguous() for name, value in halves.items()}, place)


def _encode(training: RefinerTraining, pool: Pool, batch: Mapping[str, Tensor], noise: torch.Generator) -> None:
    network = training.network
    size = (network.crop_size[0] // 4, network.crop_size[1] // 4)
    priors = varied_priors(batch, size, noise) if network.takes_prior else None
    pool.add(encoded(network, batch, priors, training.flow_of), batch["joints"], batch["weight"])


def _batches(samples: MovingPeople, plan: Plan) -> Iterator[Mapping[str, Tensor]]:
    loader = DataLoader(
        samples,
        batch_size=plan.encode,
        sampler=itertools.count(),  # type: ignore[arg-type]
        num_workers=plan.workers,
        prefetch_factor=AHEAD if plan.workers else None,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=calm,
    )
    return iter(loader)


def on(device: torch.device, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}


def calm(_worker: int) -> None:
    """One thread a worker process: there is one for every core."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _means(parts: list[dict[str, Tensor]]) -> dict[str, float]:
    return {name: float(torch.stack([part[name] for part in parts]).mean()) for name in parts[0]}


def _note(out: Path, training: RefinerTraining, entry: Mapping[str, float]) -> None:
    where = {"step": training.step, "elapsed_secs": round(training.elapsed_secs, 1)}
    line = json.dumps(where | {name: round(value, 5) for name, value in entry.items()}) + "\n"
    with (out / "refiner-log.jsonl").open("a") as file:
        file.write(line)
    sys.stdout.write(line)
    sys.stdout.flush()

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

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from jmpose_core.devices import autocast
from jmpose_core.estimation.clip import DELTA
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.heatmaps import SIGMA_LITE, encode
from jmpose_core.model.jmpose import JMPoseOutput
from jmpose_core.model.network import PoseNetwork, adjacent_pairs
from train.loop.checkpoint import read_checkpoint, save_checkpoint
from train.loop.schedule import Schedule
from train.loop.training import decay_groups
from train.motion.encoding import FlowOf, Pool, calm, encoded, on, varied_priors
from train.motion.judging import Judge
from train.motion.samples import MovingPeople
from train.objectives.gradient_share import GradientShare
from train.objectives.heatmap_losses import heatmap_loss
from train.objectives.information import GaussianInformation, information_orthogonality
from train.objectives.of_system import InformationObjective

SCHEDULE: Final = Schedule(peak=2e-3, rise=0.04, floor=0.005)
WEIGHT_DECAY: Final = 0.02
LARGEST_GRADIENT: Final = 1.0
AVERAGE_DECAY: Final = 0.998
IO_SHARE: Final = 0.05  # of the heatmap loss's gradient
SIBLINGS_ALPHA: Final = 1e-4  # of the siblings' own terms, corrected
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


def lite_network(refiner: Refiner, *, prior: bool) -> PoseNetwork:
    """A system of the lite size without its flow, which is the caller's."""
    return behind(CompactBackbone(prior=prior), refiner)


def behind(backbone: nn.Module, refiner: Refiner) -> PoseNetwork:
    """A refiner of the lite size behind a compact backbone."""
    return PoseNetwork(
        backbone=backbone,
        flow=None,
        refiner=refiner,
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
    average: Refiner = field(init=False)
    optimiser: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        refiner = self.network.refiner
        self.device = self.network.mean.device
        self.average = copy.deepcopy(refiner).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(decay_groups(refiner, WEIGHT_DECAY), lr=SCHEDULE.peak, fused=True)
        self._estimate = GaussianInformation(cells=256)
        self._terms = InformationObjective(self.network, "gauss", SIBLINGS_ALPHA)
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
            output = refiner(maps.for_refiner(refiner))
        fit = heatmap_loss(self.network, output.logits, joints, weight)
        if isinstance(output, JMPoseOutput):
            information, parts = self._orthogonality(output, fit)
        else:
            truth = encode(joints, output.refined.shape[-2:], self.network.heatmap_sigma) * weight[..., None, None]
            information = self._terms(output, truth).total
            parts = {}
        self.optimiser.zero_grad()
        (fit + information).backward()
        norm = nn.utils.clip_grad_norm_(refiner.parameters(), LARGEST_GRADIENT)
        # A step whose gradient overflows is left out by the optimiser itself: to ask here would wait for a GPU.
        self.optimiser.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
        self.optimiser.step()
        self.step += 1
        self._follow()
        return {name: part.detach() for name, part in ({"loss": fit} | parts).items()}

    def _orthogonality(self, output: JMPoseOutput, fit: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighed IO objective, and its three terms."""
        layers = (output.joint_features, output.motion_features)
        terms = information_orthogonality(self._estimate, *layers, output.aggregated)
        if self.step % SHARE_EVERY == 0 and output.joint_features:
            self.io.measure(fit, terms, (*output.joint_features, *output.motion_features))
        named = {"relevancy": terms.relevancy, "complement": terms.complement, "redundancy": terms.redundancy}
        return self.io.alpha * terms.total, named

    @torch.no_grad()
    def _follow(self) -> None:
        kept = min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step))
        mean, own = (list(network.state_dict().values()) for network in (self.average, self.network.refiner))
        floats = [index for index, value in enumerate(mean) if value.dtype.is_floating_point]
        means, owns = [mean[index] for index in floats], [own[index] for index in floats]
        torch._foreach_lerp_(means, owns, 1 - kept)  # pyright: ignore[reportPrivateImportUsage] - one kernel for all

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


def learn(
    training: RefinerTraining, samples: MovingPeople, judge: Judge | None, out: Path, published: Path
) -> tuple[dict[str, float], Pool]:
    """Encode and learn in turns until the time is spent.

    Args:
        out: gets refiner-checkpoint.pt.
        published: gets refiner.safetensors, the moving average in half precision, and refiner-log.jsonl, each time
            that the held-out clips are judged.

    Returns:
        The last figures, and the clips that were learnt from last.
    """
    plan, device = training.plan, training.device
    pool = Pool(plan.capacity, device)
    draws = torch.Generator().manual_seed(plan.seed + training.step)
    noise = torch.Generator(device).manual_seed(plan.seed + training.step)
    turns, validated, recent = plan.first_turns, training.elapsed_secs, []
    figures: dict[str, float] = {}
    if judge is not None:
        note(published, training, judge.figures(training.average, device))
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
                progress = {"turns": turns, "clips": pool.added}
                note(published, training, _means(recent) | training.io.figures() | progress)
                recent.clear()
        if training.elapsed_secs - validated >= plan.validate_secs or training.progress >= 1:
            validated = training.elapsed_secs
            training.save(out / "refiner-checkpoint.pt")
            save_half(published / "refiner.safetensors", training.average.state_dict())
            if judge is not None:
                figures = judge.figures(training.average, device)
                note(published, training, figures)
    return figures, pool


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


def _means(parts: list[dict[str, Tensor]]) -> dict[str, float]:
    return {name: float(torch.stack([part[name] for part in parts]).mean()) for name in parts[0]}


def note(out: Path, training: RefinerTraining, entry: Mapping[str, float], **names: str) -> None:
    """A line of the log, to its file and to standard output."""
    where = {"step": training.step, "elapsed_secs": round(training.elapsed_secs, 1)}
    line = json.dumps(where | names | {name: round(value, 5) for name, value in entry.items()}) + "\n"
    with (out / "refiner-log.jsonl").open("a") as file:
        file.write(line)
    sys.stdout.write(line)
    sys.stdout.flush()

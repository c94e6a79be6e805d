"""The refiner's training on clips of real and made motion: encoding and learning in turns, on one device."""

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader

from jmpose_core.devices import autocast
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.heatmaps import encode
from jmpose_core.model.jmpose import JMPoseOutput
from jmpose_core.model.network import PoseNetwork
from train.loop.clock import Epochs, TimeBudget
from train.loop.learning import learn
from train.loop.schedule import Schedule
from train.loop.training import Loss, Training, decay_groups
from train.motion.encoding import FlowOf, Pool, calm, encoded, on, varied_priors
from train.motion.judging import Judge
from train.motion.samples import MovingPeople
from train.objectives.gradient_share import GradientShare
from train.objectives.heatmap_losses import heatmap_loss
from train.objectives.information import GaussianInformation, information_orthogonality
from train.objectives.of_system import InformationObjective

EncodedClips: TypeAlias = tuple[ClipMaps, Tensor, Tensor]  # with joints in cells (B, K, 2) and weights (B, K)

SCHEDULE: Final = Schedule(peak=2e-3, rise=0.04, floor=0.005)
WEIGHT_DECAY: Final = 0.02
LARGEST_GRADIENT: Final = 1.0
AVERAGE_DECAY: Final = 0.998
IO_SHARE: Final = 0.05  # of the heatmap loss's gradient
SIBLINGS_ALPHA: Final = 1e-4  # of the siblings' own terms, corrected
SHARE_EVERY: Final = 50  # steps between two measurements of it
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


class RefinerLearning:
    """A refiner that learns behind fixed parts: its loss on encoded clips, and its training.

    Args:
        network: the refiner and its fixed backbone.
        flow_of: how the fixed parts find flow.
        plan: weight of the IO objective; how clips are made and drawn.
    """

    def __init__(self, network: PoseNetwork, flow_of: FlowOf, plan: Plan) -> None:
        self.network, self.flow_of, self.plan = network, flow_of, plan
        self.device = network.mean.device
        refiner = network.refiner
        optimiser = torch.optim.AdamW(decay_groups(refiner, WEIGHT_DECAY), lr=SCHEDULE.peak, fused=True)
        self.training = Training(refiner, optimiser, SCHEDULE, LARGEST_GRADIENT, decay=AVERAGE_DECAY, seed=plan.seed)
        self.io = GradientShare(plan.share, plan.alpha)
        self.pool = Pool(plan.capacity, self.device)
        self._estimate = GaussianInformation(cells=256)
        self._terms = InformationObjective(network, "gauss", SIBLINGS_ALPHA)

    @property
    def average(self) -> Refiner:
        """The moving average of the refiner: what is judged and published."""
        return self.training.average.network

    def loss(self, batch: EncodedClips) -> Loss:
        """Heatmap loss and IO objective of a batch of encoded clips."""
        maps, joints, weight = batch
        refiner = self.network.refiner
        with autocast(self.device):
            output = refiner(maps.for_refiner(refiner))
        fit = heatmap_loss(self.network, output.logits, joints, weight)
        if isinstance(output, JMPoseOutput):
            information, parts = self._orthogonality(output, fit)
        else:
            truth = encode(joints, output.refined.shape[-2:], self.network.heatmap_sigma) * weight[..., None, None]
            information, parts = self._terms(output, truth).total, {}
        return Loss(fit + information, {"loss": fit} | parts)

    def learn(self, samples: MovingPeople, judge: Judge | None, out: Path, published: Path) -> dict[str, float]:
        """Encode clips and learn from them in turns until the plan's time is spent.

        A resumed training goes on with the weights; the clips that were encoded before are made anew.

        Args:
            out: gets checkpoint.pt and log.jsonl.
            published: gets refiner.safetensors, the moving average in half precision, each time that it is judged.

        Returns:
            The last figures; empty without a judge.
        """

        def validate() -> dict[str, float]:
            save_half(published / "refiner.safetensors", self.average.state_dict())
            return {} if judge is None else judge.figures(self.average, self.device)

        self.network.refiner.train()
        return learn(
            self.training,
            self._clips(samples),
            TimeBudget(self.plan.seconds / 60, self.plan.validate_secs),
            loss_of=self.loss,
            validate=validate,
            out=out,
        )

    def encode_clips(self, samples: MovingPeople, count: int) -> None:
        """Encode the first clips of a row, without learning from them yet."""
        noise = torch.Generator(self.device).manual_seed(self.plan.seed)
        made = _made(samples, self.plan)
        while self.pool.added < count:
            self._encode(on(self.device, next(made)), noise)

    def learn_from(self, pool: Pool, *, steps: int, batch: int, seed: int) -> None:
        """Learn a number of steps from clips that are encoded already."""
        draws = torch.Generator().manual_seed(seed)
        self.network.refiner.train()
        batches = (pool.drawn(batch, draws) for _ in itertools.count())
        learn(self.training, batches, Epochs(1, steps), loss_of=self.loss, echo=False)

    def _clips(self, samples: MovingPeople) -> Iterator[EncodedClips]:
        """Batches of encoded clips; more of them for each newly encoded one where clips come slowly."""
        plan = self.plan
        draws = torch.Generator().manual_seed(plan.seed + self.training.step)
        noise = torch.Generator(self.device).manual_seed(plan.seed + self.training.step)
        turns, made = plan.first_turns, _made(samples, plan)
        while True:
            started = time.perf_counter()
            batch = next(made)
            waited = time.perf_counter() - started
            turns = min(_MOST_TURNS, turns + 1) if waited > _WAITED else max(1, turns - 1)
            self._encode(on(self.device, batch), noise)
            for _ in range(turns):
                yield self.pool.drawn(plan.batch, draws)

    def _encode(self, batch: Mapping[str, Tensor], noise: torch.Generator) -> None:
        size = (self.network.crop_size[0] // 4, self.network.crop_size[1] // 4)
        priors = varied_priors(batch, size, noise) if self.network.takes_prior else None
        self.pool.add(encoded(self.network, batch, priors, self.flow_of), batch["joints"], batch["weight"])

    def _orthogonality(self, output: JMPoseOutput, fit: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighed IO objective; its three terms and what they weigh."""
        layers = (output.joint_features, output.motion_features)
        terms = information_orthogonality(self._estimate, *layers, output.aggregated)
        if self.training.step % SHARE_EVERY == 0 and output.joint_features:
            self.io.measure(fit, terms, (*output.joint_features, *output.motion_features))
        named = {"relevancy": terms.relevancy, "complement": terms.complement, "redundancy": terms.redundancy}
        weighs = {name: torch.tensor(value) for name, value in self.io.figures().items()}
        return self.io.alpha * terms.total, named | weighs


def save_half(place: Path, state: Mapping[str, Tensor]) -> None:
    """Write tensors, floating ones in half precision."""
    halves = {name: value.half() if value.dtype.is_floating_point else value for name, value in state.items()}
    save_file({name: value.cpu().contiguous() for name, value in halves.items()}, place)


def _made(samples: MovingPeople, plan: Plan) -> Iterator[Mapping[str, Tensor]]:
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

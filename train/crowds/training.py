"""The compact backbone on packed people: one training, on a GPU in minutes or on a CPU in hours.

Needs torch, OpenCV, NumPy and safetensors alone, so that it runs where nothing else of the program is installed.
"""

import copy
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from jmpose_core.model.compact import CompactBackbone, backbone_of
from jmpose_core.model.prior import OWN_JOINTS
from train.crowds.bank import PeopleBank, read_bank
from train.crowds.batches import CrowdBatch, Variation, drawn_batch
from train.crowds.evaluation import evaluate
from train.crowds.objective import people_loss
from train.loop.clock import TimeBudget
from train.loop.learning import learn
from train.loop.schedule import Schedule
from train.loop.training import Training, decay_groups

DRAWS: Final = {"lspet": 1.0, "coco": 3.0, "coco2": 3.0, "jhmdb": 1.0, "videos": 0.7}
FROZEN_STAGES: Final = 2  # of the trunk: its filters down to stride 4 keep their values and cost no gradient
SCHEDULE: Final = Schedule(peak=4e-4, rise=0.04, floor=0.005)
# Times the learning rate: what MoveNet saw in far more pictures than we have is kept, what starts at zero moves faster.
TRUNK_SHARE: Final = 0.6
PRIOR_SHARE: Final = 3.0
# Of the witness, kept in what is published. A simulated witness is better than the detector is in a crowd, so training
# trusts it too much; half of it was best with the detector's own (docs/decisions/person-prior.md).
WITNESS_TRUST: Final = 0.5
BETAS: Final = (0.9, 0.99)
WEIGHT_DECAY: Final = 0.02
LARGEST_GRADIENT: Final = 5.0
RESULT: Final = "backbone.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What a training leaves: its state, the people it learnt from and those held out, the figures of its average."""

    training: Training[CompactBackbone]
    people: PeopleBank
    held_out: PeopleBank
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PeopleTraining:
    """Settings of a training on packed people.

    packs: folders that train.crowds.packing wrote. start: a weights file whose backbone is gone on from; its names
    may begin with "backbone.". out: gets backbone.safetensors and log.jsonl after every check. state: where the
    checkpoint lies. minutes: of learning. batch: crops a step. device, threads: that compute, that decode.
    every: of the people, one in so many, for a trial.
    """

    packs: Sequence[Path]
    start: Path
    out: Path
    state: Path
    minutes: float
    device: torch.device
    batch: int = 256
    threads: int = 8
    check_secs: float = 60.0
    every: int = 1
    resume: bool = False
    should_stop: Callable[[], bool] = lambda: False

    def run(self) -> Trained:
        """Train, or go on with `resume`.

        Raises:
            Cancelled: should_stop returned true; resume it.
            FormatError: a pack is missing or torn.
            WeightsError: nothing to go on from.
            ValueError: `start` holds no compact backbone.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        banks = [
            read_bank(
                self.packs,
                validation=held_out,
                draws=DRAWS,
                device=self.device,
                threads=self.threads,
                every=self.every,
            )
            for held_out in (False, True)
        ]
        _note(self.state, people=len(banks[0]), held_out=len(banks[1]), read_secs=time.perf_counter() - began)
        training = self._training()
        layout = self._faster_layout(training, banks[0])
        if self.resume:
            training.resume(self.state / "checkpoint.pt")
        else:
            _note(self.state, **evaluate(training.average.network, banks[1]))
        figures = learn(
            training,
            _batches(banks[0], self.batch, layout),
            TimeBudget(self.minutes, self.check_secs),
            loss_of=lambda batch: people_loss(training.network, batch),
            validate=lambda: self._checked(training, banks[1]),
            out=self.state,
            should_stop=self.should_stop,
        )
        figures = figures or dict(self._checked(training, banks[1]))
        self._copy_log()
        return Trained(training, banks[0], banks[1], figures)

    def _training(self) -> Training[CompactBackbone]:
        network = started_from(load_file(self.start)).to(self.device)
        network = network.to(memory_format=torch.channels_last).train()
        for part in (network.trunk.stem, *network.trunk.stages[:FROZEN_STAGES]):
            part.requires_grad_(False)
        parts = ((TRUNK_SHARE, network.trunk), (PRIOR_SHARE, network.prior))
        shares = {one: share for share, part in parts if part is not None for one in part.parameters()}
        groups = [
            {**group, "params": chosen, "share": share}
            for group in decay_groups(network, WEIGHT_DECAY)
            for share in (1.0, TRUNK_SHARE, PRIOR_SHARE)
            if (chosen := [one for one in group["params"] if shares.get(one, 1.0) == share])
        ]
        optimiser = torch.optim.AdamW(groups, lr=SCHEDULE.peak, betas=BETAS, fused=self.device.type == "cuda")
        return Training(network, optimiser, SCHEDULE, LARGEST_GRADIENT)

    def _checked(self, training: Training[CompactBackbone], held_out: PeopleBank) -> Mapping[str, float]:
        """The figures of what is published, whose weights are written beside the log."""
        network = published(training.average.network)
        figures = evaluate(network, held_out)
        half = {name: value.half().contiguous().cpu() for name, value in network.state_dict().items()}
        metadata = {"figures": json.dumps(figures), "crops": str(training.step * self.batch)}
        save_file(half, self.out / RESULT, metadata=metadata)
        self._copy_log()
        return figures

    def _copy_log(self) -> None:
        if self.out != self.state:
            shutil.copyfile(self.state / "log.jsonl", self.out / "log.jsonl")

    def _faster_layout(self, training: Training[CompactBackbone], bank: PeopleBank) -> torch.memory_format:
        """Of the two memory layouts, the one with the faster kernels on this GPU; channels last on a CPU."""
        if self.device.type != "cuda":
            return torch.channels_last
        torch.backends.cudnn.benchmark = True
        secs = {
            layout: self._secs_of(training, bank, layout) for layout in (torch.channels_last, torch.contiguous_format)
        }
        chosen = min(secs, key=lambda layout: secs[layout])
        training.network.to(memory_format=chosen)  # type: ignore[call-overload]
        _note(self.state, **{f"crops a second, {layout}": self.batch / spent for layout, spent in secs.items()})
        return chosen

    def _secs_of(self, training: Training[CompactBackbone], bank: PeopleBank, layout: torch.memory_format) -> float:
        """Seconds a batch, crops and gradient; the weights stay as they are."""
        training.network.to(memory_format=layout)  # type: ignore[call-overload]
        batches = _batches(bank, self.batch, layout)
        began = 0.0
        for step in range(10):
            if step == 5:  # the first ones choose kernels
                torch.cuda.synchronize()
                began = time.perf_counter()
            people_loss(training.network, next(batches)).total.backward()
            training.network.zero_grad()
        torch.cuda.synchronize()
        return (time.perf_counter() - began) / 5


@torch.no_grad()
def published(network: CompactBackbone) -> CompactBackbone:
    """A copy that trusts the witness of the person's own joints by WITNESS_TRUST of what it learnt."""
    copied = copy.deepcopy(network)
    if copied.prior is not None:
        copied.prior.embed.weight[:, OWN_JOINTS] *= WITNESS_TRUST
    return copied


def started_from(state: Mapping[str, Tensor]) -> CompactBackbone:
    """A backbone with a prior from the weights of one, or of a whole network, that may lack it."""
    own = backbone_of(state)
    network = CompactBackbone(prior=True)
    fresh = network.state_dict()
    known = {name: own[name].to(value.dtype) for name, value in fresh.items() if name in own}
    network.load_state_dict(fresh | known)
    missing = [name for name in fresh if name not in own and not name.startswith("prior.")]
    if missing:
        raise ValueError(f"not a compact backbone's weights: {missing[0]} is missing")
    return network


def _batches(bank: PeopleBank, count: int, layout: torch.memory_format) -> Iterator[CrowdBatch]:
    variation = Variation()
    while True:
        batch = drawn_batch(bank, count, variation)
        images, prior = (maps.contiguous(memory_format=layout) for maps in (batch.images, batch.prior))
        yield replace(batch, images=images, prior=prior)


def _note(state: Path, **entry: float) -> None:
    line = json.dumps({name: round(value, 4) for name, value in entry.items()})
    with (state / "log.jsonl").open("a") as file:
        file.write(line + "\n")
    print(line, flush=True)  # noqa: T201 - the run's output is watched

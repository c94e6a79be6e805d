"""The state of a training: what a checkpoint holds, and one step of the optimiser."""

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Final, Generic

import torch
from torch import Tensor, nn

from jmpose_core.errors import JMPoseError, WeightsError
from train.loop.checkpoint import read_checkpoint, save_checkpoint
from train.loop.moving_average import DECAY, MovingAverage, NetworkT
from train.loop.schedule import LearningRate

CHECKPOINT: Final = "checkpoint.pt"  # in a training's folder
_MOST_OVERFLOWS: Final = 20  # steps
_LONGEST_SETTING: Final = 40  # characters; a digest is longer, and nobody reads it

Setting = str | int | float


@dataclass(frozen=True, slots=True)
class Loss:
    """`total` carries the gradient; `parts`, scalars by name, are for the log."""

    total: Tensor
    parts: Mapping[str, Tensor]


@dataclass(slots=True)
class Training(Generic[NetworkT]):
    """A network that learns, with its optimiser and position.

    Args:
        network: what learns; its gradient is clipped, and its average kept.
        optimiser: a group may have a "share", which multiplies the schedule's rate, or a "rate" of its own.
        schedule: the learning rate by the training's progress.
        largest_gradient: norm to which the network's gradient is clipped.
        decay: of the moving average of the weights; None keeps no average.
        beside: other modules that the optimiser holds and a checkpoint must keep, by name.
        settings: what must be the same when the training is resumed, by the name that a person knows it by.
        seed: together with the step's number, decides what torch draws in the step.

    step, elapsed_secs: steps done, and seconds of learning, of resumed runs too.
    rounds: those that were validated (`Clock.rounds`). best: a figure that the recipe may keep.
    """

    network: NetworkT
    optimiser: torch.optim.Optimizer
    schedule: LearningRate
    largest_gradient: float
    _: KW_ONLY
    decay: float | None = DECAY
    beside: Mapping[str, nn.Module] = field(default_factory=dict[str, nn.Module])
    settings: Mapping[str, Setting] = field(default_factory=dict[str, Setting])
    seed: int = 0
    step: int = 0
    elapsed_secs: float = 0.0
    rounds: int = 0
    best: float = float("-inf")
    overflows: int = 0
    _average: MovingAverage[NetworkT] | None = field(init=False)

    def __post_init__(self) -> None:
        self._average = None if self.decay is None else MovingAverage(self.network, decay=self.decay)

    @property
    def average(self) -> MovingAverage[NetworkT]:
        """The moving average. Raises ValueError: this training keeps none."""
        if self._average is None:
            raise ValueError("a training with decay=None keeps no average of its weights")
        return self._average

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    def descend(self, losses: Iterable[tuple[float, Loss]], rate: float) -> dict[str, Tensor]:
        """One step down the weighted sum of the losses; a step whose gradient overflows is left out.

        Args:
            losses: of the parts of a batch, with their weights, which add up to 1; each is let go of before the
                next is asked for, so that a batch may be larger than memory.
            rate: learning rate of the groups that have none of their own.

        Returns:
            The weighted sums of the losses' parts, for the log.

        Raises:
            JMPoseError: too many steps overflowed.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = group.get("rate", rate * group.get("share", 1.0))
        self.optimiser.zero_grad()
        sums: dict[str, Tensor] = {}
        for share, loss in losses:
            (loss.total if share == 1 else loss.total * share).backward()
            for name, part in loss.parts.items():
                own = share * part.detach()
                sums[name] = sums[name] + own if name in sums else own
        if nn.utils.clip_grad_norm_(self.network.parameters(), self.largest_gradient).isfinite():
            self.optimiser.step()
        else:
            self.overflows += 1
        if self.overflows > _MOST_OVERFLOWS:
            raise JMPoseError(f"{self.overflows} steps gave no finite gradient: lower the recipe's peak rate")
        self.step += 1
        if self._average is not None:
            self._average.follow(self.network, self.step)
        return sums

    def save(self, path: Path) -> None:
        """Write a checkpoint whole or not at all.

        Raises:
            WeightsError: it cannot be written.
        """
        average = {} if self._average is None else {"average": self._average.network.state_dict()}
        save_checkpoint(
            path,
            {
                "network": self.network.state_dict(),
                **average,
                "beside": {name: module.state_dict() for name, module in self.beside.items()},
                "optimiser": self.optimiser.state_dict(),
                "settings": dict(self.settings),
                "step": self.step,
                "elapsed_secs": self.elapsed_secs,
                "rounds": self.rounds,
                "best": self.best,
            },
        )

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; from one without an average, the average starts at the network.

        Raises:
            WeightsError: there is none, it is torn, or it is that of another network or of other settings.
        """
        state = read_checkpoint(path)
        self._check_settings(state.get("settings", {}), path)
        try:
            self.network.load_state_dict(state["network"])
            if self._average is not None:
                self._average.network.load_state_dict(state.get("average", state["network"]))
            for name, module in self.beside.items():
                module.load_state_dict(state["beside"][name])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.elapsed_secs = state["step"], state["elapsed_secs"]
            self.rounds, self.best = state.get("rounds", 0), state.get("best", self.best)
        except (KeyError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{path}: not this recipe's checkpoint ({error}); name another --out") from error

    def take_up(self, out: Path, *, resume: bool) -> None:
        """Go on from `out`/checkpoint.pt where asked to, else make the folder for a new training.

        Raises:
            WeightsError: nothing to resume from, or a training that would be overwritten.
        """
        if resume:
            self.resume(out / CHECKPOINT)
        else:
            refuse_overwriting(out)
        make_folder(out)

    def _check_settings(self, made_with: Mapping[str, Any], path: Path) -> None:
        changed = [name for name, value in self.settings.items() if made_with.get(name) != value]
        if changed:
            was = " and ".join(_setting(name, made_with.get(name)) for name in changed)
            raise WeightsError(
                f"{path}: made with {was}; resume with the same, name another --out, or start again without --resume"
            )


def refuse_overwriting(out: Path) -> None:
    """Raises WeightsError: the folder holds the checkpoint of a training."""
    if (out / CHECKPOINT).exists():
        raise WeightsError(f"{out} already holds a training; go on with --resume or name another --out")


def make_folder(out: Path) -> None:
    """Make the folder of a training, and try whether it can be written to: found out now, not hours later.

    Raises:
        WeightsError: it cannot be made or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        trial = out / ".trial"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise WeightsError(f"{out}: no folder that can be written to ({error.strerror}); name another --out") from error


def decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """What is trained in groups for the optimiser: decay on matrices and kernels, none on norms and biases."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
    ]


def _setting(name: str, value: Setting | None) -> str:
    return f"other {name}" if value is None or len(str(value)) > _LONGEST_SETTING else f"{name} {value}"

"""What the recipes on PoseTrack share: their data, where they start, how they are judged, and what they leave."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import cv2

from jmpose_core.devices import pick_device
from jmpose_core.errors import FormatError, WeightsError
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.systems import POSE_NETWORKS
from jmpose_core.training_messages import EpochDone, StepsDone
from jmpose_core.weights.files import WeightsCard, read_card, save_weights
from train.loop.clock import Clock
from train.loop.learning import learn
from train.loop.reports import StepReports
from train.loop.training import Loss, Training
from train.objectives.of_system import EstimatorName
from train.posetrack.dataset import LabelledSequence, PoseTrackAugmentation, PoseTrackClips, read_posetrack
from train.posetrack.epochs import Batch, EpochPlan, batches
from train.posetrack.start_weights import take_start_weights
from train.posetrack.validation import GroundTruthBoxValidation
from train.report.writing import every_number, read_log, write_charts

Switch = bool | int | float | str
ABLATIONS: Final = ("cjl", "jmml", "jmib", "io")  # the paper's table 6; io is the objective, the others are modules


@dataclass(frozen=True, slots=True)
class PoseTrackResult:
    """The weights that were best on the val split, and their mAP there in percent; NaN where there was none."""

    weights: Path
    mean_ap: float


@dataclass(frozen=True)
class PoseTrackCommand:
    """One training.

    data: PoseTrack folders.
    init: weights files or bundled names.
    estimator: of the information objective.
    without: of ABLATIONS.
    switches: of the variant's builder, on top of those that its --init was built with.
    workers: processes that read images.
    at_once: clips a pass, as memory allows; None for the recipe's own.
    """

    data: tuple[Path, ...]
    out: Path
    init: tuple[str, ...]
    variant: str = "jmpose_w48"
    estimator: EstimatorName = "gauss"
    without: tuple[str, ...] = ()
    switches: Mapping[str, Switch] = field(default_factory=dict[str, Switch])
    device: str = "auto"
    workers: int = 4
    at_once: int | None = None
    resume: bool = False
    should_stop: Callable[[], bool] = lambda: False
    on_progress: Callable[[StepsDone | EpochDone], None] = lambda progress: None

    @property
    def text(self) -> str:
        """The command as a weights file's card tells it."""
        ablated = "".join(f" --without {part}" for part in self.without)
        switched = "".join(f" --switch {name}={value}" for name, value in self.switches.items())
        return f"jmpose train --preset jm-pose --variant {self.variant} --estimator {self.estimator}{ablated}{switched}"

    @cached_property
    def _switches(self) -> dict[str, Switch]:
        """Of the variant's builder: what the start weights of this variant have, then this training's own."""
        cards = [read_card(name) for name in self.init]
        of_start = {key: value for card in cards if card.variant == self.variant for key, value in card.options.items()}
        return of_start | {part: False for part in self.without if part != "io"} | dict(self.switches)

    @property
    def data_names(self) -> str:
        return ", ".join(folder.resolve().name for folder in self.data)

    @cached_property
    def start(self) -> tuple[PoseNetwork, tuple[str, ...]]:
        """The network with its start weights, on its device, and the data behind these.

        Raises:
            WeightsError: an unknown variant, or a fixed part without weights.
        """
        if self.variant not in POSE_NETWORKS:
            raise WeightsError(f"{self.variant}: no such variant; choose one of {', '.join(POSE_NETWORKS)}")
        try:
            network = POSE_NETWORKS[self.variant](**self._switches)
        except (TypeError, ValueError) as error:
            what = ", ".join(f"{name}={value}" for name, value in self._switches.items())
            raise WeightsError(
                f"{self.variant} cannot be built with {what} ({error}); choose other switches"
            ) from error
        training_data = take_start_weights(network, self.variant, self.init)
        return network.to(pick_device(self.device)).eval(), training_data

    def learn(
        self,
        training: Training,
        plan: EpochPlan,
        augmentation: PoseTrackAugmentation,
        loss_of: Callable[[Batch], Loss],
    ) -> PoseTrackResult:
        """Learn the plan into `out`: VARIANT.safetensors, log.jsonl, its charts in report/, and checkpoint.pt.

        Raises:
            Cancelled: should_stop returned true.
            JMPoseError: data, weights or checkpoint cannot be used; names place and cure.
        """
        cv2.setNumThreads(0)  # OpenCV's thread pool, once started, hangs in a loader's forked worker
        network, _ = self.start
        sequences = {split: read_posetrack(self.data, split, delta=network.delta) for split in ("train", "val")}
        poses = [pose for sequence in sequences["train"] for pose in sequence.poses]
        if not poses:
            raise FormatError(f"{self.data_names}: no labelled people in a train split; give the data set's own folder")
        plan = plan if self.at_once is None else replace(plan, at_once=self.at_once)
        training.settings = {
            "variant": self.variant,
            "estimator": self.estimator,
            "without": ", ".join(self.without),
            "switches": ", ".join(f"{name}={value}" for name, value in sorted(self._switches.items())),
            "people": len(poses),
            "batch": plan.batch,
            "clips at once": plan.at_once,
            "seed": plan.seed,
        }
        training.seed = plan.seed
        training.take_up(self.out, resume=self.resume)
        validation = GroundTruthBoxValidation(
            sequences["val"], at_once=plan.at_once, workers=self.workers, should_stop=self.should_stop
        )
        clips = PoseTrackClips(poses, network.crop_size, delta=network.delta, augmentation=augmentation, seed=plan.seed)
        clock = plan.clock(len(clips))

        def on_figures(figures: Mapping[str, float]) -> None:
            """Publish where the figures are the best so far, or where there are none."""
            if not figures.get("mAP", math.nan) <= training.best:
                training.best = figures.get("mAP", training.best)
                self._publish(figures, sequences["train"])

        training.network.train()
        learn(
            training,
            batches(plan, clips, first=training.step, workers=self.workers),
            clock,
            loss_of=loss_of,
            validate=lambda: self._judged(training, validation, clock),
            out=self.out,
            on_step=StepReports(clock.total, self.on_progress),
            on_figures=on_figures,
            should_stop=self.should_stop,
            log_steps=plan.log_steps,
            echo=False,
        )
        self._draw()
        return PoseTrackResult(self._weights, training.best if math.isfinite(training.best) else math.nan)

    def _judged(self, training: Training, validation: GroundTruthBoxValidation, clock: Clock) -> Mapping[str, float]:
        self._draw()
        figures = validation.figures(self.start[0])
        training.network.train()
        self.on_progress(EpochDone(clock.rounds(training), {name: round(own, 2) for name, own in figures.items()}))
        return figures

    def _draw(self) -> None:
        write_charts(self.out, every_number(read_log(self.out / "log.jsonl")))

    @property
    def _weights(self) -> Path:
        return self.out / f"{self.variant}.safetensors"

    def _publish(self, figures: Mapping[str, float], learnt: list[LabelledSequence]) -> None:
        network, training_data = self.start
        people = sum(len(sequence.poses) for sequence in learnt)
        card = WeightsCard(
            variant=self.variant,
            crop_size=network.crop_size,
            training_data=(*training_data, f"{self.data_names}: train, {people} people in {len(learnt)} videos"),
            recipe=self.text,
            figures={f"{name}, {self.data_names} val, ground-truth boxes": ap / 100 for name, ap in figures.items()},
            options=self._switches,
        )
        save_weights(self._weights, network.state_dict(), card)

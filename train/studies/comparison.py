"""Every system and every ablation under one short recipe, on the same clips, at the lite size.

    python -m train.studies.comparison --data ../shared/data --out runs/comparison [--resume]
    python -m train.studies.comparison --out runs/comparison --table > docs/ablations-table.md

All stand behind the bundled compact backbone and RAFT (of the folders `backbone` and `flow` beside OUT), which stay
fixed: what they make of the clips is computed once. Each run has the same clips in the same order and the same number
of steps; a run that is done is not done again. Leaves results.jsonl, one line a run.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import cv2
import msgspec
import numpy as np
import torch
from torch import Tensor

from jmpose_core.devices import autocast
from jmpose_core.errors import JMPoseError
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.heatmaps import encode
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.systems import POSE_NETWORKS, jmpose_lite
from jmpose_core.weights.base import digest
from jmpose_core.weights.files import WeightsCard, read_weights, save_weights
from train.lite.refinement import RandomClips, cached_training_clips, drawn_batches, encoded, held_out_clips
from train.loop.clock import Epochs
from train.loop.learning import learn
from train.loop.schedule import Schedule
from train.loop.training import Loss, Training, decay_groups
from train.objectives.heatmap_losses import heatmap_loss
from train.objectives.of_system import InformationObjective
from train.people.augment import CropAugmentation
from train.people.cached_clips import CachedClips, accuracy
from train.people.poses import is_validation, read_people
from train.recipes.command import Command
from train.recipes.refiner import FLOW, digest_of, load_fixed_parts

CLIPS: Final = 800
STEPS: Final = 80
BATCH: Final = 12
SEEDS: Final = (0, 1, 2)  # in this order: a run that is stopped early has one seed of all systems
AUGMENTATION: Final = CropAugmentation(30.0, 0.4, 0.2, 0.05, 0.0, 0.5)
SCHEDULE: Final = Schedule(peak=2e-3, rise=0.05, floor=0.005)
WEIGHT_DECAY: Final = 0.01
LARGEST_GRADIENT: Final = 1.0
IO_WEIGHT: Final = 1e-4  # of JM-Pose's objective, the corrected terms of the siblings' likewise
VALIDATION_STEP: Final = 4
_CPU: Final = torch.device("cpu")

# Name in the table, builder, switches, and what the row is.
_ALIGNED: Final = {"align": True, "heatmap_skip": True}
UNLEARNT: Final = "aligned mean alone"
SYSTEMS: Final[tuple[tuple[str, str, dict[str, Any], str], ...]] = (
    ("JM-Pose", "jmpose_lite", {}, "the paper's, whole"),
    ("TDMI", "tdmi_lite", {}, "sibling"),
    ("TDMI-ST", "tdmi_st_lite", {}, "sibling"),
    ("FAMI-Pose", "famipose_lite", {}, "sibling"),
    ("DCPose", "dcpose_lite", {}, "sibling, three frames"),
    ("aligned, heatmap skip", "jmpose_lite", _ALIGNED, "beyond the paper"),
    ("aligned, heatmap skip, without CJL", "jmpose_lite", {**_ALIGNED, "cjl": False}, "its ablation"),
    ("aligned, heatmap skip, without JMML", "jmpose_lite", {**_ALIGNED, "jmml": False}, "its ablation"),
    (UNLEARNT, "jmpose_lite", {"align": True}, "where it starts, nothing learnt"),
    ("JM-Pose*", "jmpose_lite", {"motion": "difference"}, "ablation: feature differences for flow"),
    ("without CJL", "jmpose_lite", {"cjl": False}, "ablation"),
    ("without JMML", "jmpose_lite", {"jmml": False}, "ablation"),
    ("without JMIB", "jmpose_lite", {"jmib": False}, "ablation"),
    ("without IO", "jmpose_lite", {}, "ablation: no IO objective"),
    ("+ aligned supports", "jmpose_lite", {"align": True}, "beyond the paper"),
    ("+ heatmap skip", "jmpose_lite", {"heatmap_skip": True}, "beyond the paper"),
    ("+ feature skip", "jmpose_lite", {"feature_skip": True}, "beyond the paper"),
    ("+ occlusion channel", "jmpose_lite", {"occlusion": True}, "beyond the paper; twice the flow"),
)


class Run(msgspec.Struct, frozen=True):
    """One training's outcome: PCK@0.2 of the torso in percent, and what the refiner costs."""

    system: str
    seed: int
    clean: float
    degraded: float
    clean_initial: float
    degraded_initial: float
    parameters: int
    ms_per_clip: float
    terms: dict[str, float] = {}  # of the information objective, mean over the last steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with coco/, lspet/, teachers/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many")
    parser.add_argument("--table", action="store_true", help="print what there is as Markdown")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    try:
        if arguments.table:
            sys.stdout.write(table(read_runs(arguments.out / "results.jsonl")))
        else:
            compare(Command("comparison", arguments.data, arguments.out, 0.0, resume=True), SEEDS[: arguments.seeds])
    except JMPoseError as error:
        sys.exit(str(error))


def compare(command: Command, seeds: Iterable[int]) -> None:
    """Train what is not trained yet."""
    command.out.mkdir(parents=True, exist_ok=True)
    results = command.out / "results.jsonl"
    learnt, judged = clips_of(command)
    publish("compact_lite", POSE_NETWORKS["compact_lite"](), None, command)
    for seed in seeds:
        for name, builder, switches, _ in SYSTEMS:
            if any(run.system == name and run.seed == seed for run in read_runs(results)):
                continue
            torch.manual_seed(seed)
            network = POSE_NETWORKS[builder](**switches)
            run = trained(name, network, learnt, judged, seed=seed)
            if builder != "jmpose_lite" and seed == SEEDS[0]:
                publish(builder, network, run, command)
            with results.open("a") as file:
                file.write(json.dumps(msgspec.to_builtins(run)) + "\n")


def publish(variant: str, network: PoseNetwork, run: Run | None, command: Command) -> None:
    """A sibling's refiner, or none, as a weights file of its own, behind the bundled jmpose_lite's backbone."""
    everything, card = read_weights("jmpose_lite")
    state = network.state_dict()
    lent = {name: everything[name] for name in state if name in everything and not name.startswith("refiner.")}
    own = {name: tensor.half() for name, tensor in state.items() if name.startswith("refiner.")}
    figures = {}
    if run is not None:
        figures = {f"{kind} clips, refined PCK@0.2": getattr(run, kind) / 100 for kind in ("clean", "degraded")}
    sibling = WeightsCard(
        variant=variant,
        crop_size=network.crop_size,
        training_data=card.training_data,
        recipe=card.recipe if run is None else f"python -m train.studies.comparison ({STEPS} steps of {BATCH} clips)",
        figures=figures,
        base="jmpose_lite",
        base_digest=digest(lent),
    )
    save_weights(command.out / f"{variant}.safetensors", own, sibling)


def clips_of(command: Command) -> tuple[CachedClips, dict[str, CachedClips]]:
    """Training clips and the clean and degraded held-out ones, with everything that any system uses."""
    everything = jmpose_lite(prior=True, flow=FLOW, feature_skip=True, occlusion=True)
    everything = everything.to(memory_format=torch.channels_last).eval()
    load_fixed_parts(everything, command)
    folders = (command.beside("teacher") / "lspet", command.data / "coco", command.beside("teacher") / "videos")
    people = [person for folder in folders for person in read_people(folder)]
    held_out = [person for person in people if is_validation(person)][::VALIDATION_STEP]
    others = [person for person in people if not is_validation(person)]
    digest = digest_of(command)
    clips = RandomClips(others, crop_size=everything.crop_size, augmentation=AUGMENTATION, seed=1)
    learnt = cached_training_clips(everything, clips, CLIPS, command.out / f"clips-{digest}.pt")
    judged = {}
    for name in ("clean", "degraded"):
        place = command.out / f"{name}-{digest}.pt"
        if not place.is_file():
            made = held_out_clips(held_out, everything.crop_size, degraded=name == "degraded")
            CachedClips.joined([encoded(everything, clip) for clip in made]).save(place)
        judged[name] = CachedClips.load(place)
    return learnt, judged


def trained(name: str, network: PoseNetwork, learnt: CachedClips, judged: dict[str, CachedClips], *, seed: int) -> Run:
    """One system, trained and measured."""
    refiner = network.refiner.train()
    objective = InformationObjective(network, "gauss", 0.0 if name == "without IO" else IO_WEIGHT)
    optimiser = torch.optim.AdamW(decay_groups(refiner, WEIGHT_DECAY), lr=SCHEDULE.peak)
    terms: list[dict[str, float]] = []

    def loss_of(batch: tuple[ClipMaps, Tensor, Tensor]) -> Loss:
        maps, cells, weight = batch
        with autocast(_CPU):
            output = refiner(maps.for_refiner(refiner))
        truth = encode(cells, output.refined.shape[-2:], network.heatmap_sigma) * weight[..., None, None]
        information = objective(output, truth)
        fit = heatmap_loss(network, output.logits, cells, weight)
        return Loss(fit + information.total, information.parts)

    learn(
        Training(refiner, optimiser, SCHEDULE, LARGEST_GRADIENT, decay=None, seed=seed),
        drawn_batches(learnt, batch=BATCH, seed=seed, first=0),
        Epochs(1, 0 if name == UNLEARNT else STEPS),
        loss_of=loss_of,
        on_step=lambda _, parts: terms.append({key: float(part) for key, part in parts.items()}),
    )
    refiner.eval()
    initial, refined = {}, {}
    for kind, clips in judged.items():
        initial[kind], refined[kind] = accuracy(refiner, clips, _CPU)
    last = terms[-20:]
    return Run(
        system=name,
        seed=seed,
        clean=refined["clean"],
        degraded=refined["degraded"],
        clean_initial=initial["clean"],
        degraded_initial=initial["degraded"],
        parameters=sum(parameter.numel() for parameter in refiner.parameters()),
        ms_per_clip=_cost(
            lambda: refiner(judged["clean"].batch(torch.arange(BATCH), flip=False)[0].for_refiner(refiner))
        ),
        terms={key: float(np.mean([entry[key] for entry in last])) for key in (last[0] if last else ())},
    )


@torch.inference_mode()
def _cost(pass_batch: Callable[[], object]) -> float:
    """Milliseconds a clip, the best of five passes: other work on the machine only ever adds."""
    secs = []
    with autocast(_CPU):
        for _ in range(6):
            started = time.perf_counter()
            pass_batch()
            secs.append(time.perf_counter() - started)
    return 1000 * min(secs[1:]) / BATCH


def read_runs(place: Path) -> list[Run]:
    """All runs that are done."""
    if not place.is_file():
        return []
    return [msgspec.json.decode(line, type=Run) for line in place.read_bytes().splitlines()]


def table(runs: list[Run]) -> str:
    """The runs as Markdown: mean and, from two seeds on, spread (standard deviation)."""
    if not runs:
        raise JMPoseError("no run is done yet: run the recipe without --table first")
    cost = np.mean([run.ms_per_clip for run in runs if run.system == SYSTEMS[0][0]])
    lines = [
        "| system | clean | degraded | parameters | refiner's time | seeds | |",
        "|---|---|---|---|---|---|---|",
        f"| initial | {runs[0].clean_initial:.1f} | {runs[0].degraded_initial:.1f} | 0 | 0 | | the backbone alone |",
    ]
    for name, _, _, note in SYSTEMS:
        own = [run for run in runs if run.system == name]
        if own:
            ratio = np.mean([run.ms_per_clip for run in own]) / cost
            lines.append(
                f"| {name} | {_spread([run.clean for run in own])} | {_spread([run.degraded for run in own])} "
                f"| {own[0].parameters / 1e6:.2f} M | {ratio:.2f} | {len(own)} | {note} |"
            )
    return "\n".join(lines) + "\n"


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.1f}" + (f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()

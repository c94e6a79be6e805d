"""JM-Pose's refiner on clips made from stills, behind a fixed backbone and fixed flow: jmpose_lite.

    python -m train.recipes.refiner --data ../shared/data --out runs/refiner [--minutes N] [--resume]

Takes the labels, the backbone and the flow from the folders `teacher`, `backbone` and `flow` beside OUT. Backbone and
RAFT never change, so what they make of the clips is computed once and kept in OUT/clips-DIGEST.pt; the refiner
then sees it in many short epochs. Leaves the whole network as jmpose_lite.safetensors, log.jsonl, checkpoint.pt and
report/.
"""

import hashlib
from pathlib import Path
from typing import Final, cast

import torch
from safetensors.torch import load_file
from torch import Tensor

from jmpose_core.model.flow import GuidedFlow, RaftFlow
from jmpose_core.model.jmpose import BUNDLED, Switches
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.systems import jmpose_lite
from jmpose_core.weights.files import WeightsCard, load_into, read_weights, save_weights
from train.lite.refinement import (
    RandomClips,
    cached_training_clips,
    drawn_batches,
    encoded,
    held_out_clips,
    refiner_loss,
    validate,
)
from train.loop.clock import TimeBudget
from train.loop.learning import learn
from train.loop.schedule import Schedule
from train.loop.training import Training, decay_groups
from train.objectives.information import GaussianInformation
from train.people.augment import CropAugmentation
from train.people.cached_clips import CachedClips
from train.people.poses import is_validation, read_people
from train.recipes.command import Command, start
from train.report.samples import evenly, refined_people
from train.report.writing import Chart, write_report

DATA: Final = ("clips made from the backbone's stills by random motion of camera and limbs (train/clips.py)",)
# Beyond the paper; docs/ablations.md has what each is worth.
FLOW: Final = "guided_lite"
SWITCHES: Final[Switches] = BUNDLED
CLIPS: Final = 2000  # every other one degraded: blur, low light, compression, occlusion by objects and people
AUGMENTATION: Final = CropAugmentation(
    rotation_deg=30.0, rotation_probability=0.4, scale=0.2, shift=0.05, half_body_probability=0.0, flip_probability=0.5
)
BATCH: Final = 16
IO_WEIGHT: Final = 1e-4  # alpha of docs/model.md, summed over the layers
SCHEDULE: Final = Schedule(peak=2e-3, rise=0.03, floor=0.005)
WEIGHT_DECAY: Final = 0.01
LARGEST_GRADIENT: Final = 1.0
MINUTES: Final = 10.0
SAVE_SECS: Final = 120.0
SEED: Final = 1
VALIDATION_STEP: Final = 3  # every third person of the split: making clips of all takes minutes
KEPT: Final = 1.0  # share of the learnt correction that is kept
CHARTS: Final = (
    Chart("Loss: cross entropy of the refined heatmaps, in nats", ("loss",)),
    # On axes of their own: relevancy is near a nat, the two others, against the heatmaps, a hundredth of it.
    Chart("IO objective: relevancy I(M; J), in nats a channel", ("relevancy",)),
    Chart(
        "IO objective: complement -I(J; H) and redundancy I(H; J | M), in nats a channel", ("complement", "redundancy")
    ),
    Chart(
        "PCK@0.2 of the moving average, held-out people",
        tuple(f"{kind} clips, {stage} PCK@0.2" for kind in ("clean", "degraded") for stage in ("initial", "refined")),
    ),
)


def train(command: Command) -> None:
    """Train the refiner, write the whole network, and report."""
    torch.manual_seed(SEED)
    network, backbone_card = network_with_fixed_parts(command)
    folders = (command.beside("teacher") / "lspet", command.data / "coco", command.beside("teacher") / "videos")
    people = [person for folder in folders for person in read_people(folder)]
    held_out = [person for person in people if is_validation(person)][::VALIDATION_STEP]
    judged = {
        name: CachedClips.joined(
            [
                encoded(network, clip)
                for clip in held_out_clips(held_out, network.crop_size, degraded=name == "degraded")
            ]
        )
        for name in ("clean", "degraded")
    }
    random_clips = RandomClips(
        [person for person in people if not is_validation(person)],
        crop_size=network.crop_size,
        augmentation=AUGMENTATION,
        seed=SEED,
    )
    clips = cached_training_clips(network, random_clips, CLIPS, command.out / f"clips-{digest_of(command)}.pt")
    refiner = network.refiner.train()
    optimiser = torch.optim.AdamW(decay_groups(refiner, WEIGHT_DECAY), lr=SCHEDULE.peak)
    training = command.take_up(Training(refiner, optimiser, SCHEDULE, LARGEST_GRADIENT))
    estimate = GaussianInformation()
    learn(
        training,
        drawn_batches(clips, batch=BATCH, seed=SEED, first=training.step),
        TimeBudget(command.minutes, SAVE_SECS),
        loss_of=lambda batch: refiner_loss(network, batch, estimate, IO_WEIGHT),
        validate=lambda: validate(training.average.network, judged),
        out=command.out,
        should_stop=command.should_stop,
    )
    keep_average(network, training)
    figures = {**backbone_card.figures, **validate(network.refiner, judged)}
    card = card_of(network, backbone_card, command, figures)
    save_weights(command.out / "jmpose_lite.safetensors", backbone_halved(network.state_dict()), card)
    shown = list(held_out_clips(evenly(held_out, 12), network.crop_size, degraded=True))
    samples = {"Held-out degraded clips, initial and refined": refined_people(network, shown)}
    write_report(command.out, command.text, card.training_data, training, figures, CHARTS, samples)


def card_of(
    network: PoseNetwork, backbone_card: WeightsCard, command: Command, figures: dict[str, float]
) -> WeightsCard:
    """What the weights file says of the network: how it is built, and what it learnt from."""
    return WeightsCard(
        variant="jmpose_lite",
        crop_size=network.crop_size,
        training_data=(*backbone_card.training_data, *DATA),
        recipe=f"{backbone_card.recipe}; {command.text}",
        figures=figures,
        options=cast(dict[str, bool | int | float | str], {**SWITCHES, "prior": True, "flow": FLOW}),
    )


def network_with_fixed_parts(command: Command) -> tuple[PoseNetwork, WeightsCard]:
    """jmpose_lite with the backbone and the flow of earlier recipes, and the backbone's card."""
    network = jmpose_lite(prior=True, flow=FLOW, **SWITCHES).to(memory_format=torch.channels_last).eval()
    return network, load_fixed_parts(network, command)


def load_fixed_parts(network: PoseNetwork, command: Command) -> WeightsCard:
    """Put the backbone and the flow of earlier recipes into a network of the lite size; the backbone's card."""
    backbone, flow = fixed_parts(command)
    backbone_state, backbone_card = read_weights(backbone)
    load_into(network.backbone, backbone_state, place=str(backbone))
    if isinstance(network.flow, RaftFlow | GuidedFlow):
        load_into(network.flow.raft, load_file(flow), place=str(flow))
    return backbone_card


def fixed_parts(command: Command) -> tuple[Path, Path]:
    return command.beside("backbone") / "backbone.safetensors", command.beside("flow") / "raft_lite.safetensors"


def backbone_halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The backbone, four fifths of all parameters, in half precision, as MoveNet's own file has it."""
    return {name: tensor.half() if name.startswith("backbone.") else tensor for name, tensor in state.items()}


def digest_of(command: Command) -> str:
    """Of the fixed parts: clips kept from others would train the refiner on maps that it will never see."""
    digest = hashlib.sha256()
    for path in fixed_parts(command):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def keep_average(network: PoseNetwork, training: Training) -> None:
    """Put the moving average into the network, its correction scaled to KEPT: the head's last layer is linear."""
    network.refiner.load_state_dict(training.average.network.state_dict())
    network.eval()
    with torch.no_grad():  # a short training overshoots on clean frames
        for parameter in network.refiner.get_submodule("head.last").parameters():
            parameter.mul_(KEPT)


def main() -> None:
    start("refiner", __doc__, MINUTES, train)


if __name__ == "__main__":
    main()

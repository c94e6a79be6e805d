"""The compact backbone on single images: the initial heatmaps of jmpose_lite.

    python -m train.teachers.labelling          --data ../shared/data --out runs/teacher
    python -m train.recipes.backbone --data ../shared/data --out runs/backbone [--minutes N] [--resume]

It starts from MoveNet Thunder's public weights, layer for layer (docs/decisions/start-from-movenet.md),
and learns from the teachers' labels in the folder `teacher` beside OUT. Leaves backbone.safetensors,
log.jsonl, checkpoint.pt and report/.
"""

from typing import Final

import torch

from jmpose_core.model.compact import CompactBackbone
from jmpose_core.weights.files import WeightsCard, save_weights
from train.lite.crops import RandomCrops, backbone_loss, validate
from train.loop.schedule import Schedule
from train.loop.training import Training, decay_groups, items_from, learn
from train.people.augment import CropAugmentation
from train.people.poses import is_validation, read_people
from train.recipes.command import Command, start
from train.report.samples import labelled_crops, predicted_people
from train.report.writing import Chart, write_report
from train.teachers.movenet_start import thunder_backbone

DATA: Final = (
    "MoveNet Thunder's weights",
    "LSP-Extended, ids not divisible by 20",
    "COCO, ids not divisible by 5 (412 images)",
    "videos and DAVIS people labelled by MoveNet",
)
DRAWS: Final = {"lspet": 1.0, "coco": 4.0, "videos": 1.0}  # how often a person of each source is drawn
CROP_SIZE: Final = (256, 192)
AUGMENTATION: Final = CropAugmentation(
    rotation_deg=40.0, rotation_probability=0.6, scale=0.3, shift=0.08, half_body_probability=0.15, flip_probability=0.5
)  # besides colour, blur, noise and compression (train.people.augment.degrade)
OCCLUDER_PROBABILITY: Final = 0.25
BATCH: Final = 32
FROZEN_STAGES: Final = 2  # of the trunk: the stride 2 and 4 filters keep Thunder's values and cost no gradient
SCHEDULE: Final = Schedule(peak=3e-4, rise=0.04, floor=0.005)
BETAS: Final = (0.9, 0.99)
WEIGHT_DECAY: Final = 0.02
LARGEST_GRADIENT: Final = 5.0
MINUTES: Final = 75.0
SAVE_SECS: Final = 300.0
SEED: Final = 1
CHARTS: Final = (
    Chart("Loss: cross entropy of the heatmaps, in nats", ("loss",)),
    Chart("PCK@0.2 of the moving average, held-out people", ("PCK@0.2 lspet", "PCK@0.2 coco")),
)


def train(command: Command) -> None:
    """Train, write the weights, and report."""
    folders = (command.beside("teacher") / "lspet", command.data / "coco", command.beside("teacher") / "videos")
    people = [person for folder in folders for person in read_people(folder)]
    held_out = [person for person in people if is_validation(person)]
    crops = RandomCrops(
        [person for person in people if not is_validation(person)],
        crop_size=CROP_SIZE,
        augmentation=AUGMENTATION,
        occluder_probability=OCCLUDER_PROBABILITY,
        draws=DRAWS,
        seed=SEED,
    )
    training = command.take_up(new_training(command))
    network = training.average.network
    figures = learn(
        training,
        items_from(crops, first=BATCH * training.step, batch=BATCH),
        lambda batch: backbone_loss(training.network, batch),
        lambda: validate(network, held_out, CROP_SIZE),
        out=command.out,
        save_secs=SAVE_SECS,
    )
    figures = figures or validate(network, held_out, CROP_SIZE)
    card = WeightsCard(
        variant="compact_backbone", crop_size=CROP_SIZE, training_data=DATA, recipe=command.text, figures=figures
    )
    save_weights(command.out / "backbone.safetensors", network.state_dict(), card)
    samples = {
        "Augmented crops with their labels": labelled_crops(crops),
        "Held-out people, predicted": predicted_people(network, held_out, CROP_SIZE),
    }
    write_report(command.out, command.text, DATA, training, figures, CHARTS, samples)


def new_training(command: Command) -> Training[CompactBackbone]:
    """The backbone as Thunder left it, and its optimiser."""
    network = thunder_backbone(command.data / "teachers" / "movenet-thunder.onnx")
    network = network.to(memory_format=torch.channels_last).train()
    for part in (network.trunk.stem, *network.trunk.stages[:FROZEN_STAGES]):
        part.requires_grad_(False)
    optimiser = torch.optim.AdamW(decay_groups(network, WEIGHT_DECAY), lr=SCHEDULE.peak, betas=BETAS)
    return Training(network, optimiser, SCHEDULE, command.minutes, LARGEST_GRADIENT)


def main() -> None:
    start("backbone", __doc__, MINUTES, train)


if __name__ == "__main__":
    main()

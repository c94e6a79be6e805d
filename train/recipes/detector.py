"""The person detector: boxes of people from 40 pixels to the whole picture.

    python -m train.recipes.detector --data ../shared/data --out runs/detector [--minutes N] [--resume]

It starts from MoveNet MultiPose's public weights, layer for layer (docs/decisions/start-from-movenet.md).
Gathers its pictures into OUT/sources.msgpack, where they are not there yet (minutes: a teacher looks at each).
Leaves detector.safetensors, log.jsonl, checkpoint.pt and report/.
"""

from pathlib import Path
from typing import Final

import torch

from jmpose_core.estimation.detection import PersonDetector
from jmpose_core.model.detector import PersonNet
from train.detector.batches import DetectorBatches
from train.detector.gathering import gather_to_file, read_sources
from train.detector.learning import detector_loss, figures_of, publish, trunk_apart
from train.detector.recall import validation_images
from train.loop.clock import TimeBudget
from train.loop.items import items_from
from train.loop.learning import learn
from train.loop.schedule import Schedule
from train.loop.training import Training
from train.recipes.command import Command, start
from train.report.samples import detected_people, labelled_pictures
from train.report.writing import Chart, write_report
from train.teachers.movenet_start import multipose_detector

DATA: Final = (
    "MoveNet MultiPose's weights",
    "COCO people, ids not divisible by 5",
    "LSP-Extended, ids not divisible by 20",
    "MoveNet MultiPose's boxes on pose2sim, vtest and intel videos and DAVIS",
    "Debian photos without people",
)  # shares, mosaics, pasted people, low light and sizes (256, 320 and 384 pixels): train/detector_data.py
BATCH: Final = 16
FROZEN_STAGES: Final = 2  # of the trunk: the stride 2 and 4 filters keep MultiPose's values and cost no gradient
TRUNK_SHARE: Final = 0.3  # of the rest's learning rate: the trunk knows pictures already
SCHEDULE: Final = Schedule(peak=5e-4, rise=0.05, floor=0.01)
BETAS: Final = (0.9, 0.99)
WEIGHT_DECAY: Final = 0.03
LARGEST_GRADIENT: Final = 10.0
MINUTES: Final = 26.0
SAVE_SECS: Final = 120.0
SEED: Final = 0
CHARTS: Final = (Chart("Loss: person (quality focal) and box (generalised IoU)", ("person", "box")),)


def train(command: Command) -> None:
    """Train, write the weights with their figures, and report."""
    gathered = command.out / "sources.msgpack"
    if not gathered.is_file():
        gather_to_file(command.data, gathered)
    batches = DetectorBatches(read_sources(gathered), batch=BATCH, seed=SEED)
    network = new_network(command.data / "teachers" / "movenet-multipose.onnx")
    groups = trunk_apart(network, trunk_share=TRUNK_SHARE, weight_decay=WEIGHT_DECAY)
    optimiser = torch.optim.AdamW(groups, betas=BETAS)
    training = command.take_up(Training(network, optimiser, SCHEDULE, LARGEST_GRADIENT))
    learn(
        training,
        items_from(batches, first=training.step),
        TimeBudget(command.minutes, SAVE_SECS),
        loss_of=lambda batch: detector_loss(network, batch),
        out=command.out,  # measured at the end only: it takes as long as two hundred steps
        should_stop=command.should_stop,
    )
    weights = command.out / "detector.safetensors"
    measured = publish(training.average.network, weights, command.data, training_data=DATA, recipe=command.text)
    held_out = [picture for picture, _ in validation_images(command.data)]
    samples = {
        "Training pictures with their boxes": labelled_pictures(batches),
        "Held-out pictures, found boxes": detected_people(PersonDetector(weights, device="cpu"), held_out),
    }
    write_report(command.out, command.text, DATA, training, figures_of(measured), CHARTS, samples)


def new_network(multipose: Path) -> PersonNet:
    """MoveNet MultiPose as a detector of ours, the trunk's first stages fixed."""
    network = multipose_detector(multipose).to(memory_format=torch.channels_last).train()
    for part in (network.trunk.stem, *network.trunk.stages[:FROZEN_STAGES]):
        part.requires_grad_(False)
    return network


def main() -> None:
    start("detector", __doc__, MINUTES, train)


if __name__ == "__main__":
    main()

"""The compact backbone on people among people: the initial heatmaps of jmpose_lite.

    python -m train.crowds.packing   --data ../shared/data --out runs/people
    python -m train.recipes.backbone --data ../shared/data --out runs/backbone [--minutes N] [--resume]

Learns from the pack, or the folder of packs, in `people` beside OUT; on a GPU where there is one. It starts from
OUT/start.safetensors where that is (a compact backbone's weights, or those of a network with one), else from MoveNet
Thunder's public weights, layer for layer (docs/decisions/start-from-movenet.md, person-prior.md). Leaves
backbone.safetensors, log.jsonl, checkpoint.pt and report/. About 5 GB of memory for the pictures.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file

from jmpose_core.devices import pick_device
from jmpose_core.errors import FormatError
from jmpose_core.weights.files import WeightsCard, save_weights
from train.crowds import training
from train.crowds.batches import Variation, drawn_batch
from train.crowds.evaluation import plain_batch
from train.crowds.training import RESULT, PeopleTraining, published
from train.crowds.warps import CROP_SIZE
from train.recipes.command import Command, start
from train.report.samples import labelled_crops, predicted_crops
from train.report.writing import Chart, write_report
from train.teachers.movenet_start import thunder_backbone

DATA: Final = (
    "MoveNet Thunder's weights",
    "LSP-Extended, ids not divisible by 20",
    "COCO, ids not divisible by 5 (649 images)",
    "JHMDB, source films not divisible by 5",
    "videos and DAVIS people on whose joints Thunder and TinyPose agree",
    "MultiPose's regression as the witness",
)
DRAWS: Final = training.DRAWS  # how often a person of each source is drawn
SCHEDULE: Final = training.SCHEDULE  # of decoder and head; the trunk slower, the prior faster
SEED: Final = 0  # of the report's samples; what a step draws follows from its number alone
BATCH: Final = {"cuda": 256, "cpu": 32}
MINUTES: Final = 150.0  # on two CPU cores; 8 on an H200
CHECK_SECS: Final = {"cuda": 60.0, "cpu": 900.0}
_PEOPLE: Final = ("coco", "coco2", "jhmdb", "lspet", "pasted crowds")
CHARTS: Final = (
    Chart("Loss: cross entropy of the heatmaps, in nats", ("loss",)),
    Chart("Loss: mass on the neighbours' joints", ("neighbours",)),
    Chart("PCK@0.2 of the moving average, held-out people, told", tuple(f"PCK@0.2 {name}, told" for name in _PEOPLE)),
    Chart("The same without a person prior", tuple(f"PCK@0.2 {name}" for name in _PEOPLE)),
    Chart(
        "Share of joints nearer to a neighbour's",
        tuple(f"stolen, {kind}{told}" for kind in ("pasted crowds", "real neighbours") for told in ("", ", told")),
    ),
)


def train(command: Command) -> None:
    """Train, write the weights, and report."""
    command.refuse_overwriting()
    device = pick_device("auto")
    trained = PeopleTraining(
        packs=packs(command.beside("people")),
        start=start_weights(command),
        out=command.out,
        state=command.out,
        minutes=command.minutes,
        device=device,
        batch=BATCH[device.type],
        threads=os.cpu_count() or 1,
        check_secs=CHECK_SECS[device.type],
        resume=command.resume,
        should_stop=command.should_stop,
    ).run()
    card = WeightsCard(
        variant="compact_backbone",
        crop_size=CROP_SIZE,
        training_data=DATA,
        recipe=command.text,
        figures=dict(trained.figures),
        options={"prior": True},
    )
    save_weights(command.out / RESULT, load_file(command.out / RESULT), card)
    torch.manual_seed(SEED)
    some = torch.linspace(0, len(trained.held_out) - 1, 12, device=device).long()
    samples = {
        "Crops with their labels": labelled_crops(drawn_batch(trained.people, 12, Variation())),
        "Held-out people, predicted": predicted_crops(
            published(trained.training.average.network), plain_batch(trained.held_out, some)
        ),
    }
    write_report(command.out, command.text, DATA, trained.training, trained.figures, CHARTS, samples)


def packs(folder: Path) -> Sequence[Path]:
    """The folder where it is a pack, or the packs in it.

    Raises:
        FormatError: there is none.
    """
    found = [place.parent for place in sorted([*folder.glob("people.npz"), *folder.glob("*/people.npz")])]
    if not found:
        raise FormatError(f"{folder}: no people to learn from; make them with python -m train.crowds.packing")
    return found


def start_weights(command: Command) -> Path:
    """OUT/start.safetensors; made of Thunder's weights where it is missing."""
    path = command.out / "start.safetensors"
    if not path.is_file():
        thunder = thunder_backbone(command.data / "teachers" / "movenet-thunder.onnx")
        save_file({name: value.contiguous() for name, value in thunder.state_dict().items()}, path)
    return path


def main() -> None:
    start("backbone", __doc__, MINUTES, train)


if __name__ == "__main__":
    main()

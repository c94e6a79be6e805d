"""The person detector's loss on a batch, its optimiser's groups, and its weights file."""

from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from jmpose_core.devices import autocast
from jmpose_core.estimation.detection import PersonDetector, normalised
from jmpose_core.model.detector import PersonNet, all_cell_centres
from jmpose_core.weights.files import WeightsCard, save_weights
from train.detector.cell_loss import Targets, detection_loss
from train.detector.recall import Recall, evaluate
from train.loop.training import Loss, decay_groups

_CPU: Final = torch.device("cpu")


def detector_loss(network: PersonNet, batch: tuple[Tensor, Targets]) -> Loss:
    """Loss on an item of DetectorBatches, by parts."""
    pictures, targets = batch
    inputs = normalised(pictures)
    with autocast(_CPU):
        logits, boxes = network(inputs)
    loss = detection_loss(logits, boxes, all_cell_centres(*inputs.shape[-2:]), targets)
    return Loss(loss.total, {"person": loss.person, "box": loss.box})


def trunk_apart(network: PersonNet, *, trunk_share: float, weight_decay: float) -> list[dict[str, Any]]:
    """Groups for the optimiser: the trunk learns at `trunk_share` of the rest's rate."""
    rest = torch.nn.ModuleList(part for name, part in network.named_children() if name != "trunk")
    return [
        {**group, "share": share}
        for part, share in ((network.trunk, trunk_share), (rest, 1.0))
        for group in decay_groups(part, weight_decay)
    ]


def publish(network: PersonNet, path: Path, held_out: Path, *, training_data: tuple[str, ...], recipe: str) -> Recall:
    """Write the weights file, measure it, and write the figures and its sure score into it.

    Args:
        held_out: the data folder, whose held-out COCO images it is measured on.
    """
    card = WeightsCard(variant="detector", joints=(), training_data=training_data, recipe=recipe)
    state = {name: tensor.half() for name, tensor in network.state_dict().items()}  # as MoveNet's own file has it
    save_weights(path, state, card)
    measured = evaluate(PersonDetector(path, device="cpu").detect, held_out)
    card = WeightsCard(
        variant="detector",
        joints=(),
        training_data=training_data,
        recipe=recipe,
        figures=figures_of(measured),
        options={"sure_score": measured.score},
    )
    save_weights(path, state, card)
    return measured


def figures_of(measured: Recall) -> dict[str, float]:
    """What was measured, by the names of the weights' card."""
    return {
        "recall@IoU0.5 COCO val, at most 1 false box an image": measured.recall,
        "recall@IoU0.5 COCO val, people from 80 px": measured.recall_tall,
        "AP@IoU0.5 COCO val": measured.average_precision,
    }

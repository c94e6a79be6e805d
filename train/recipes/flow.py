"""raft_small from scratch, on synthetic pairs whose flow is known exactly.

    python -m train.recipes.flow --data ../shared/data --out runs/flow [--minutes N] [--resume]

Leaves raft_small.safetensors, evaluation.json (beside OpenCV's DIS), log.jsonl, checkpoint.pt and report/.
"""

import json
from typing import Final

import torch
from torchvision.models.optical_flow import raft_small

from jmpose_core.weights.files import WeightsCard, save_weights
from train.flow.cutouts import load_sources
from train.flow.flow_errors import PAIRS, UPDATES, endpoint_errors, evaluate, held_out_pairs, raft_method
from train.flow.pair_loss import Phase, flow_loss
from train.flow.pairs import FlowBatches
from train.loop.clock import TimeBudget
from train.loop.items import items_from
from train.loop.learning import learn
from train.loop.schedule import Schedule
from train.loop.training import Training
from train.recipes.command import Command, start
from train.report.samples import flow_rows
from train.report.writing import Chart, write_report

DATA: Final = ("synthetic pairs of LSP-Extended, COCO, DAVIS people and Debian photos (train/flow/pairs.py)",)
PHASES: Final = (  # small crops and few updates while there is most to learn, then the real size
    Phase(until=0.6, size=(128, 128), updates=4, matching_weight=0.5),
    Phase(until=1.0, size=(192, 144), updates=5, matching_weight=0.1),
)
BATCH: Final = 8
MOTION_WARM_UP: Final = 1000  # batches
SCHEDULE: Final = Schedule(peak=8e-4, rise=0.05, floor=0.0)
WEIGHT_DECAY: Final = 1e-5
LARGEST_GRADIENT: Final = 1.0
MINUTES: Final = 22.0
LOG_STEPS: Final = 25
SAVE_SECS: Final = 120.0
VALIDATION_PAIRS: Final = 32
SEED: Final = 1
CHARTS: Final = (
    Chart("Loss: distance of the updates' flow, pixels", ("flow_loss",)),
    Chart("Loss: cross entropy of the correlation, nats", ("matching_loss",)),
    Chart("End-point error of the moving average, pixels, held-out pairs", ("epe_visible", "epe_visible_large")),
)


def train(command: Command) -> None:
    """Train phase by phase, measure, write the weights, and report."""
    sources = load_sources(command.data, held_out=False)
    held_out = load_sources(command.data, held_out=True)
    validation = held_out_pairs(held_out, VALIDATION_PAIRS)
    network = raft_small(weights=None).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=SCHEDULE.peak, weight_decay=WEIGHT_DECAY)
    training = command.take_up(Training(network, optimiser, SCHEDULE, LARGEST_GRADIENT))
    method = raft_method(training.average.network, UPDATES)
    for phase in PHASES:
        batches = FlowBatches(sources, size=phase.size, batch=BATCH, seed=SEED, warm_up=MOTION_WARM_UP)
        learn(
            training,
            items_from(batches, first=training.step),
            TimeBudget(command.minutes, SAVE_SECS),
            loss_of=lambda batch, phase=phase: flow_loss(network, batch, phase),
            validate=lambda: endpoint_errors(method, validation),
            out=command.out,
            should_stop=command.should_stop,
            until=phase.until,
            log_steps=LOG_STEPS,
        )
    report = evaluate(method, command.data, held_out, pairs=PAIRS)
    (command.out / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n")
    figures = {f"{method} {name}": value for method, errors in report.items() for name, value in errors.items()}
    card = WeightsCard(
        variant="raft_small",
        joints=(),
        training_data=DATA,
        recipe=command.text,
        figures=figures,
        options={"updates": UPDATES},
    )
    save_weights(command.out / "raft_small.safetensors", training.average.network.state_dict(), card)
    samples = {"Held-out pairs": flow_rows(method, validation)}
    write_report(command.out, command.text, DATA, training, figures, CHARTS, samples)


def main() -> None:
    start("flow", __doc__, MINUTES, train)


if __name__ == "__main__":
    main()

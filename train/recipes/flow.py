"""jmpose_lite's flow, from scratch: RAFTs that start from dense inverse search, on pairs whose flow is known exactly.

    python -m train.recipes.flow --data ../shared/data --out runs/flow [--minutes N] [--resume]

Leaves raft_small.safetensors and raft_lite.safetensors (`guided_small` and `guided_lite` of jmpose_lite), log.jsonl,
checkpoint.pt and evaluation.json, beside OpenCV's search. On a GPU pairs are drawn there, hundreds a second; two cores
of a CPU draw about five. A machine without the data takes the file of `train.flow.package`.
"""

import json
from typing import Final

from jmpose_core.devices import pick_device
from jmpose_core.model.flow import GuidedFlow
from train.flow.cutouts import load_sources
from train.flow.flow_errors import PAIRS, evaluate, flow_method
from train.flow.learning import ON_CPU, ON_GPU, SIZE, UPDATES, FlowLearning
from train.flow.package import load_material
from train.recipes.command import Command, start

MINUTES: Final = 53.0
HEATMAP_SIZE: Final = (64, 48)
SAVE_SECS: Final = 120.0


def train(command: Command) -> None:
    """Learn until the time is spent, and measure."""
    device = pick_device("auto")
    material = load_material(command.data)
    sizes = ON_GPU if device.type == "cuda" else ON_CPU
    learning = FlowLearning(material, device, minutes=command.minutes, sizes=sizes)
    command.take_up(learning.training)
    learning.run(command.out, save_secs=SAVE_SECS)
    held_out = load_sources(command.data, held_out=True)
    report = {}
    for name, network in learning.averages().items():
        flow = GuidedFlow(network.cpu(), updates=UPDATES, size=SIZE, heatmap_size=HEATMAP_SIZE)
        report[name] = evaluate(flow_method(flow), command.data, held_out, pairs=PAIRS)
    (command.out / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n")


def main() -> None:
    start("flow", __doc__, MINUTES, train)


if __name__ == "__main__":
    main()

"""The siblings and the ablations, briefly, on clips that the refiner has learnt from: same clips, order and steps.

Leaves siblings.safetensors (each tensor named by its system) and comparison.jsonl, a line a system.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from jmpose_core.model.clip_maps import Refiner
from jmpose_core.model.dcpose import dcpose_lite_refiner
from jmpose_core.model.famipose import famipose_lite_refiner
from jmpose_core.model.jmpose import BUNDLED, Switches, jmpose_lite_refiner
from jmpose_core.model.lite import lite_network
from jmpose_core.model.tdmi import tdmi_lite_refiner
from train.motion.judging import Judge
from train.motion.learning import Plan, RefinerLearning

STEPS: Final = 300
BATCH: Final = 64
SEEDS: Final = 3
ROWS_FILE: Final = "comparison.jsonl"
SIBLINGS_FILE: Final = "siblings.safetensors"
SIBLINGS: Final[dict[str, Callable[[], Refiner]]] = {
    "tdmi_lite": tdmi_lite_refiner,
    "tdmi_st_lite": lambda: tdmi_lite_refiner(spatio_temporal=True),
    "famipose_lite": famipose_lite_refiner,
    "dcpose_lite": dcpose_lite_refiner,
}
# Switches of jmpose_lite_refiner that differ from the bundled ones.
ABLATIONS: Final[dict[str, Switches]] = {
    "bundled": {},
    "without CJL": {"cjl": False},
    "without JMML": {"jmml": False},
    "without JMIB": {"jmib": False},
    "without flow (JM-Pose*)": {"motion": "difference", "align": False, "frame_selection": False},
    "without IO": {},
    "without frame selection": {"frame_selection": False},
    "without features": {"feature_skip": False},
}
WITHOUT_IO: Final = "without IO"
PAPER: Final = "the paper's form"


def systems() -> dict[str, Callable[[], Refiner]]:
    """Every row by its name: the cheap ones first, so that what is stopped early has them."""
    return {
        **{name: lambda changed=changed: _bundled_with(changed) for name, changed in ABLATIONS.items()},
        PAPER: jmpose_lite_refiner,
        **SIBLINGS,
    }


def compare(trained: RefinerLearning, judge: Judge, out: Path, *, steps: int, batch: int, seeds: int) -> None:
    """Train and judge, on the clips that `trained` has encoded, every system that has no row of this recipe yet."""
    recipe = {"steps": steps, "batch": batch, "clips": len(trained.pool)}
    done = _rows(out, recipe)
    kept = load_file(out / SIBLINGS_FILE) if (out / SIBLINGS_FILE).exists() else {}
    for seed in range(seeds):
        for name, build in systems().items():
            if (name, seed) in done:
                continue
            torch.manual_seed(seed)
            alpha = 0.0 if name == WITHOUT_IO else None
            refiner = build().to(trained.device)
            learning = learnt(trained, refiner, seed=seed, alpha=alpha, steps=steps, batch=batch)
            judged = judge.figures(learning.network.refiner.eval(), trained.device)
            refined = {key: value for key, value in judged.items() if key.endswith(", refined")}
            if name in SIBLINGS and seed == 0:  # before its row, which says that all of it is done
                kept |= _named(name, refiner.state_dict())
                save_file(kept, out / SIBLINGS_FILE)
            entry = {"seed": seed, **recipe, "parameters": sum(value.numel() for value in refiner.parameters())}
            _note(out, name, entry | learning.io.figures() | refined)


def learnt(
    trained: RefinerLearning,
    refiner: Refiner,
    *,
    seed: int,
    alpha: float | None,
    steps: int,
    batch: int,
) -> RefinerLearning:
    """A refiner after some steps behind another's fixed parts, on the clips that the other learnt from last."""
    network = lite_network(trained.network.backbone, None, refiner).to(trained.device)
    learning = RefinerLearning(network, trained.flow_of, Plan(seconds=1.0, alpha=alpha, seed=seed))
    learning.learn_from(trained.pool, steps=steps, batch=batch, seed=seed)
    return learning


def _note(out: Path, system: str, figures: Mapping[str, float]) -> None:
    line = json.dumps({"system": system} | {name: round(value, 5) for name, value in figures.items()}) + "\n"
    with (out / ROWS_FILE).open("a") as file:
        file.write(line)


def _rows(out: Path, recipe: Mapping[str, int]) -> set[tuple[str, int]]:
    """System and seed of what is done by a recipe."""
    place = out / ROWS_FILE
    entries = [json.loads(line) for line in place.read_text().splitlines()] if place.exists() else []
    return {(entry["system"], entry["seed"]) for entry in entries if entry.items() >= recipe.items()}


def _bundled_with(changed: Switches) -> Refiner:
    switches: Switches = {**BUNDLED, **changed}
    return jmpose_lite_refiner(**switches)


def _named(system: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        f"{system}.refiner.{name}": (value.half() if value.dtype.is_floating_point else value).cpu().contiguous()
        for name, value in state.items()
    }

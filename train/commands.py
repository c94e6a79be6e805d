"""The commands of `python -m train`."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jmpose_core.training_messages import NewWeights, TrainingFailed
from train.finetune.corrected import FinetuneResult, finetune
from train.labels import read_labels
from train.loop.reports import report
from train.loop.training import make_folder
from train.recipes import preset_cli


def parse() -> argparse.Namespace:
    """The command line; its `run` takes it and a question whether to stop, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m train")
    commands = parser.add_subparsers(required=True)
    add_finetune(commands)
    preset_cli.add_command(commands)
    return parser.parse_args()


def add_finetune(commands: Any) -> None:
    """Register `finetune` with its options; `run_finetune` is its entry."""
    command: argparse.ArgumentParser = commands.add_parser("finetune", help="learn from corrected joints")
    command.add_argument(
        "data", type=Path, nargs="+", help=".jmpose projects, PoseTrack or COCO .json, JHMDB's .mat, HiEve's folders"
    )
    command.add_argument("--out", type=Path, required=True, help="folder for finetuned.safetensors")
    command.add_argument("--init", default="jmpose_lite", help="weights to start from")
    command.add_argument("--steps", type=int, default=300)
    command.add_argument("--device", default="auto")
    command.add_argument(
        "--by-position", action="store_true", help="image N of a file is the N-th picture of its folder"
    )
    command.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    command.set_defaults(run=run_finetune)


def run_finetune(arguments: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Fine-tune; exit code 1 where the new weights were not better.

    Raises:
        Cancelled: should_stop returned true.
        JMPoseError: labels or weights cannot be used, or the folder cannot be written to.
    """
    make_folder(arguments.out)
    result = finetune(
        read_labels(arguments.data, by_position=arguments.by_position),
        arguments.out,
        init=arguments.init,
        steps=arguments.steps,
        device=arguments.device,
        resume=arguments.resume,
        on_message=report,
        should_stop=should_stop,
    )
    if result.weights is None:
        report(TrainingFailed(f"The new weights were not better and were dropped: {measured(result)}"))
        return 1
    report(NewWeights(str(result.weights), measured(result)))
    return 0


def measured(result: FinetuneResult) -> str:
    """What was found on the held-out frames, for people."""
    if math.isnan(result.before):
        return "too few corrected frames to hold any out (five are needed), so nothing was measured"
    return (
        f"PCK@0.2 on {result.held_out} held-out corrected joints: "
        f"{100 * result.before:.1f} before, {100 * result.after:.1f} after"
    )

"""`python -m train finetune` and `jm-pose`: trainings that report as JSON lines on standard output.

The recipes of the bundled weights are commands of their own: train.recipes.
"""

import argparse
import math
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jmpose_core.errors import Cancelled, JMPoseError
from train.finetune.corrected import FinetuneResult, finetune, report
from train.labels import read_labels
from train.recipes import preset_cli as jm_pose_cli


def main() -> int:
    """Exit code 0 when the training came to its end, 1 with a {"failed": ...} line, 130 when it was stopped."""
    parser = argparse.ArgumentParser(prog="python -m train")
    commands = parser.add_subparsers(required=True)
    add_finetune(commands)
    jm_pose_cli.add_command(commands)
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        return arguments.run(arguments, stop.is_set)
    except Cancelled:
        return 130
    except JMPoseError as error:
        report(failed=str(error))
        return 1


def add_finetune(commands: Any) -> None:
    """Register `finetune` with its options; `run_finetune` is its entry."""
    command: argparse.ArgumentParser = commands.add_parser("finetune", help="learn from corrected joints")
    command.add_argument("data", type=Path, nargs="+", help=".jmpose projects or PoseTrack18 .json files")
    command.add_argument("--out", type=Path, required=True, help="folder for finetuned.safetensors")
    command.add_argument("--init", default="jmpose_lite", help="weights to start from")
    command.add_argument("--steps", type=int, default=300)
    command.add_argument("--device", default="auto")
    command.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    command.set_defaults(run=run_finetune)


def run_finetune(arguments: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Fine-tune; exit code 1 where the new weights were not better.

    Raises:
        Cancelled: should_stop said so.
        JMPoseError: labels or weights cannot be used.
    """
    result = finetune(
        read_labels(arguments.data),
        arguments.out,
        init=arguments.init,
        steps=arguments.steps,
        device=arguments.device,
        resume=arguments.resume,
        should_stop=should_stop,
    )
    if result.weights is None:
        report(failed=f"The new weights were not better and were dropped: {measured(result)}")
        return 1
    report(weights=str(result.weights), measured=measured(result))
    return 0


def measured(result: FinetuneResult) -> str:
    """What was found on the held-out frames, for people."""
    if math.isnan(result.before):
        return "too few corrected frames to hold any out (five are needed), so nothing was measured"
    return (
        f"PCK@0.2 on {result.held_out} held-out corrected joints: "
        f"{100 * result.before:.1f} before, {100 * result.after:.1f} after"
    )


if __name__ == "__main__":
    sys.exit(main())

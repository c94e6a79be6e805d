"""`python -m train jm-pose DATA... --out DIR --init WEIGHTS`, which `jmpose train --preset jm-pose` starts."""

import argparse
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jmpose_core.model.systems import POSE_NETWORKS
from jmpose_core.training_messages import NewWeights
from train.loop.reports import report
from train.loop.training import make_folder
from train.objectives.of_system import ESTIMATORS
from train.posetrack.preset import ABLATIONS, PoseTrackCommand, Switch
from train.recipes import hrnet, jm_pose

_MOST_WORKERS = 8


def add_command(commands: Any) -> None:
    """Register `jm-pose` with its options; `run` is its entry."""
    command: argparse.ArgumentParser = commands.add_parser("jm-pose", help="the paper's recipe on PoseTrack folders")
    command.add_argument("data", type=Path, nargs="+", help="PoseTrack17, 18 or 21 folders, with their images")
    command.add_argument("--out", type=Path, required=True, help="folder for VARIANT.safetensors and log.jsonl")
    command.add_argument("--init", action="append", default=[], help="weights of a fixed part; may be repeated")
    command.add_argument("--variant", default="jmpose_w48", choices=POSE_NETWORKS)
    command.add_argument("--estimator", default="gauss", choices=ESTIMATORS, help="of the information objective")
    command.add_argument("--without", action="append", default=[], choices=ABLATIONS, help="the paper's ablations")
    command.add_argument(
        "--switch", action="append", default=[], type=_switch, help="NAME or NAME=VALUE of the variant's builder"
    )
    command.add_argument("--at-once", type=int, help="clips a pass, as memory allows; a step's batch stays the same")
    command.add_argument("--workers", type=int, default=min(_MOST_WORKERS, os.cpu_count() or 1))
    command.add_argument("--device", default="auto")
    command.add_argument("--resume", action="store_true", help="go on from DIR/checkpoint.pt")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Train, reporting as the other trainings do; exit code 0.

    Raises:
        Cancelled: should_stop returned true.
        JMPoseError: data, weights or checkpoint cannot be used.
    """
    make_folder(arguments.out)
    command = PoseTrackCommand(
        data=tuple(arguments.data),
        out=arguments.out,
        init=tuple(arguments.init),
        variant=arguments.variant,
        estimator=arguments.estimator,
        without=tuple(sorted(set(arguments.without))),
        switches=dict(arguments.switch),
        device=arguments.device,
        workers=arguments.workers,
        at_once=arguments.at_once,
        resume=arguments.resume,
        should_stop=should_stop,
        on_progress=report,
    )
    network, _ = command.start
    result = (hrnet if network.delta == 0 else jm_pose).train(command)
    report(NewWeights(str(result.weights), _measured(result.mean_ap)))
    return 0


def _switch(word: str) -> tuple[str, Switch]:
    """`feature_skip`, `feature_skip=false`, `reach=4` or `motion=difference`, as the builder takes it."""
    name, _, value = word.partition("=")
    if value.lower() in ("", "true", "false"):
        return name, value.lower() != "false"
    return name, int(value) if value.isdecimal() else value


def _measured(mean_ap: float) -> str:
    if math.isnan(mean_ap):
        return "no val split with ground truth, so nothing was measured and the last epoch was kept"
    return f"mAP {mean_ap:.1f} on the val split with ground-truth boxes, the best epoch"

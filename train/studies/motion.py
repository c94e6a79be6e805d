"""What the refiner gains from motion, on real clips of people and places that it never saw.

    python -m train.studies.motion --data ../shared/data [--weights NAME_OR_FILE ...] [--pairs N] [--json FILE]

JHMDB's held-out films, ground-truth boxes, every window cropped by its key frame's box as the paper does. Judged as
filmed, with faults in the key frame alone, and with faults in a stretch about it (blur along the motion, defocus, low
light, things in front, compression). Beside each other: the initial heatmaps, their mean over five frames without and
with alignment along the flow, the refined heatmaps, and an oracle that takes for each joint the best of the aligned
frames and their mean.

PCK is the share of labelled joints within 0.2 of the torso, or within 0.2 or 0.1 of the person's size, which is the
longer side of the box of the labelled joints. Jitter is the error of motion between neighbouring frames, in percent of
that size. Intervals: 95 % of a bootstrap over source films, whose clips show the same people.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import cv2
import torch

from jmpose_core.devices import pick_device
from jmpose_core.errors import JMPoseError
from jmpose_core.model.systems import load_pose_network
from train.motion.encoding import flow_within
from train.motion.held_out import PAIRS
from train.motion.jhmdb import DecodedClips, read_clips
from train.motion.judging import Judge
from train.motion.measures import JITTER, PERSON, PERSON_WIDE, STAGES, TORSO, Figure, Table, Totals, figure

_AT_ONCE: Final = 8  # clips that the fixed parts are shown
MEASURES: Final = (PERSON, PERSON_WIDE, TORSO, JITTER)
# What must be shown: measure, stage, the stage that it is compared with.
GAINS: Final = ((PERSON, "refined", "initial"), (PERSON, "refined", "aligned mean"), (JITTER, "refined", "initial"))


def judged(weights: str, judge: Judge, device: torch.device) -> dict[str, Table]:
    """The measures of each condition by the refiner of a weights file, behind the fixed parts of `judge`."""
    network = load_pose_network(weights).to(device).eval()
    return judge.tables(network.refiner, device)


def judge_of(weights: str, data: Path, device: torch.device, *, pairs: int, workers: int) -> Judge:
    """Held-out clips after the fixed parts of a weights file."""
    network = load_pose_network(weights).to(device).eval()
    with tempfile.TemporaryDirectory() as folder:
        clips = [clip for clip in read_clips(data / "videos" / "jhmdb") if clip.is_held_out]
        held_out = DecodedClips(clips, Path(folder) / "frames.npy")
        return Judge.of(network, flow_within(network), held_out, pairs=pairs, batch=_AT_ONCE, workers=workers)


def table(found: Mapping[str, Table]) -> str:
    """Markdown: a row for each condition and measure, a column for each stage."""
    lines = ["| clips | measure | " + " | ".join(STAGES) + " |", "|---" * (len(STAGES) + 2) + "|"]
    for condition, measures in found.items():
        for name in MEASURES:
            cells = [str(figure(measures[name][stage])) if stage in measures[name] else "" for stage in STAGES]
            lines.append(f"| {condition} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def gains(found: Mapping[str, Table]) -> str:
    """Differences on the same people, with their intervals."""
    lines = []
    for condition, measures in found.items():
        for name, stage, other in GAINS:
            pair = measures[name][stage], measures[name][other]
            lines.append(f"- {condition}, {name}: {stage} less {other} {figure(*pair)}{_share(name, *pair)}")
    return "\n".join(lines) + "\n"


def _share(name: str, stage: Totals, other: Totals) -> str:
    if name != JITTER:
        return ""
    return f", {100 * (figure(stage).mean / figure(other).mean - 1):+.0f} %"


def as_json(found: Mapping[str, Table]) -> str:
    """Every figure with its interval."""
    tree: dict[str, dict[str, dict[str, list[float]]]] = {}
    for condition, measures in found.items():
        for name, stages in measures.items():
            for stage, pair in stages.items():
                one: Figure = figure(pair)
                tree.setdefault(condition, {}).setdefault(name, {})[stage] = [one.mean, one.low, one.high]
    return json.dumps(tree, indent=1) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/jhmdb/")
    parser.add_argument("--weights", nargs="+", default=["jmpose_lite"], help="names or files with the same backbone")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="of neighbouring key frames, of each clip")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, help="also write all figures of the first weights here")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    try:
        device = pick_device(arguments.device)
        first, *others = arguments.weights
        judge = judge_of(first, arguments.data, device, pairs=arguments.pairs, workers=arguments.workers)
        for weights in (first, *others):
            found = judged(weights, judge, device)
            sys.stdout.write(f"## {weights}\n\n{table(found)}\n{gains(found)}\n")
            if arguments.json and weights == first:
                arguments.json.write_text(as_json(found))
    except JMPoseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

"""Siblings and ablations of the bundled form beside each other, on real clips: same clips, order and steps.

    python -m train.studies.family --data ../shared/data --people runs/people --out runs/family [--seeds N]

All stand behind backbone and flow of one weights file, which stay fixed: what they make of the clips is computed once.
`--people` is a pack of python -m train.crowds.packing. Judged on JHMDB's held-out films with ground-truth boxes, as by
train.studies.motion. A row that OUT/comparison.jsonl has of as many clips, the same steps and batch is not made again.
Leaves siblings.safetensors there as well, the siblings' refiners of the first seed.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import cv2

from jmpose_core.devices import pick_device
from jmpose_core.errors import JMPoseError
from jmpose_core.model.systems import load_pose_network
from train.motion.encoding import flow_within
from train.motion.family import BATCH, SEEDS, STEPS, compare
from train.motion.jhmdb import DecodedClips, read_clips
from train.motion.learning import Plan, RefinerLearning
from train.motion.samples import MovingPeople
from train.motion.stills import read_stills, with_witness
from train.studies.motion import judge_of

_AT_ONCE: Final = 8  # clips that the fixed parts are shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/jhmdb/")
    parser.add_argument("--people", type=Path, required=True, help="folder of a pack of people")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default="jmpose_lite", help="name or file: backbone and flow")
    parser.add_argument("--clips", type=int, default=4096, help="to learn from")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--pairs", type=int, default=1, help="of neighbouring key frames, of each held-out clip")
    parser.add_argument("--workers", type=int, default=1, help="processes that make clips")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    try:
        _study(arguments)
    except JMPoseError as error:
        sys.exit(str(error))


def _study(arguments: argparse.Namespace) -> None:
    device = pick_device(arguments.device)
    network = load_pose_network(arguments.weights).to(device).eval()
    arguments.out.mkdir(parents=True, exist_ok=True)
    judge = judge_of(arguments.weights, arguments.data, device, pairs=arguments.pairs, workers=arguments.workers)
    clips = with_witness(read_clips(arguments.data / "videos" / "jhmdb"), arguments.people)
    learnt = DecodedClips([clip for clip in clips if not clip.is_held_out], arguments.out / "learnt.npy")
    people = [still for still in read_stills(arguments.people) if not still.held_out]
    plan = Plan(seconds=1.0, encode=_AT_ONCE, capacity=arguments.clips, workers=arguments.workers)
    learning = RefinerLearning(network, flow_within(network), plan)
    learning.encode_clips(MovingPeople(learnt, people, crop_size=network.crop_size, seed=plan.seed), arguments.clips)
    compare(learning, judge, arguments.out, steps=arguments.steps, batch=arguments.batch, seeds=arguments.seeds)


if __name__ == "__main__":
    main()

"""Fit each joint's confidence on JHMDB's held-out films, as filmed and spoilt: real motion, both stages.

    python -m train.studies.film_calibration --data ../shared/data --weights FILE --out FILE [--report FILE.json]

As train.lite.calibration, which takes stills and clips made from them. JHMDB labels neither nose nor head top: theirs
is the mean joint's offset. Figures are of people that their model was not fitted on, halved by source film.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from torch import Tensor

from jmpose_core.devices import pick_device
from jmpose_core.errors import JMPoseError
from jmpose_core.model.calibration import RawPeak, evidence
from jmpose_core.model.clip_maps import Refiner
from jmpose_core.model.heatmaps import decode
from jmpose_core.model.stages import Stage
from jmpose_core.model.systems import load_pose_network
from train.lite.calibration import write_calibrated
from train.lite.outcomes import CLOSE, Outcomes, head_sizes
from train.motion.judging import Judge
from train.motion.measures import Truth
from train.studies.motion import judge_of

_BATCH: Final = 16


def observed(judge: Judge, refiner: Refiner, device: torch.device) -> dict[Stage, Outcomes]:
    """Which joints of the held-out key frames each stage had right, and what its heatmaps had said."""
    seen: dict[Stage, list[Outcomes]] = {"initial": [], "refined": []}
    for condition, (maps, dataset, places) in judge.clips.items():
        truth = dataset.truth(places)
        refined = []
        for part in maps.split(_BATCH):
            with torch.inference_mode():
                refined.append(refiner(part.to(device, torch.float32).for_refiner(refiner)).refined.float().cpu())
        seen["initial"].append(outcomes_of(maps.key_initial.float().cpu(), truth, condition))
        seen["refined"].append(outcomes_of(torch.cat(refined), truth, condition))
    return {stage: Outcomes.joined(parts) for stage, parts in seen.items()}


def outcomes_of(heatmaps: Tensor, truth: Truth, condition: str) -> Outcomes:
    """What heatmaps (N, 15, h, w) say of every labelled joint."""
    found = truth.in_image(decode(heatmaps, blur_sigma=1.0)[0])
    sizes = head_sizes(truth.joints, truth.labelled)[:, None]
    correct = np.linalg.norm(found - truth.joints, axis=2) <= CLOSE * sizes
    counted = truth.labelled & np.isfinite(sizes)
    person, joint = np.nonzero(counted)
    films = np.unique(truth.group, return_inverse=True)[1]
    return Outcomes(
        evidence(heatmaps).double().numpy()[counted],
        RawPeak()(heatmaps).double().numpy()[counted],
        joint,
        correct[counted],
        (films % 2)[person],
        np.full(len(person), condition),
    )


def calibrate(weights: Path, judge: Judge, out: Path, device: torch.device) -> dict[Stage, dict[str, Any]]:
    """Fit both stages of a weights file and write it with them; a report of each.

    Raises:
        WeightsError: the weights are not a pose network's, or `out` cannot be written.
    """
    seen = observed(judge, load_pose_network(weights).to(device).eval().refiner, device)
    return write_calibrated(weights, seen, out, recipe="python -m train.studies.film_calibration")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/jhmdb/")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=2, help="of neighbouring key frames, of each clip")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    try:
        device = pick_device(arguments.device)
        judge = judge_of(str(arguments.weights), arguments.data, device, pairs=arguments.pairs, workers=0)
        reports = calibrate(arguments.weights, judge, arguments.out, device)
    except JMPoseError as error:
        sys.exit(str(error))
    if arguments.report:
        arguments.report.write_text(json.dumps(reports, indent=1))


if __name__ == "__main__":
    main()

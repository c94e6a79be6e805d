"""Fit each joint's confidence on held-out people, and say how far it can be trusted.

    python -m train.lite.calibration --data ../shared/data --teacher runs/teacher \
        --weights runs/refiner/jmpose_lite.safetensors --out runs/calibrated/jmpose_lite.safetensors --report FILE.json

The initial stage is fitted on single crops, the refined one on clips, clean and degraded. Every figure
is of people that its model was not fitted on: people are halved by their image, each half is judged
by the other half's model. The model that is stored is fitted on both halves.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.reliability import area_under_roc, brier_score, expected_calibration_error, reliability
from jmpose_core.model.calibration import EVIDENCE, PeakCalibration, with_calibrations
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.stages import Stage
from jmpose_core.model.systems import load_pose_network
from jmpose_core.skeleton import JOINTS, NUM_JOINTS
from jmpose_core.weights.files import read_weights, save_weights
from train.lite.outcomes import Flags, Floats, Outcomes, outcomes, refined, stills
from train.lite.refinement import held_out_clips
from train.people.poses import LabelledPerson, is_validation, read_people

_SLOPE_L2: Final = 0.1  # weak: the slopes see thousands of joints
_OFFSET_L2: Final = 1.0  # of each joint's distance to the mean joint, as some have few labels


def fit(seen: Outcomes) -> PeakCalibration:
    """The most likely logistic model, slopes held at 0 or more, with a weak ridge.

    Raises:
        FormatError: every joint is correct, or every one wrong: there is nothing to tell apart.
    """
    if seen.correct.all() or not seen.correct.any():
        raise FormatError("all joints to calibrate on are correct, or all are wrong; give more held-out people")
    features = len(EVIDENCE)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slopes, mean, own = parameters[:features], parameters[features], parameters[features + 1 :]
        logit = seen.evidence @ slopes + mean + own[seen.joint]
        value = np.logaddexp(0, np.where(seen.correct, -logit, logit)).sum()
        value += (_SLOPE_L2 * (slopes**2).sum() + _OFFSET_L2 * (own**2).sum()) / 2
        error = expit(logit) - seen.correct
        by_joint = np.bincount(seen.joint, error, NUM_JOINTS) + _OFFSET_L2 * own
        return value, np.concatenate([seen.evidence.T @ error + _SLOPE_L2 * slopes, [error.sum()], by_joint])

    bounds = [(0, None)] * features + [(None, None)] * (1 + NUM_JOINTS)
    best = minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds).x
    offsets = best[features] + best[features + 1 :]
    return PeakCalibration(torch.from_numpy(best[:features]), torch.from_numpy(offsets))


def probabilities(calibration: PeakCalibration, seen: Outcomes) -> Floats:
    """(M,) of joints by the evidence that spoke for them."""
    slopes, offsets = calibration.slopes.double().numpy(), calibration.offsets.double().numpy()
    return expit(seen.evidence @ slopes + offsets[seen.joint])


def cross_fitted(seen: Outcomes) -> Floats:
    """(M,) probabilities, each half's by the model of the other half."""
    result = np.empty(len(seen.correct))
    for half in (0, 1):
        own = seen.half == half
        result[own] = probabilities(fit(seen.chosen(~own)), seen.chosen(own))
    return result


def figures(probability: Floats, correct: Flags) -> dict[str, float]:
    """ECE with 15 bins, AUROC and Brier score, and how many joints, how many of them correct."""
    return {
        "ECE": expected_calibration_error(probability, correct),
        "ECE, equal width": expected_calibration_error(probability, correct, equal_mass=False),
        "AUROC": area_under_roc(probability, correct),
        "Brier": brier_score(probability, correct),
        "joints": len(correct),
        "correct": float(correct.mean()) if len(correct) else float("nan"),
    }


def report_of(seen: Outcomes, calibration: PeakCalibration) -> dict[str, Any]:
    """Cross-fitted figures of a stage, and `calibration`, which is the one that is stored."""
    probability = cross_fitted(seen)

    def of(which: Flags) -> dict[str, float]:
        return figures(probability[which], seen.correct[which])

    return {
        "note": "each half of the people judged by the other half's model; the stored model is fitted on both halves",
        "calibrated": figures(probability, seen.correct),
        "raw peak": figures(seen.raw, seen.correct),
        "by picture": {str(name): of(seen.condition == name) for name in np.unique(seen.condition)},
        "by joint": {name: of(seen.joint == index) for index, name in enumerate(JOINTS)},
        "reliability": reliability(probability, seen.correct).round(4).tolist(),
        "slopes": dict(zip(EVIDENCE, calibration.slopes.tolist(), strict=True)),
        "offsets": dict(zip(JOINTS, calibration.offsets.tolist(), strict=True)),
    }


def observe(network: PoseNetwork, people: list[LabelledPerson]) -> dict[Stage, Outcomes]:
    """Outcomes of each stage that the network has."""
    seen: dict[Stage, Outcomes] = {"initial": outcomes(stills(network, people), people, "stills")}
    if network.refiner.frames > 1:
        parts = []
        for name in ("clean", "degraded"):
            clips = held_out_clips(people, network.crop_size, degraded=name == "degraded", reach=network.delta)
            parts.append(outcomes(refined(network, clips), people, f"{name} clips"))
        seen["refined"] = Outcomes.joined(parts)
    return seen


def calibrate(weights: Path, people: list[LabelledPerson], out: Path) -> dict[Stage, dict[str, Any]]:
    """Fit on `people`, none of them trained on, and write `out`: the same weights with calibration and its figures.

    Returns:
        A report for each stage.

    Raises:
        WeightsError: the weights are not a pose network's, or `out` cannot be written.
    """
    seen = observe(load_pose_network(weights).eval(), people)
    return write_calibrated(weights, seen, out, recipe="python -m train.lite.calibration")


def write_calibrated(
    weights: Path, seen: Mapping[Stage, Outcomes], out: Path, *, recipe: str
) -> dict[Stage, dict[str, Any]]:
    """Fit each stage on what was seen of it, and write `out`: the same weights with calibration and its figures.

    Args:
        recipe: the command that asked for it, for the weights' card.

    Returns:
        A report for each stage.

    Raises:
        WeightsError: `weights` cannot be read, or `out` cannot be written.
    """
    calibrations: dict[Stage, PeakCalibration] = {stage: fit(own) for stage, own in seen.items()}
    reports: dict[Stage, dict[str, Any]] = {stage: report_of(own, calibrations[stage]) for stage, own in seen.items()}
    state, card = read_weights(weights)
    measured = {
        f"{stage} confidence, {name}": report["calibrated"][name]
        for stage, report in reports.items()
        for name in ("ECE", "AUROC", "Brier")
    }
    card = msgspec.structs.replace(card, figures=card.figures | measured, recipe=f"{card.recipe}; {recipe}")
    save_weights(out, with_calibrations(state, calibrations), card)
    return reports


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with coco/")
    parser.add_argument("--teacher", type=Path, required=True, help="what train.teachers.labelling wrote")
    parser.add_argument("--weights", type=Path, required=True, help="of a whole pose network")
    parser.add_argument("--out", type=Path, required=True, help="weights file to write; may be --weights itself")
    parser.add_argument("--report", type=Path, help="JSON file for all figures")
    parser.add_argument("--step", type=int, default=1, help="1: every held-out person is used; 3: every third")
    arguments = parser.parse_args()
    folders = (arguments.teacher / "lspet", arguments.data / "coco")
    people = [person for folder in folders for person in read_people(folder) if is_validation(person)]
    reports = calibrate(arguments.weights, people[:: arguments.step], arguments.out)
    if arguments.report:
        arguments.report.write_text(json.dumps(reports, indent=1))


if __name__ == "__main__":
    main()

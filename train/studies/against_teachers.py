"""Our pose network beside MoveNet Thunder and MultiPose: the same held-out people, the same boxes, the same run.

    python -m train.studies.against_teachers --data ../shared/data [--weights jmpose_lite] [--json OUT]

Accuracy is PCK@0.2 of the torso over the joints that both label, from ground-truth boxes; MultiPose sees the
person's square crop and answers with the person nearest to its centre. Cost is the median time a person on two
threads, taken in turns so that a busy machine disturbs all alike.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from jmpose_core import geometry
from jmpose_core.estimation.clip import cut
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.evaluation.pck import pck
from jmpose_core.skeleton import JOINTS
from train.people.poses import LabelledPerson, is_validation, read_people
from train.teachers.labelling import COCO
from train.teachers.movenet import MultiPose, Thunder

SHARED: Final = tuple(index for index, joint in enumerate(JOINTS) if joint in COCO)
_TURNS: Final = 30
_STREAM: Final = 12  # key frames of one person that follow each other

Poses = npt.NDArray[np.float64]


def accuracy(people: Sequence[LabelledPerson], pose_of: Callable[[LabelledPerson], Poses]) -> float:
    """PCK@0.2 over the joints that MoveNet has, of `pose_of` (15, 2), in percent; head joints never count."""
    predicted = np.stack([pose_of(person) for person in people])
    truth = np.stack([person.keypoints for person in people])
    labelled = np.stack([person.weight > 0.999 for person in people])
    labelled[:, [index for index in range(len(JOINTS)) if index not in SHARED]] = False
    return 100 * float(pck(predicted, truth, labelled, threshold=0.2).total)


def from_coco(pose: Poses) -> Poses:
    """MoveNet's joints (17, 2 or more) as ours (15, 2); 0 for those that it lacks."""
    ours = np.zeros((len(JOINTS), 2))
    for index in SHARED:
        ours[index] = pose[COCO.index(JOINTS[index]), :2]
    return ours


def nearest_of(found: Poses, side: int) -> Poses:
    """Of MultiPose's people (6, 56), the joints (17, 2) in pixels of the one nearest to the middle of the crop."""
    likely = found[found[:, 55] >= 0.5 * found[:, 55].max()]
    centres = np.column_stack([likely[:, 52] + likely[:, 54], likely[:, 51] + likely[:, 53]]) / 2
    person = likely[np.abs(centres - 0.5).sum(axis=1).argmin()]
    return person[:51].reshape(17, 3)[:, [1, 0]] * side - 0.5


def in_turns(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median milliseconds of each, one after another, again and again."""
    secs: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(_TURNS + 3):
        for name, task in work.items():
            started = time.perf_counter()
            task()
            if turn >= 3:
                secs[name].append(time.perf_counter() - started)
    return {name: 1000 * statistics.median(measured) for name, measured in secs.items()}


def compare(data: Path, weights: str) -> dict[str, float]:
    """All figures by name: accuracy in percent, cost in milliseconds a person."""
    torch.set_num_threads(2)
    estimator = PoseEstimator(weights, device="cpu")
    thunder = Thunder(data / "teachers" / "movenet-thunder.onnx", threads=2)
    multipose = MultiPose(data / "teachers" / "movenet-multipose.onnx", threads=2, longest_side=Thunder.SIDE)

    def multiposed(person: LabelledPerson) -> Poses:
        side = Thunder.SIDE
        crop_from_image = geometry.crop_from_image(person.bbox_xyxy, (side, side))
        crop = cut(person.image(), crop_from_image, (side, side))
        return from_coco(geometry.apply(geometry.inverse(crop_from_image), nearest_of(multipose.people(crop), side)))

    systems: dict[str, Callable[[LabelledPerson], Poses]] = {
        "jmpose_lite, initial": lambda person: estimator.still(person.image(), person.bbox_xyxy),
        "MoveNet Thunder": lambda person: from_coco(thunder.pose(person.image(), person.bbox_xyxy)),
        "MoveNet MultiPose": multiposed,
    }
    figures = {}
    for source in ("lspet", "coco"):
        people = [person for person in read_people(data / source) if is_validation(person)]
        for name, pose_of in systems.items():
            figures[f"{source} PCK@0.2, {name}"] = accuracy(people, pose_of)
    return figures | _costs(estimator, thunder, multipose)


def _costs(estimator: PoseEstimator, thunder: Thunder, multipose: MultiPose) -> dict[str, float]:
    rng = np.random.default_rng(0)
    square = rng.integers(0, 256, (Thunder.SIDE, Thunder.SIDE, 3), dtype=np.uint8)
    whole = (0.0, 0.0, float(Thunder.SIDE), float(Thunder.SIDE))
    delta = estimator.network.delta
    crops = rng.integers(0, 256, (_STREAM + 2 * delta, *estimator.network.crop_size, 3), dtype=np.uint8)
    measured = in_turns(
        {
            "MoveNet Thunder": lambda: thunder.pose(square, whole),
            "MoveNet MultiPose": lambda: multipose.people(square),
            "jmpose_lite, initial": lambda: estimator.streaming.heatmaps(crops[:_STREAM], "initial"),
            "jmpose_lite, refined, streaming": lambda: estimator.streaming.heatmaps(crops, "refined"),
        }
    )
    persons = {"jmpose_lite, initial": _STREAM, "jmpose_lite, refined, streaming": _STREAM}
    return {f"ms a person, {name}": value / persons.get(name, 1) for name, value in measured.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", default="jmpose_lite")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = compare(arguments.data, arguments.weights)
    text = json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=1) + "\n"
    sys.stdout.write(text)
    if arguments.json is not None:
        arguments.json.write_text(text)


if __name__ == "__main__":
    main()

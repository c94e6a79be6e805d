"""Our pose network beside MoveNet Thunder, MultiPose and TinyPose: the same held-out people, boxes and run.

    python -m train.studies.against_teachers --data ../shared/data [--weights jmpose_lite] [--json OUT] [--sources ...]

Accuracy is PCK@0.2 of the torso from ground-truth boxes, of all joints that are labelled, and of the joints that all
have. "told": the network takes the bundled detector's witness as its person prior. MultiPose sees the whole picture,
and its people are given to the boxes by intersection over union; where it has nobody for a box, its joints are missed.
Cost is the median time a person on two threads, taken in turns so that a busy machine disturbs all alike.
"""

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from jmpose_core.estimation.detection import PersonDetector
from jmpose_core.estimation.options import EstimateOptions
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.evaluation.pck import pck, torso_sizes
from jmpose_core.skeleton import JOINTS
from train.people.films import held_out_people
from train.people.poses import LabelledPerson, is_validation, read_people
from train.studies.crowd_sets import CrowdClip
from train.studies.crowds import System, multipose_of, ours, thunder_of
from train.teachers.labelling import COCO
from train.teachers.movenet import MultiPose, Thunder
from train.teachers.tinypose import TinyPose

SOURCES: Final = ("lspet", "coco", "coco2", "jhmdb")
SHARED: Final = tuple(index for index, joint in enumerate(JOINTS) if joint in COCO)
_JHMDB_STEP: Final = 4  # frames between two that are judged
_THRESHOLD: Final = 0.2
_TURNS: Final = 30
_STREAM: Final = 12  # key frames of one person that follow each other

Poses = npt.NDArray[np.float64]


def held_out(data: Path, source: str) -> list[LabelledPerson]:
    """The people of a source that nothing was trained on, those of one picture beside each other."""
    if source == "jhmdb":
        return list(held_out_people(data / "videos" / "jhmdb", step=_JHMDB_STEP))
    return [person for person in read_people(data / source) if is_validation(person)]


def clips_of(people: Sequence[LabelledPerson]) -> Iterator[CrowdClip]:
    """The people of each picture as a clip of one frame."""
    for image_id, group in itertools.groupby(people, lambda person: person.image_id):
        own = list(group)
        keypoints = np.stack([person.keypoints for person in own]).astype(np.float64)
        labelled = np.stack([person.weight > 0.999 for person in own])
        yield CrowdClip(
            name=f"{own[0].source} {image_id}",
            frames=(own[0].image(),),
            boxes=np.array([person.bbox_xyxy for person in own])[None],
            keypoints=keypoints[None],
            labelled=labelled[None],
            counted=labelled[None],
            sizes=torso_sizes(keypoints, labelled)[None],
            threshold=_THRESHOLD,
        )


def accuracy(clips: Sequence[CrowdClip], poses: Sequence[Poses], joints: Sequence[int]) -> float:
    """PCK@0.2 of some of the joints, of poses (1, N, 15, 2) a clip, in percent."""
    counted = np.concatenate([clip.labelled[0] for clip in clips])
    counted[:, [joint for joint in range(len(JOINTS)) if joint not in joints]] = False
    truth = np.concatenate([clip.keypoints[0] for clip in clips])
    sizes = np.concatenate([clip.sizes[0] for clip in clips])
    predicted = np.concatenate([found[0] for found in poses])
    return 100 * float(pck(predicted, truth, counted, threshold=_THRESHOLD, sizes=sizes).total)


def tinypose_of(model: TinyPose) -> System:
    """TinyPose in every labelled box."""

    def poses(clip: CrowdClip) -> Poses:
        found = np.full(clip.keypoints.shape, np.nan)
        for frame, (picture, boxes) in enumerate(zip(clip.frames, clip.boxes, strict=True)):
            for person, (left, top, right, bottom) in enumerate(boxes.tolist()):
                coco = model.pose(picture, (left, top, right, bottom))
                for joint in SHARED:
                    found[frame, person, joint] = coco[COCO.index(JOINTS[joint]), :2]
        return found

    return poses


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


def compare(data: Path, weights: str, sources: Sequence[str] = SOURCES) -> dict[str, float]:
    """All figures by name: accuracy in percent, cost in milliseconds a person."""
    torch.set_num_threads(2)
    estimator, detector = PoseEstimator(weights, device="cpu"), PersonDetector("detector", "cpu")
    thunder = Thunder(data / "teachers" / "movenet-thunder.onnx", threads=2)
    multipose = MultiPose(data / "teachers" / "movenet-multipose.onnx", threads=2)
    initial = EstimateOptions(stage="initial")
    systems = {
        "jmpose_lite, initial, boxes alone": ours(estimator, initial),
        "jmpose_lite, initial, told": ours(estimator, initial, detector),
        "MoveNet Thunder": thunder_of(thunder),
        "MoveNet MultiPose": multipose_of(multipose),
        "TinyPose": tinypose_of(TinyPose(data / "teachers" / "tinypose_256x192.param", threads=2)),
    }
    figures = {}
    for source in sources:
        clips = list(clips_of(held_out(data, source)))
        for name, system in systems.items():
            poses = [system(clip) for clip in clips]
            if name.startswith("jmpose_lite"):
                figures[f"{source} PCK@0.2, {name}"] = accuracy(clips, poses, range(len(JOINTS)))
            figures[f"{source} PCK@0.2 of the shared joints, {name}"] = accuracy(clips, poses, SHARED)
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
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=SOURCES)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = compare(arguments.data, arguments.weights, arguments.sources)
    text = json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=1) + "\n"
    sys.stdout.write(text)
    if arguments.json is not None:
        arguments.json.write_text(text)


if __name__ == "__main__":
    main()

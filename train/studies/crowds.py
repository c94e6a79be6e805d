"""Whose joint is it: our poses of people who overlap others, beside MoveNet's, on the same people in the same run.

    python -m train.studies.crowds --data ../shared/data [--weights jmpose_lite] [--sets coco synthetic posetrack]

Ground-truth boxes; the twelve joints that all systems have; people of whose box more than a fifth lies in another's
(of the three PoseTrack frames everybody). "accuracy" is PCK@0.2 of the torso (posetrack: PCKh@0.5), "a neighbour's"
the share of joints that lie nearer to another labelled person's joint of that name than to the person's own; both in
percent, with 95 % bootstrap intervals over people. MultiPose sees the whole picture, and its people are given to the
boxes by intersection over union; where it has nobody for a box, its joints are missed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment

from jmpose_core.drawing import Picture
from jmpose_core.errors import JMPoseError
from jmpose_core.estimation.detection import Detections, PersonDetector
from jmpose_core.estimation.options import EstimateOptions
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.estimation.witness import Look
from jmpose_core.geometry import Xyxy, iou
from jmpose_core.skeleton import JOINTS, NUM_JOINTS
from jmpose_core.video.base import Fingerprint, Video
from train.studies import crowd_sets
from train.studies.crowd_sets import CrowdClip, Floats
from train.teachers.labelling import COCO
from train.teachers.movenet import MultiPose, Thunder

_RESAMPLES: Final = 2000
_LEAST_IOU: Final = 0.3  # between a labelled box and MultiPose's
_LEAST_SCORE: Final = 0.1  # of people that the detector shows, as in the engine
_OURS_OF_COCO: Final = [COCO.index(name) if name in COCO else -1 for name in JOINTS]

System = Callable[[CrowdClip], Floats]  # -> joints (T, N, 15, 2), NaN where there are none


class Frames(Video):
    """Pictures in memory in a video's place."""

    def __init__(self, name: str, pictures: Sequence[Picture]) -> None:
        self.path = Path(name)
        self.frame_count = len(pictures)
        self.height, self.width = pictures[0].shape[:2]
        self.fps = 25.0
        self.times = np.arange(len(pictures)) / self.fps
        self._pictures = pictures

    def _read(self, index: int) -> Picture:
        return self._pictures[index]

    def image_name(self, index: int) -> str:
        return f"{index:06d}.jpg"

    def fingerprint(self) -> Fingerprint:
        return Fingerprint(self.frame_count, self.width, self.height, str(self.path))

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Of one person: joints that are counted, right ones, and those that are a neighbour's, over all frames."""

    counted: int
    right: int
    neighbours: int


def ours(estimator: PoseEstimator, options: EstimateOptions, detector: PersonDetector | None = None) -> System:
    """Our poses of every labelled box; with a detector, told whose joints are meant."""

    def poses(clip: CrowdClip) -> Floats:
        tracks = {
            person: {frame: _xyxy(clip.boxes[frame, person]) for frame in range(len(clip.frames))}
            for person in range(clip.boxes.shape[1])
        }
        found = np.full(clip.keypoints.shape, np.nan)
        video = Frames(clip.name, clip.frames)
        look = None if detector is None else _remembered(detector)
        for person in estimator.estimate(video, tracks, options=options, look=look):
            found[person.frame_index, person.track_id] = person.keypoints
        return found

    return poses


def thunder_of(model: Thunder) -> System:
    """MoveNet Thunder in every labelled box."""

    def poses(clip: CrowdClip) -> Floats:
        return np.stack(
            [
                np.stack([_as_ours(model.pose(picture, _xyxy(box))) for box in boxes])
                for picture, boxes in zip(clip.frames, clip.boxes, strict=True)
            ]
        )

    return poses


def multipose_of(model: MultiPose) -> System:
    """MoveNet MultiPose on the whole picture, its people given to the labelled boxes."""

    def poses(clip: CrowdClip) -> Floats:
        found = np.full(clip.keypoints.shape, np.nan)
        for frame, (picture, boxes) in enumerate(zip(clip.frames, clip.boxes, strict=True)):
            joints, own_boxes = model.poses(picture)
            overlap = iou(boxes, own_boxes)
            for box, person in zip(*linear_sum_assignment(-overlap), strict=True):
                if overlap[box, person] >= _LEAST_IOU:
                    found[frame, box] = _as_ours(joints[person])
        return found

    return poses


def judged(clip: CrowdClip, poses: Floats) -> Iterator[Judged]:
    """Each person of a clip that has joints to be found."""
    distance = np.linalg.norm(poses - clip.keypoints, axis=3)
    right = np.nan_to_num(distance, nan=np.inf) <= clip.threshold * clip.sizes[..., None]
    stolen = np.zeros_like(right)
    for person in range(clip.boxes.shape[1]):
        for other in range(clip.boxes.shape[1]):
            if other != person:
                with np.errstate(invalid="ignore"):
                    nearer = np.linalg.norm(poses[:, person] - clip.keypoints[:, other], axis=2) < distance[:, person]
                stolen[:, person] |= nearer & clip.labelled[:, other]
    for person in range(clip.boxes.shape[1]):
        counted = clip.counted[:, person]
        if counted.any():
            yield Judged(
                int(counted.sum()),
                int((right[:, person] & counted).sum()),
                int((stolen[:, person] & counted).sum()),
            )


def figures(people: Sequence[Judged]) -> dict[str, float]:
    """Accuracy and neighbours' joints in percent, each with the ends of its interval."""
    table = np.array([[person.counted, person.right, person.neighbours] for person in people], np.float64)
    rng = np.random.default_rng(0)
    sums = np.stack([table[rng.integers(0, len(table), len(table))].sum(axis=0) for _ in range(_RESAMPLES)])
    whole = table.sum(axis=0)
    named = {}
    for name, column in (("accuracy", 1), ("a neighbour's", 2)):
        low, high = np.quantile(100 * sums[:, column] / sums[:, 0], [0.025, 0.975])
        named |= {name: 100 * whole[column] / whole[0], f"{name}, from": low, f"{name}, to": high}
    return named


def study(clips: Sequence[CrowdClip], systems: dict[str, System]) -> dict[str, dict[str, float]]:
    """Figures by system, of the same people."""
    return {
        name: figures([person for clip in clips for person in judged(clip, poses_of(clip))])
        for name, poses_of in systems.items()
    }


def read_set(name: str, data: Path, *, clips: int) -> list[CrowdClip]:
    """One of the sets: "coco", "synthetic" or "posetrack"."""
    if name == "synthetic":
        return list(crowd_sets.synthetic(data, clips=clips))
    return list({"coco": crowd_sets.coco, "posetrack": crowd_sets.posetrack}[name](data))


def _remembered(detector: PersonDetector) -> Look:
    """What it sees of a clip's frames, each looked at once."""
    seen: dict[int, Detections] = {}

    def look(index: int, picture: Picture) -> Detections:
        if index not in seen:
            seen[index] = detector.detect(picture, min_score=_LEAST_SCORE)
        return seen[index]

    return look


def _xyxy(box: Floats) -> Xyxy:
    left, top, right, bottom = (float(side) for side in box)
    return left, top, right, bottom


def _as_ours(pose: npt.NDArray[np.float64]) -> Floats:
    """MoveNet's joints (17, 2 or more) as ours (15, 2), NaN for those that it lacks."""
    found = np.full((NUM_JOINTS, 2), np.nan)
    for index, place in enumerate(_OURS_OF_COCO):
        if place >= 0:
            found[index] = pose[place, :2]
    return found


def _table(report: dict[str, dict[str, float]]) -> str:
    rows = ["| | accuracy | a neighbour's |", "|---|---|---|"]
    for name, of in report.items():
        cells = [
            f"{of[key]:.1f} ({of[key + ', from']:.1f} to {of[key + ', to']:.1f})"
            for key in ("accuracy", "a neighbour's")
        ]
        rows.append(f"| {name} | {cells[0]} | {cells[1]} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", default="jmpose_lite", help="a bundled name or a weights file")
    parser.add_argument("--detector", default="detector", help="likewise, of the person detector")
    parser.add_argument("--sets", nargs="+", default=["coco", "synthetic", "posetrack"], help="which of the sets")
    parser.add_argument("--clips", type=int, default=30, help="of the synthetic set")
    parser.add_argument("--exact", action="store_true", help="also with every window cropped by its key frame's box")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(arguments.threads)
    try:
        report = {}
        estimator, detector = PoseEstimator(arguments.weights, "cpu"), PersonDetector(arguments.detector, "cpu")
        teachers = arguments.data / "teachers"
        systems = {
            "initial, boxes alone": ours(estimator, EstimateOptions(stage="initial")),
            "refined, boxes alone": ours(estimator, EstimateOptions()),
            "initial": ours(estimator, EstimateOptions(stage="initial"), detector),
            "refined": ours(estimator, EstimateOptions(), detector),
            **({"refined, exact": ours(estimator, EstimateOptions(exact=True), detector)} if arguments.exact else {}),
            "MoveNet Thunder": thunder_of(Thunder(teachers / "movenet-thunder.onnx", threads=arguments.threads)),
            "MoveNet MultiPose": multipose_of(
                MultiPose(teachers / "movenet-multipose.onnx", threads=arguments.threads)
            ),
        }
        for name in arguments.sets:
            clips = read_set(name, arguments.data, clips=arguments.clips)
            people = sum(int(clip.counted.any(axis=(0, 2)).sum()) for clip in clips)
            joints = sum(int(clip.counted.sum()) for clip in clips)
            report[name] = study(clips, systems)
            sys.stdout.write(f"\n{name}: {people} people, {joints} joints\n\n{_table(report[name])}\n")
            sys.stdout.flush()
    except JMPoseError as error:
        sys.exit(str(error))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()

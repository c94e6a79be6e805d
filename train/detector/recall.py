"""How many people a detector finds on held-out COCO images while it raises few false boxes.

python -m train.detector.recall --weights detector
python -m train.detector.recall --weights teacher      (MoveNet MultiPose)
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from jmpose_core.drawing import Picture
from jmpose_core.estimation.detection import Detections, PersonDetector
from jmpose_core.geometry import iou
from train.detector.gathering import labelled_images
from train.people.pictures import read_picture
from train.people.poses import is_validation_image
from train.teachers.movenet import MultiPose

Boxes = npt.NDArray[np.float64]

TALL = 80  # pixels: people from this height up are counted apart


@dataclass(frozen=True, slots=True)
class Recall:
    """At the lowest score that raises at most `false_per_image` boxes that fit nobody."""

    recall: float  # of labelled people, at IoU 0.5
    recall_tall: float  # of those at least TALL pixels high
    score: float  # the lowest score of these boxes
    false_per_image: float
    average_precision: float  # at IoU 0.5, over all scores


def validation_images(data: Path) -> Iterator[tuple[Picture, Boxes]]:
    """Held-out COCO images, with all their labelled people."""
    for image, people in labelled_images(data / "coco" / "annotations.json"):
        if is_validation_image("coco", image["id"]):
            yield read_picture(data / "coco" / image["file_name"]), np.array(people, float).reshape(-1, 4)


def evaluate(detect: Callable[[Picture], Detections], data: Path, *, false_per_image: float = 1.0) -> Recall:
    """Recall of `detect` on the validation images."""
    scores, right, tall = [], [], []
    people, tall_people, images = 0, 0, 0
    for picture, truth in validation_images(data):
        found = detect(picture)
        matched = match(found.bboxes_xyxy, found.scores, truth)
        is_tall = truth[:, 3] - truth[:, 1] >= TALL
        scores.append(found.scores)
        right.append(matched >= 0)
        tall.append((matched >= 0) & is_tall[matched])
        people, tall_people, images = people + len(truth), tall_people + int(is_tall.sum()), images + 1
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hits, tall_hits = np.concatenate(right)[order], np.concatenate(tall)[order]
    false = np.cumsum(~hits)
    taken = int(np.searchsorted(false, false_per_image * images, side="right"))
    precision = np.maximum.accumulate((np.cumsum(hits) / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return Recall(
        recall=float(hits[:taken].sum() / people),
        recall_tall=float(tall_hits[:taken].sum() / tall_people),
        score=float(np.concatenate(scores)[order][taken - 1]) if taken else 1.0,
        false_per_image=float(false[taken - 1] / images) if taken else 0.0,
        average_precision=float((precision * hits).sum() / people),
    )


def match(boxes: Boxes, scores: Boxes, truth: Boxes, *, least_iou: float = 0.5) -> npt.NDArray[np.int64]:
    """Index of the person each box finds, -1 for none; each person is found once, by the best score."""
    matched = np.full(len(boxes), -1)
    if not len(truth):
        return matched
    overlap = iou(boxes, truth)
    for box in np.argsort(-scores, kind="stable"):
        person = int(overlap[box].argmax())
        if overlap[box, person] >= least_iou:
            matched[box] = person
            overlap[:, person] = -1
    return matched


def teacher_detect(data: Path) -> Callable[[Picture], Detections]:
    """MoveNet MultiPose in a detector's place."""
    teacher = MultiPose(data / "teachers" / "movenet-multipose.onnx")

    def detect(picture: Picture) -> Detections:
        return Detections(*teacher.boxes(picture))

    return detect


def main() -> None:
    parser = argparse.ArgumentParser(description="Recall of a person detector on held-out COCO images.")
    parser.add_argument("--weights", default="detector", help='a detector\'s name or file, or "teacher"')
    parser.add_argument("--data", type=Path, required=True, help="folder with coco/, and teachers/ for the teacher")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    detect = (
        teacher_detect(arguments.data) if arguments.weights == "teacher" else PersonDetector(arguments.weights).detect
    )
    figures = msgspec.to_builtins(evaluate(detect, arguments.data))
    sys.stdout.write(json.dumps({"weights": arguments.weights, **figures}) + "\n")


if __name__ == "__main__":
    main()

"""What MultiPose says of a picture's people: the witness that the person prior is made of.

Its joints come from the person's centre, so they are this person's even where they are not exact.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from jmpose_core import geometry
from jmpose_core.skeleton import JOINTS, NUM_JOINTS
from train.teachers.labelling import COCO
from train.teachers.movenet import MultiPose

_SURE: Final = 0.15  # score from which MultiPose's person is taken for one
_SAME: Final = 0.3  # IoU from which its box is a labelled person's


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Boxes (N, 4) xyxy, scores (N,) and joints (N, 15, 3) with confidence, in pixels of the picture."""

    boxes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    joints: npt.NDArray[np.float64]


def witnessed(model: MultiPose, picture: npt.NDArray[np.uint8], longest_side: int) -> Seen:
    """The people that MultiPose sees in a picture that is brought to `longest_side` pixels."""
    height, width = picture.shape[:2]
    scale = longest_side / max(height, width)
    resized = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    rows, columns = (-(-side // 32) * 32 for side in resized.shape[:2])
    padded = np.zeros((rows, columns, 3), np.uint8)
    padded[: resized.shape[0], : resized.shape[1]] = resized
    people = model.people(padded)
    people = people[people[:, 55] >= _SURE]
    boxes = (people[:, [52, 51, 54, 53]] * [columns, rows, columns, rows]) / scale - 0.5
    coco = people[:, :51].reshape(-1, 17, 3)
    points = coco[..., [1, 0]] * [columns, rows] / scale - 0.5
    return Seen(boxes, people[:, 55], from_coco(np.concatenate([points, coco[..., 2:]], axis=2)))


def from_coco(coco: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N, 17, 3) of COCO's joints as (N, 15, 3) of ours; the neck between the shoulders, no head top."""
    ours = np.zeros((len(coco), NUM_JOINTS, 3))
    for index, joint in enumerate(JOINTS):
        if joint in COCO:
            ours[:, index] = coco[:, COCO.index(joint)]
    pair = coco[:, [COCO.index(name) for name in ("left_shoulder", "right_shoulder")]]
    ours[:, JOINTS.index("head_bottom"), :2] = pair[..., :2].mean(axis=1)
    ours[:, JOINTS.index("head_bottom"), 2] = pair[..., 2].min(axis=1)
    return ours


def matched(seen: Seen, boxes: npt.NDArray[np.floating]) -> list[int | None]:
    """Which of the seen people each labelled box (M, 4) is; each seen one serves one box."""
    if not len(seen.boxes) or not len(boxes):
        return [None] * len(boxes)
    overlap = geometry.iou(boxes, seen.boxes)
    found: list[int | None] = [None] * len(boxes)
    for row, column in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[row, column] >= _SAME:
            found[row] = int(column)
    return found

"""Whose joint is it: the detector's witness of people's joints, brought to the boxes that are estimated.

The witness (`jmpose_core.model.detector`) regresses all joints from a person's centre: coarse, but each person's own.
A heatmap is fine, but where people overlap its highest peak may be the neighbour's.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from jmpose_core import geometry
from jmpose_core.annotations import FloatArray
from jmpose_core.geometry import Affine, Xyxy, iou
from jmpose_core.skeleton import NUM_JOINTS
from jmpose_core.tracking import Detections

Name = TypeVar("Name", bound=Hashable)
# The people of a frame, by its index and picture (H, W, 3): from what was seen before, or looked at now.
Look: TypeAlias = Callable[[int, npt.NDArray[np.uint8]], Detections]

_LEAST_IOU: Final = 0.3  # between a box and the detection whose joints it takes
_SAME_IOU: Final = 0.5  # from which a detection that no box takes may be the box's own person once more
_SURE: Final = 0.2  # score of a detection without a box from which it is somebody: the bundled detector's sure score


@dataclass(frozen=True, slots=True, eq=False)
class Witnessed:
    """What the witness says of one person in one frame, in image pixels; a joint's third number is its confidence.

    own: (15, 3), all 0 where the witness has nobody for the box. others: (M, 15, 3), of everybody else.
    """

    own: FloatArray
    others: FloatArray

    @classmethod
    def nothing(cls) -> "Witnessed":
        return cls(np.zeros((NUM_JOINTS, 3)), np.zeros((0, NUM_JOINTS, 3)))


def witnessed_people(boxes: Mapping[Name, Xyxy], detections: Detections) -> dict[Name, Witnessed]:
    """What the witness says of the people in the boxes of one frame, by their names.

    The others of a person are the people of the other boxes, and detections that no box took.
    """
    names = list(boxes)
    array = np.array([boxes[name] for name in names], np.float64).reshape(-1, 4)
    if detections.keypoints is None:
        return {name: Witnessed.nothing() for name in names}
    overlap = iou(array, detections.bboxes_xyxy)
    taken = _assigned(overlap)
    free = [index for index in range(len(detections)) if detections.scores[index] >= _SURE and index not in taken]
    found: dict[Name, Witnessed] = {}
    for row, name in enumerate(names):
        others = [index for index in taken if index >= 0 and index != taken[row]]
        others += [index for index in free if overlap[row, index] < _SAME_IOU]
        own = detections.keypoints[taken[row]] if taken[row] >= 0 else np.zeros((NUM_JOINTS, 3))
        found[name] = Witnessed(own, detections.keypoints[others].reshape(-1, NUM_JOINTS, 3))
    return found


def _assigned(overlap: FloatArray) -> list[int]:
    """Of each box its detection, -1 for none; each serves one box, so that the sum of overlaps (N, M) is largest."""
    assigned = [-1] * len(overlap)
    for box, person in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[box, person] >= _LEAST_IOU:
            assigned[box] = int(person)
    return assigned


@dataclass(frozen=True, slots=True, eq=False)
class PeopleInCrops:
    """Who is meant in each of F crops, and who else is there, in cells of the crops' heatmaps.

    boxes: (F, 4). own: (F, 15, 3) and others: (F, M, 15, 3), x, y and confidence; confidence 0 is nobody.
    """

    boxes: Tensor
    own: Tensor
    others: Tensor


def people_in_crops(
    people: Sequence[Witnessed],
    boxes: FloatArray,
    crops_from_image: FloatArray,
    cells_from_crop: Affine,
    device: torch.device,
) -> PeopleInCrops:
    """What the witness says of the people (F), whose boxes (F, 4) lie in crops (F, 2, 3)."""
    most = max((len(person.others) for person in people), default=0)
    own = np.stack([person.own for person in people])
    others = np.zeros((len(people), most, NUM_JOINTS, 3))
    corners = np.array(boxes, np.float64).reshape(-1, 2, 2)
    for row, (person, crop_from_image) in enumerate(zip(people, crops_from_image, strict=True)):
        cells_from_image = geometry.compose(cells_from_crop, crop_from_image)
        others[row, : len(person.others)] = person.others
        corners[row] = geometry.apply(cells_from_image, corners[row])
        for joints in (own[row], others[row]):
            joints[..., :2] = geometry.apply(cells_from_image, joints[..., :2])
    tensors = (torch.from_numpy(array).float().to(device) for array in (corners.reshape(-1, 4), own, others))
    return PeopleInCrops(*tensors)

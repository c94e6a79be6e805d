"""Whose joint is it: the detector's witness of a person's joints, brought to the boxes that are estimated.

The witness (`jmpose_core.model.detector`) regresses all joints from a person's centre: coarse, but each person's own.
A heatmap is fine, but where people overlap its highest peak may be the neighbour's.
"""

from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from jmpose_core.annotations import FloatArray
from jmpose_core.geometry import iou
from jmpose_core.skeleton import NUM_JOINTS
from jmpose_core.tracking import Detections

_LEAST_IOU: Final = 0.3  # between a box and the detection whose joints it takes


def witnessed(bboxes_xyxy: FloatArray, detections: Detections) -> FloatArray:
    """The witness's joints of boxes (N, 4) of one frame: (N, 15, 3) as x, y in image pixels and confidence 0..1.

    Each detection serves one box, so that the sum of the intersections over union is largest. All 0 for a box that no
    detection fits, and of joints that the witness does not know (head_bottom and head_top).
    """
    found = np.zeros((len(bboxes_xyxy), NUM_JOINTS, 3))
    if detections.keypoints is None or not len(detections) or not len(bboxes_xyxy):
        return found
    overlap = iou(bboxes_xyxy, detections.bboxes_xyxy)
    for box, person in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[box, person] >= _LEAST_IOU:
            found[box] = detections.keypoints[person]
    return found

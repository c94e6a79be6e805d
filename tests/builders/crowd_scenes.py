"""Small packed scenes with a stick figure whose joints are known."""

import cv2
import numpy as np

from jmpose_core.skeleton import JOINTS, LIMBS
from train.crowds.scenes import OTHERS, Scene

# x, y in a unit box, upright and facing the camera
_FIGURE = {
    "right_ankle": (0.35, 0.98), "right_knee": (0.37, 0.76), "right_hip": (0.4, 0.53), "left_hip": (0.6, 0.53),
    "left_knee": (0.63, 0.76), "left_ankle": (0.65, 0.98), "right_wrist": (0.1, 0.55), "right_elbow": (0.18, 0.4),
    "right_shoulder": (0.32, 0.24), "left_shoulder": (0.68, 0.24), "left_elbow": (0.82, 0.4), "left_wrist": (0.9, 0.55),
    "head_bottom": (0.5, 0.2), "nose": (0.5, 0.12), "head_top": (0.5, 0.02),
}  # fmt: skip


def figure_joints(left, top, width, height):
    """(15, 3) all labelled."""
    unit = np.array([_FIGURE[name] for name in JOINTS])
    return np.column_stack([unit * [width, height] + [left, top], np.ones(len(JOINTS))]).astype(np.float32)


def drawn_figure(joints, colour, size=(240, 200)):
    """A grey picture with the figure as thick limbs."""
    picture = np.full((*size, 3), 90, np.uint8)
    for first, second in LIMBS:
        ends = [tuple(round(float(value)) for value in joints[joint, :2]) for joint in (first, second)]
        cv2.line(picture, ends[0], ends[1], colour, 12)
    return picture


def scene(number, *, source="lspet", validation=False, colour=(200, 60, 60), mask=None, witness=True):
    """A figure 80 wide and 180 high at a place that depends on the number."""
    left, top = 40 + 10 * (number % 4), 30 + 5 * (number % 3)
    joints = figure_joints(left, top, 80, 180)
    others = np.zeros((OTHERS, len(JOINTS), 3), np.float32)
    return Scene(
        source,
        number,
        validation,
        drawn_figure(joints, colour),
        (left, top, left + 80.0, top + 180.0),
        joints,
        others,
        joints * np.float32([1, 1, 0.8]) if witness else np.zeros_like(joints),
        others.copy(),
        mask,
    )

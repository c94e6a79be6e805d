"""Builders of labelled people in single pictures."""

import cv2
import numpy as np

from train.people.poses import LabelledPerson


def labelled_still(source: str) -> LabelledPerson:
    """A grey picture, 100 pixels wide and 120 high, with somebody's joints in it."""
    jpeg = cv2.imencode(".jpg", np.full((120, 100, 3), 40, np.uint8))[1].tobytes()
    keypoints = np.random.default_rng(0).uniform((30, 20), (70, 100), (15, 2)).astype(np.float32)
    return LabelledPerson(source, 1, jpeg, (20.0, 10.0, 80.0, 110.0), keypoints, np.ones(15, np.float32))

"""A small JHMDB folder in the data set's own layout."""

from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat


def positions(frames: int) -> np.ndarray:
    """(2, 15, frames) in MATLAB's pixels: joint k of frame f at (101 + 10 k + f, 21 + 5 k)."""
    joint, frame = np.arange(15.0)[:, None], np.arange(float(frames))
    return np.stack([101 + 10 * joint + frame, 21 + 5 * joint + 0 * frame])


def write_jhmdb(
    root: Path, *, action: str = "catch", video: str = "a_catch_1", frames: int = 3, masks: int = 0
) -> Path:
    """Labels and pictures of one video, and silhouettes of its first frames; its joint_positions.mat.

    The silhouette of frame f fills columns 90 + f to 289 + f and rows 10 to 109.
    """
    folder = root / "Rename_Images" / action / video
    folder.mkdir(parents=True)
    for frame in range(frames):
        cv2.imwrite(str(folder / f"{frame + 1:05d}.png"), np.full((240, 320, 3), 40 * frame, np.uint8))
    if masks:
        silhouettes = np.zeros((240, 320, masks), np.uint8)
        for frame in range(masks):
            silhouettes[10:110, 90 + frame : 290 + frame, frame] = 1
        place = root / "puppet_mask" / action / video / "puppet_mask.mat"
        place.parent.mkdir(parents=True)
        savemat(place, {"part_mask": silhouettes})
    path = root / "joint_positions" / action / video / "joint_positions.mat"
    path.parent.mkdir(parents=True)
    savemat(path, {"pos_img": positions(frames), "scale": np.ones((1, frames)), "viewpoint": "SIDE"})
    return path

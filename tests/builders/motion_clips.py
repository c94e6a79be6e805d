"""Small films in JHMDB's layout: a white square for each joint, which moves over a pattern of grey."""

import json

import cv2
import numpy as np

from jmpose_core.skeleton import SLOT_OF_JOINT

SIZE = (96, 128)  # height, width
FRAMES = 12


def joints_at(frame):
    """(15, 2) places of the joints in a frame."""
    grid = np.array([(x, y) for y in (24, 40, 56) for x in (30, 42, 54, 66, 78)], float)
    return grid + np.array([1.5 * frame, 0])


def write_films(folder, films):
    """Clips with the films that they come from."""
    for name in films:
        _write(folder / name)
    (folder / "sources.json").write_text(json.dumps(films))
    return folder


def _write(folder):
    folder.mkdir(parents=True)
    writer = cv2.VideoWriter(str(folder / "video.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, SIZE[::-1])
    assert writer.isOpened()
    images, people = [], []
    grey = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 160, SIZE, np.uint8), (0, 0), 3)
    for frame in range(FRAMES):
        picture = np.repeat(grey[..., None], 3, axis=2)
        for x, y in joints_at(frame).round().astype(int):
            picture[y - 2 : y + 3, x - 2 : x + 3] = 255
        writer.write(picture)
        images.append({"id": 100 + frame, "file_name": f"frames/{frame:06d}.jpg"})
        slots = np.zeros((17, 3))
        slots[list(SLOT_OF_JOINT)] = np.column_stack([joints_at(frame), np.ones(15)])
        box = [20 + 1.5 * frame, 14, 68, 52]
        people.append({"image_id": 100 + frame, "track_id": 0, "keypoints": slots.ravel().tolist(), "bbox": box})
    writer.release()
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": people}))

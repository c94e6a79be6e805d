"""Small PoseTrack folders in the three layouts of the field, written by the tests that read them."""

import json
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from jmpose_core.formats.document import POSETRACK18_SKELETON
from jmpose_core.skeleton import NUM_JOINTS, POSETRACK18_SLOTS, SLOT_OF_JOINT

Layout = Literal["posetrack17", "posetrack18", "posetrack21"]
SIZE = (160, 120)  # height, width
# A person standing in the middle, in the order of skeleton.JOINTS.
STANDING = np.array(
    [[50, 110], [50, 90], [52, 70], [66, 70], [68, 90], [68, 110], [42, 66], [44, 52], [50, 38], [68, 38], [74, 52],
     [76, 66], [59, 34], [59, 26], [59, 14]], np.float64,
)  # fmt: skip


def brightness(frame: int) -> int:
    """Of the background of frame `frame`, counted from 0."""
    return 20 + 15 * frame


def moved(joints: np.ndarray, frame: int) -> np.ndarray:
    """The joints in frame `frame`: one pixel to the right a frame."""
    return joints + np.array([frame, 0])


def write_posetrack(
    root: Path,
    layout: Layout,
    *,
    split: str = "train",
    sequence: str = "000001_bonn",
    frames: int = 7,
    labelled: tuple[int, ...] = (3,),
    joints: np.ndarray = STANDING,
    unlabelled_joints: tuple[int, ...] = (),
    ignore: list[tuple[float, float]] | None = None,
) -> Path:
    """Write one video with one person; the folder to give to the program."""
    first, digits = (1, 8) if layout == "posetrack17" else (0, 6)
    folder = f"images/bonn/{sequence}" if layout == "posetrack17" else f"images/{split}/{sequence}"
    names = [f"{folder}/{first + frame:0{digits}d}.jpg" for frame in range(frames)]
    (root / folder).mkdir(parents=True)
    for frame, name in enumerate(names):
        cv2.imwrite(str(root / name), _picture(frame, moved(joints, frame)), [cv2.IMWRITE_JPEG_QUALITY, 100])
    people = {frame: moved(joints, frame) for frame in labelled}
    kept = [joint for joint in range(NUM_JOINTS) if joint not in unlabelled_joints]
    if layout == "posetrack17":
        content = _posetrack17(names, people, kept, ignore)
    else:
        content = _posetrack18(names, people, kept, ignore, kit21=layout == "posetrack21")
    place = root / ("posetrack_data" if layout == "posetrack21" else "annotations") / split
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{sequence}.json").write_text(json.dumps(content, separators=(",", ":")))
    return root


def _picture(frame: int, joints: np.ndarray) -> np.ndarray:
    picture = np.full((*SIZE, 3), brightness(frame), np.uint8)
    for x, y in joints.astype(int):
        picture[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 255
    return picture


def _posetrack17(names: list[str], people: dict, kept: list[int], ignore: list | None) -> dict:
    frames = []
    for index, name in enumerate(names):
        frame = {"image": [{"name": name}], "imgnum": [index + 1], "is_labeled": [int(index in people)], "annorect": []}
        if ignore:
            frame["ignore_regions"] = [{"point": [{"x": [x], "y": [y]} for x, y in ignore]}]
        if index in people:
            points = [
                {"id": [joint], "x": [people[index][joint, 0]], "y": [people[index][joint, 1]], "is_visible": [1]}
                for joint in kept
            ]
            head = {"x1": [50], "y1": [10], "x2": [70], "y2": [34]}
            frame["annorect"] = [{**head, "track_id": [0], "annopoints": [{"point": points}]}]
        frames.append(frame)
    return {"annolist": frames}


def _posetrack18(names: list[str], people: dict, kept: list[int], ignore: list | None, *, kit21: bool) -> dict:
    images, annotations = [], []
    for index, name in enumerate(names):
        image_id = 10000010000 + index
        image = {"file_name": name, "id": image_id, "frame_id": image_id, "nframes": len(names), "vid_id": "000001"}
        image["is_labeled"] = index in people
        image |= {"has_labeled_person": True} if kit21 else {"has_no_densepose": True}
        if ignore or kit21:
            image["ignore_regions_x"] = [[x for x, _ in ignore]] if ignore else []
            image["ignore_regions_y"] = [[y for _, y in ignore]] if ignore else []
        images.append(image)
        if index not in people:
            continue
        points = np.zeros((17, 3))
        for joint in kept:
            points[SLOT_OF_JOINT[joint]] = (*people[index][joint], 1)
        low, high = people[index].min(axis=0), people[index].max(axis=0)
        margin = 0.15 * (high - low)
        annotation = {
            "id": image_id * 100, "image_id": image_id, "category_id": 1, "track_id": 0,
            "keypoints": points.ravel().tolist(), "bbox": [*(low - margin), *(high - low + 2 * margin)],
            "bbox_head": [50, 10, 20, 24],
        }  # fmt: skip
        annotations.append(annotation | ({"person_id": 0} if kit21 else {"scores": []}))
    skeleton = [list(edge) for edge in POSETRACK18_SKELETON]
    category = {"id": 1, "name": "person", "supercategory": "person"}
    return {
        "images": images,
        "annotations": annotations,
        "categories": [category | {"keypoints": list(POSETRACK18_SLOTS), "skeleton": skeleton}],
    }

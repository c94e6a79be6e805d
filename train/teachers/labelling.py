"""Labels by the MoveNet teachers: people in the videos, and the nose that LSP-Extended lacks.

Writes folders in the layout of train.people.poses, where a keypoint's third value is the
teacher's score. The demo clip's source video is left out, so that the demo shows
a video that no network here has seen.

    python -m train.teachers.labelling --data ../shared/data --out runs/teacher
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core import geometry
from jmpose_core.skeleton import POSETRACK18_SLOTS
from jmpose_core.video import open_video
from train.people.pictures import read_picture
from train.teachers.movenet import MultiPose, Thunder

COCO: Final = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
_SLOT_OF_COCO: Final = {COCO.index(name): slot for slot, name in enumerate(POSETRACK18_SLOTS) if name in COCO}
_TRUSTED: Final = 0.3  # score from which a teacher's joint or box is taken as a label
_VIDEOS: Final = ("intel", "pose2sim", "vtest")
_FRAMES_PER_FOLDER: Final = 150

Image = npt.NDArray[np.uint8]


def label_videos(data: Path, out: Path, boxes_of: MultiPose, thunder: Thunder) -> None:
    """People of the videos and of DAVIS, one crop each."""
    images, annotations = [], []
    (out / "images").mkdir(parents=True, exist_ok=True)
    for frame in _frames(data):
        for bbox, score in zip(*boxes_of.boxes(frame), strict=True):
            left, top, right, bottom = (float(side) for side in bbox)
            if score < _TRUSTED or bottom - top < 60 or right - left < 20:
                continue
            pose = thunder.pose(frame, (left, top, right, bottom))
            if (pose[5:, 2] > _TRUSTED).sum() < 7:
                continue
            cut, shift, factor = _cut_out(frame, (left, top, right, bottom))
            number = len(images)
            file_name = f"images/{number:06d}.jpg"
            cv2.imwrite(str(out / file_name), cut[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
            pose[:, :2] = (pose[:, :2] - shift) * factor
            images.append({"id": number, "file_name": file_name})
            x, y = (np.array([left, top]) - shift) * factor
            box = [float(x), float(y), (right - left) * factor, (bottom - top) * factor]
            annotations.append({"image_id": number, "bbox": box, "keypoints": _slots(pose)})
    (out / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))


def add_noses(data: Path, out: Path, thunder: Thunder) -> None:
    """LSP-Extended's annotations with the teacher's nose where it is sure of one."""
    document = json.loads((data / "lspet" / "annotations.json").read_bytes())
    files = {image["id"]: data / "lspet" / image["file_name"] for image in document["images"]}
    for image in document["images"]:
        image["file_name"] = str(files[image["id"]].resolve())
    for person in document["annotations"]:
        picture = read_picture(files[person["image_id"]])
        x, y, width, height = person["bbox"]
        nose = thunder.pose(picture, (x, y, x + width, y + height))[0]
        if nose[2] > _TRUSTED:
            person["keypoints"][:3] = [float(value) for value in nose]
    out.mkdir(parents=True, exist_ok=True)
    (out / "annotations.json").write_text(json.dumps(document))


def _frames(data: Path) -> Iterator[Image]:
    for folder in _VIDEOS:
        paths = sorted(path for path in (data / "videos" / folder).rglob("*") if path.suffix in (".mp4", ".avi"))
        for path in paths:
            with open_video(path) as video:
                step = -(-video.frame_count * len(paths) // _FRAMES_PER_FOLDER)
                for index in range(0, video.frame_count, step):
                    yield video.frame(index)
    for path in sorted((data / "flow" / "davis_people").glob("*/?????.jpg"))[::3]:
        yield read_picture(path)


def _cut_out(frame: Image, bbox_xyxy: geometry.Xyxy) -> tuple[Image, npt.NDArray[np.float64], float]:
    """The person with a wide margin, at most 320 pixels a side; its corner in the frame, and the scale."""
    left, top, right, bottom = bbox_xyxy
    margin = 0.35 * max(right - left, bottom - top)
    x0, y0 = max(0, int(left - margin)), max(0, int(top - margin))
    cut = frame[y0 : int(bottom + margin), x0 : int(right + margin)]
    factor = min(1.0, 320 / max(cut.shape[:2]))
    if factor < 1:
        cut = np.asarray(cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    return cut, np.array([x0, y0], float), factor


def _slots(pose: npt.NDArray[np.float64]) -> list[float]:
    slots = np.zeros((17, 3))
    for coco, slot in _SLOT_OF_COCO.items():
        if pose[coco, 2] > _TRUSTED and not POSETRACK18_SLOTS[slot].endswith("_ear"):
            slots[slot] = pose[coco]
    return [float(value) for value in slots.ravel()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    thunder = Thunder(arguments.data / "teachers" / "movenet-thunder.onnx")
    boxes_of = MultiPose(arguments.data / "teachers" / "movenet-multipose.onnx", threads=2)
    add_noses(arguments.data, arguments.out / "lspet", thunder)
    label_videos(arguments.data, arguments.out / "videos", boxes_of, thunder)


if __name__ == "__main__":
    main()

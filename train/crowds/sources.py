"""Scenes out of the data folder: LSP-Extended, COCO, JHMDB's films, and people in videos whom two teachers agree on."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core import geometry
from jmpose_core.geometry import Xyxy
from jmpose_core.skeleton import JOINT_INDEX, NUM_JOINTS, SLOT_OF_JOINT
from jmpose_core.video import open_video
from train.crowds.multipose_people import Seen, from_coco, matched, witnessed
from train.crowds.scenes import OTHERS, SIDE, Scene
from train.people.films import films_of, is_held_out, labels_by_frame
from train.people.pictures import read_picture
from train.people.poses import is_validation_image
from train.teachers.movenet import MultiPose, Thunder
from train.teachers.tinypose import TinyPose

_JHMDB_STEP: Final = 4  # frames between two that are taken
_SURROUNDINGS: Final = 1.9  # sides of the picture kept about a person, times the person's own
_SMALLEST: Final = 24.0  # longer side of a person that is taken, pixels
_TEACHER_WEIGHT: Final = 0.7  # of a joint that both teachers put at one place
_AGREED: Final = 0.06  # of the box's diagonal: how far the two may lie apart
_TRUSTED: Final = 0.3  # their scores
_VIDEO_FRAMES: Final = 150  # of each folder of videos
_NOSE: Final = JOINT_INDEX["nose"]
_SURE_NOSE: Final = 0.45  # MultiPose's score of a nose that is taken as a label
_ALL: Final = slice(None)  # of a folder's people or clips

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Teachers:
    """MultiPose for boxes and as the witness; Thunder and TinyPose for joints."""

    multipose: MultiPose
    thunder: Thunder
    tinypose: TinyPose

    @classmethod
    def of(cls, data: Path) -> "Teachers":
        folder = data / "teachers"
        return cls(
            MultiPose(folder / "movenet-multipose.onnx"),
            Thunder(folder / "movenet-thunder.onnx", threads=1),
            TinyPose(folder / "tinypose_256x192.param"),
        )

    def agreed(self, frame: Image, bbox: Xyxy) -> npt.NDArray[np.float64]:
        """Joints (15, 3) that both teachers put at one place; weight 0 for the others."""
        pair = np.stack([self.thunder.pose(frame, bbox), self.tinypose.pose(frame, bbox)])
        apart = np.linalg.norm(pair[0, :, :2] - pair[1, :, :2], axis=1)
        agreed = (apart < _AGREED * np.hypot(bbox[2] - bbox[0], bbox[3] - bbox[1])) & (pair[..., 2] > _TRUSTED).all(0)
        coco = np.column_stack([pair[..., :2].mean(axis=0), agreed * _TEACHER_WEIGHT])
        ours = from_coco(coco[None])[0]
        ours[JOINT_INDEX["head_bottom"], 2] = 0  # between the shoulders is a guess, not a label
        return ours


def coco(folder: Path, teachers: Teachers, part: slice = _ALL) -> Iterator[Scene]:
    """Each labelled person of coco/ or coco2/ with the surroundings."""
    document = json.loads((folder / "annotations.json").read_bytes())
    for image in document["images"][part]:
        people = [person for person in document["annotations"] if person["image_id"] == image["id"]]
        picture = read_picture(folder / image["file_name"])
        mask = folder / "masks" / f"{image['id']:012d}.png"
        yield from scenes_of(
            folder.name,
            image["id"],
            is_validation_image(folder.name, image["id"]),
            picture,
            np.stack([_joints(person) for person in people]),
            [_xyxy(person["bbox"]) for person in people],
            witnessed(teachers.multipose, picture, 512),
            mask=_mask(mask) if mask.is_file() else None,
        )


def lsp_extended(folder: Path, teachers: Teachers, part: slice = _ALL) -> Iterator[Scene]:
    """LSP-Extended with MultiPose's nose where it is sure of one."""
    document = json.loads((folder / "annotations.json").read_bytes())
    files = {image["id"]: folder / image["file_name"] for image in document["images"]}
    for person in document["annotations"][part]:
        picture, bbox = read_picture(files[person["image_id"]]), _xyxy(person["bbox"])
        validation = is_validation_image("lspet", person["image_id"])
        seen = witnessed(teachers.multipose, picture, 256)
        joints = _with_nose(_joints(person), bbox, seen)
        yield from scenes_of("lspet", person["image_id"], validation, picture, joints[None], [bbox], seen, whole=True)


def jhmdb(folder: Path, teachers: Teachers, part: slice = _ALL) -> Iterator[Scene]:
    """Every few frames of each clip with MultiPose's nose; held-out films are marked as such."""
    for number, (clip, film) in list(enumerate(films_of(folder).items()))[part]:
        labels = labels_by_frame(folder / clip)
        with open_video(folder / clip / "video.mp4") as video:
            for frame in sorted(labels)[::_JHMDB_STEP]:
                picture, bbox = video.frame(frame), _xyxy(labels[frame]["bbox"])
                seen = witnessed(teachers.multipose, picture, 384)
                joints = _with_nose(_joints(labels[frame]), bbox, seen)[None]
                yield from scenes_of(
                    "jhmdb", number * 1000 + frame, is_held_out(film), picture, joints, [bbox], seen, whole=True
                )


def videos(data: Path, teachers: Teachers, part: slice = _ALL) -> Iterator[Scene]:
    """People of the videos and of DAVIS whom MultiPose finds and on whose joints Thunder and TinyPose agree."""
    for number, (frame, mask) in itertools.islice(enumerate(_frames(data)), part.start, None, part.step):
        seen = witnessed(teachers.multipose, frame, 512)
        boxes = [_within(box, frame) for box, score in zip(seen.boxes, seen.scores, strict=True) if score > _TRUSTED]
        boxes = [box for box in boxes if box[3] - box[1] >= 60 and box[2] - box[0] >= 20]
        joints = [teachers.agreed(frame, box) for box in boxes]
        kept = [index for index, one in enumerate(joints) if (one[:, 2] > 0).sum() >= 7]
        if kept:
            people, where = np.stack([joints[index] for index in kept]), [boxes[index] for index in kept]
            yield from scenes_of("videos", number, False, frame, people, where, seen, mask=mask)


def scenes_of(
    source: str,
    image_id: int,
    validation: bool,
    picture: Image,
    joints: npt.NDArray[np.float64],
    boxes: Sequence[Xyxy],
    seen: Seen,
    *,
    mask: Image | None = None,
    whole: bool = False,
) -> Iterator[Scene]:
    """Each person of a picture with at least three labelled joints, as a scene.

    Args:
        joints: (N, 15, 3) of all labelled people. boxes: theirs.
        seen: the witness's people.
        mask: (H, W), 255 where people are.
        whole: keep the whole picture, not just a person's surroundings.
    """
    which = matched(seen, np.array(boxes))
    for index, bbox in enumerate(boxes):
        if (joints[index, :, 2] > 0).sum() < 3 or max(bbox[2] - bbox[0], bbox[3] - bbox[1]) < _SMALLEST:
            continue
        region = (0, 0, picture.shape[1], picture.shape[0]) if whole else _surroundings(bbox, picture)
        left, top, right, bottom = region
        factor = min(1.0, SIDE / max(right - left, bottom - top))
        others = [other for other in range(len(boxes)) if other != index]
        seen_others = [number for number in range(len(seen.boxes)) if number != which[index]]
        own = which[index]
        yield Scene(
            source,
            image_id,
            validation,
            _brought(picture[top:bottom, left:right], factor),
            _moved_box(bbox, region, factor),
            _moved(joints[index], region, factor),
            _some(_moved(joints[others], region, factor)),
            np.zeros((NUM_JOINTS, 3), np.float32) if own is None else _moved(seen.joints[own], region, factor),
            _some(_moved(seen.joints[seen_others], region, factor)),
            None if mask is None else _brought(mask[top:bottom, left:right], factor),
        )


def _frames(data: Path) -> Iterator[tuple[Image, Image | None]]:
    for folder in ("intel", "pose2sim", "vtest"):
        paths = sorted(path for path in (data / "videos" / folder).rglob("*") if path.suffix in (".mp4", ".avi"))
        for path in paths:
            with open_video(path) as video:
                for index in range(0, video.frame_count, -(-video.frame_count * len(paths) // _VIDEO_FRAMES)):
                    yield video.frame(index), None
    for path in sorted((data / "flow" / "davis_people").glob("*/?????.jpg"))[::3]:
        yield read_picture(path), _mask(path.with_name(f"{path.stem}_mask.png"))


def _mask(path: Path) -> Image:
    return np.ascontiguousarray(read_picture(path)[..., 0])


def _with_nose(joints: npt.NDArray[np.float64], bbox: Xyxy, seen: Seen) -> npt.NDArray[np.float64]:
    """Labels that lack a nose, with the one that MultiPose sees in this person where it is sure of it."""
    (own,) = matched(seen, np.array([bbox]))
    if own is not None and not joints[_NOSE, 2] and seen.joints[own, _NOSE, 2] > _SURE_NOSE:
        joints[_NOSE] = *seen.joints[own, _NOSE, :2], _TEACHER_WEIGHT
    return joints


def _joints(person: dict[str, Any]) -> npt.NDArray[np.float64]:
    joints = np.array(person["keypoints"], np.float64).reshape(17, 3)[list(SLOT_OF_JOINT)]
    joints[:, 2] = np.minimum(joints[:, 2], 1)
    return joints


def _xyxy(xywh: Sequence[float]) -> Xyxy:
    x, y, width, height = xywh
    return x, y, x + width, y + height


def _within(box: npt.NDArray[np.float64], frame: Image) -> Xyxy:
    left, top, right, bottom = (float(side) for side in box)
    return max(0.0, left), max(0.0, top), min(frame.shape[1] - 1.0, right), min(frame.shape[0] - 1.0, bottom)


def _surroundings(bbox: Xyxy, picture: Image) -> tuple[int, int, int, int]:
    half = _SURROUNDINGS / 2 * max(bbox[3] - bbox[1], (bbox[2] - bbox[0]) * 4 / 3)
    x, y = (bbox[0] + bbox[2]) / 2, (bbox[1] + bbox[3]) / 2
    height, width = picture.shape[:2]
    return max(0, int(x - half)), max(0, int(y - half)), min(width, int(x + half) + 1), min(height, int(y + half) + 1)


def _brought(picture: Image, factor: float) -> Image:
    if factor == 1:
        return np.ascontiguousarray(picture)
    height, width = (max(1, min(SIDE, round(side * factor))) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _moved(
    points: npt.NDArray[np.floating], region: tuple[int, int, int, int], factor: float
) -> npt.NDArray[np.float32]:
    """Points (..., 2 or more) of the picture in the part of it that is kept."""
    moved = np.array(points, np.float32)
    moved[..., :2] = geometry.apply(geometry.scaled(factor), moved[..., :2] - np.array(region[:2]))
    return moved


def _moved_box(bbox: Xyxy, region: tuple[int, int, int, int], factor: float) -> Xyxy:
    left, top, right, bottom = _moved(np.array(bbox).reshape(2, 2), region, factor).ravel().tolist()
    return left, top, right, bottom


def _some(people: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The OTHERS people with the most joints in the picture, filled up with nobody."""
    inside = np.all((people[..., :2] > 0) & (people[..., :2] < SIDE), axis=-1)
    people = np.concatenate([people[..., :2], people[..., 2:] * inside[..., None]], axis=-1)
    order = np.argsort(-(people[..., 2] > 0).sum(axis=-1), kind="stable")[:OTHERS]
    found = np.zeros((OTHERS, NUM_JOINTS, 3), np.float32)
    found[: len(order)] = people[order]
    return np.clip(found, -4 * SIDE, 4 * SIDE)

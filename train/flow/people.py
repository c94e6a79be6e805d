"""Crops of real people over three frames: flow that nobody knows, of the pictures that the program will see."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from jmpose_core.drawing import Picture
from jmpose_core.errors import FormatError
from jmpose_core.geometry import Xyxy, crop_from_image
from jmpose_core.video import open_video
from train.flow.cutouts import davis_sequences, read_davis_mask
from train.people.pictures import read_picture

SIZE: Final = (192, 144)  # height, width: jmpose_lite's flow size
JHMDB_HELD_OUT: Final = 5  # every fifth source film
_FRAMES: Final = 3
_ENLARGE: Final = (1.0, 1.7)  # of the box; the crop of a segment is wider than its people
_SMALLEST: Final = 24  # of a box's sides, pixels
_SEED: Final = 7

Frames = list[Picture]


def real_people(data: Path, *, count: int) -> list[Frames]:
    """About `count` people of DAVIS and JHMDB (its training films), each in one crop of three frames 1 or 2 apart.

    Raises:
        FormatError: a frame or annotation is missing or broken.
    """
    rng = np.random.default_rng(_SEED)
    davis = list(_davis(data, rng, each=max(1, count // 16)))
    clips = _training_clips(data / "videos/jhmdb")
    each = max(1, (count - len(davis)) // max(len(clips), 1))
    jhmdb = [frames for clip in clips for frames in _jhmdb(clip, rng, each=each)]
    return (davis + jhmdb)[:count]


def _davis(data: Path, rng: np.random.Generator, *, each: int) -> Iterator[Frames]:
    for sequence in davis_sequences(data, held_out=False):
        paths = sorted(sequence.glob("*.jpg"))
        for start in np.linspace(0, len(paths) - 2 * _FRAMES, each).astype(int):
            box = cv2.boundingRect(read_davis_mask(paths[start]))
            step = int(rng.integers(1, 3))
            if min(box[2:]) >= _SMALLEST:
                pictures = [read_picture(paths[start + index * step]) for index in range(_FRAMES)]
                yield _cropped(pictures, (box[0], box[1], box[0] + box[2], box[1] + box[3]), rng)


def _training_clips(folder: Path) -> list[Path]:
    try:
        films = json.loads((folder / "sources.json").read_bytes())
    except (OSError, ValueError) as error:
        raise FormatError(f"{folder / 'sources.json'}: cannot be read ({error}); check the data folder") from error
    return [folder / clip for clip, film in sorted(films.items()) if int(film) % JHMDB_HELD_OUT]


def _jhmdb(clip: Path, rng: np.random.Generator, *, each: int) -> Iterator[Frames]:
    document = json.loads((clip / "annotations.json").read_bytes())
    frame_of = {image["id"]: int(Path(image["file_name"]).stem) for image in document["images"]}
    boxes = {frame_of[person["image_id"]]: person["bbox"] for person in document["annotations"]}
    with open_video(clip / "video.mp4") as video:
        for start in np.linspace(0, video.frame_count - 2 * _FRAMES, each + 2).astype(int)[1:-1]:
            step = int(rng.integers(1, 3))
            left, top, width, height = boxes.get(int(start), (0, 0, 0, 0))
            if min(width, height) >= _SMALLEST:
                pictures = [video.frame(int(start) + index * step) for index in range(_FRAMES)]
                yield _cropped(pictures, (left, top, left + width, top + height), rng)


def _cropped(pictures: list[Picture], bbox_xyxy: Xyxy, rng: np.random.Generator) -> Frames:
    affine = crop_from_image(bbox_xyxy, SIZE, enlarge=float(rng.uniform(*_ENLARGE)))
    return [np.asarray(cv2.warpAffine(picture, affine, SIZE[::-1]), np.uint8) for picture in pictures]

"""Pictures and cut-out people from which synthetic flow pairs are made."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.drawing import Picture
from jmpose_core.errors import FormatError
from train.people.pictures import read_picture, shrunk
from train.people.poses import is_validation_image

DAVIS_HELD_OUT: Final = 2  # sequences, the last by name
_LONGEST_SIDE: Final = 400
_LSPET_PICTURES: Final = 2000
_DAVIS_FRAME_STEP: Final = 4
_TALLEST_CUTOUT: Final = 220


@dataclass(frozen=True, slots=True)
class Cutout:
    """A person cut out of a picture, with a margin of transparency."""

    picture: Picture
    alpha: npt.NDArray[np.uint8]  # (H, W), 0 outside the person, 255 inside


@dataclass(frozen=True, slots=True)
class FlowSources:
    """All that is moved about to make pairs; kept in memory, shared by forked workers."""

    photos: tuple[Picture, ...]
    cutouts: tuple[Cutout, ...]


def load_sources(data: Path, *, held_out: bool) -> FlowSources:
    """Decode the pictures for training, or with `held_out` those that no training in this project sees.

    Held out are LSP-Extended ids divisible by 20, COCO ids divisible by 5 and the last two DAVIS sequences. About
    600 MB for training.

    Args:
        data: the folder with lspet/, coco/ and flow/.

    Raises:
        FormatError: a picture or annotation is missing or broken.
    """
    photos = [] if held_out else [read_picture(path) for path in sorted((data / "flow/debian_photos").glob("*.jpg"))]
    cutouts: list[Cutout] = []
    for path, image_id in _images(data / "coco"):
        if is_validation_image("coco", image_id) != held_out:
            continue
        photos.append(shrunk(read_picture(path), _LONGEST_SIDE))
        mask = data / "coco/masks" / f"{path.stem}.png"
        if mask.exists():
            cutouts.extend(_cut(read_picture(path), _read_mask(mask)))
    lspet = [path for path, image_id in _images(data / "lspet") if is_validation_image("lspet", image_id) == held_out]
    photos.extend(read_picture(path) for path in lspet[:: max(1, len(lspet) // _LSPET_PICTURES)])
    for sequence in davis_sequences(data, held_out=held_out):
        for frame in sorted(sequence.glob("*.jpg"))[::_DAVIS_FRAME_STEP]:
            cutouts.extend(_cut(read_picture(frame), read_davis_mask(frame)))
    return FlowSources(tuple(photos), tuple(cutouts))


def davis_sequences(data: Path, *, held_out: bool) -> list[Path]:
    """Folders of DAVIS frames with a person mask each."""
    sequences = sorted(path for path in (data / "flow/davis_people").iterdir() if path.is_dir())
    return sequences[-DAVIS_HELD_OUT:] if held_out else sequences[:-DAVIS_HELD_OUT]


def read_davis_mask(frame: Path) -> npt.NDArray[np.uint8]:
    """Person mask (H, W), 0 or 255, of a DAVIS frame's file."""
    return _read_mask(frame.with_name(f"{frame.stem}_mask.png"))


def _images(folder: Path) -> Iterator[tuple[Path, int]]:
    path = folder / "annotations.json"
    try:
        images = json.loads(path.read_text())["images"]
        for image in images:
            yield folder / image["file_name"], int(image["id"])
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(
            f"{path}: cannot be read ({error}); point --data at the folder with lspet/ and coco/"
        ) from error


def _read_mask(path: Path) -> npt.NDArray[np.uint8]:
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise FormatError(f"{path}: missing or not a mask")
    return mask.astype(np.uint8, copy=False)


def _cut(picture: Picture, mask: npt.NDArray[np.uint8]) -> Iterator[Cutout]:
    """The person in the mask, or nothing where too little is left of one to look like one."""
    x, y, width, height = cv2.boundingRect(mask)
    if min(width, height) < 24 or np.count_nonzero(mask) < 800:
        return
    margin = 4
    box = np.s_[max(y - margin, 0) : y + height + margin, max(x - margin, 0) : x + width + margin]
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8).astype(np.uint8, copy=False)  # a camera's edges are never hard
    yield Cutout(
        shrunk(np.ascontiguousarray(picture[box]), _TALLEST_CUTOUT),
        shrunk(np.ascontiguousarray(soft[box]), _TALLEST_CUTOUT),
    )

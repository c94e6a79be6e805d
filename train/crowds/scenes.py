"""Scenes: pictures of a labelled person with the surroundings, packed into few files that a GPU machine can take.

The pictures are WebP files one after another (`train.people.pack`). Needs numpy and OpenCV alone, so that packs open
where the program's own readers are not installed.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.errors import FormatError
from jmpose_core.skeleton import NUM_JOINTS
from train.people.pack import PEOPLE, part_of, read_columns, read_parts

SIDE: Final = 320  # pixels; no picture of a pack has a longer side
OTHERS: Final = 4  # people beside the labelled one whose joints are kept
_QUALITY: Final = 72  # of WebP
_PART_BYTES: Final = 24 << 20  # a file of a pack, at most

Joints = npt.NDArray[np.float32]


def _nobody() -> Joints:
    return np.zeros((OTHERS, NUM_JOINTS, 3), np.float32)


def _unseen() -> Joints:
    return np.zeros((NUM_JOINTS, 3), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One labelled person in a picture of at most SIDE pixels a side.

    picture: (H, W, 3) uint8 RGB. joints: (15, 3) x, y in its pixels and weight 0..1. others: (OTHERS, 15, 3), the
    same of other labelled people. witness, others_witness: the same as MultiPose regresses them, with its
    confidence; 0 where it does not see a person. mask: (H, W) uint8, 255 where people are; None where nobody knows.
    """

    source: str
    image_id: int
    validation: bool
    picture: npt.NDArray[np.uint8]
    bbox_xyxy: tuple[float, float, float, float]
    joints: Joints
    others: Joints = field(default_factory=_nobody)
    witness: Joints = field(default_factory=_unseen)
    others_witness: Joints = field(default_factory=_nobody)
    mask: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What a pack says of its P people beside their pictures; fields as in Scene, one more axis in front.

    size: (P, 2) height, width of the pictures. has_mask: (P,) bool.
    """

    source: npt.NDArray[np.str_]
    image_id: npt.NDArray[np.int64]
    validation: npt.NDArray[np.bool_]
    size: npt.NDArray[np.int64]
    bbox_xyxy: Joints
    joints: Joints
    others: Joints
    witness: Joints
    others_witness: Joints
    has_mask: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.source)

    def chosen(self, index: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> "Labels":
        """Of some of the people."""
        return Labels(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def write_pack(folder: Path, scenes: Iterable[Scene]) -> int:
    """Write scenes as a pack; how many."""
    folder.mkdir(parents=True, exist_ok=True)
    parts, rows, places = [bytearray()], [], []
    for scene in scenes:
        encoded = [_webp(scene.picture), b"" if scene.mask is None else _png(scene.mask)]
        if len(parts[-1]) + sum(map(len, encoded)) > _PART_BYTES:
            parts.append(bytearray())
        places.append([len(parts) - 1, len(parts[-1]), *map(len, encoded)])
        parts[-1] += b"".join(encoded)
        rows.append(_row(scene))
    for number, part in enumerate(parts):
        part_of(folder, number).write_bytes(part)
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    columns["places"] = np.array(places, np.int64)
    np.savez_compressed(folder / PEOPLE, **columns)  # type: ignore[arg-type] - its other argument has no such name
    return len(rows)


def read_labels(folder: Path) -> Labels:
    """Labels of a pack.

    Raises:
        FormatError: there is none.
    """
    columns = read_columns(folder)
    has_mask = columns["places"][:, 3] > 0
    kept = {name: columns[name] for name in Labels.__dataclass_fields__ if name != "has_mask"}
    whole = {name: value.astype(np.float32) if value.dtype == np.float16 else value for name, value in kept.items()}
    return Labels(**whole, has_mask=has_mask)


def read_pictures(
    folder: Path, index: Sequence[int] | npt.NDArray[np.integer], *, threads: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Pictures (N, SIDE, SIDE, 3) RGB and masks (N, SIDE, SIDE) of some people, at the upper left, 0 around.

    Raises:
        FormatError: a part is missing or torn.
    """
    places = read_columns(folder)["places"]
    parts = read_parts(folder, places)
    pictures = np.zeros((len(index), SIDE, SIDE, 3), np.uint8)
    masks = np.zeros((len(index), SIDE, SIDE), np.uint8)

    def decode(row: int) -> None:
        part, start, picture, mask = (int(value) for value in places[index[row]])
        encoded = parts[part][start : start + picture + mask]
        decoded = cv2.imdecode(np.frombuffer(encoded[:picture], np.uint8), cv2.IMREAD_COLOR)
        if decoded is None:
            raise FormatError(f"{part_of(folder, part)}: broken at byte {start}; pack the pictures again")
        height, width = decoded.shape[:2]
        pictures[row, :height, :width] = decoded[..., ::-1]
        if mask:
            outline = cv2.imdecode(np.frombuffer(encoded[picture:], np.uint8), cv2.IMREAD_GRAYSCALE)
            masks[row, :height, :width] = np.asarray(outline, np.uint8)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(decode, range(len(index))))
    return pictures, masks


def _row(scene: Scene) -> dict[str, Any]:
    return {
        "source": np.array(scene.source),
        "image_id": np.array(scene.image_id, np.int64),
        "validation": np.array(scene.validation),
        "size": np.array(scene.picture.shape[:2], np.int64),
        "bbox_xyxy": np.array(scene.bbox_xyxy, np.float32),
        "joints": np.float32(scene.joints),
        "others": np.float16(scene.others),
        "witness": np.float16(scene.witness),
        "others_witness": np.float16(scene.others_witness),
    }


def _webp(picture: npt.NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".webp", picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])[1].tobytes()


def _png(mask: npt.NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()

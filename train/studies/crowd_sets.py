"""People who overlap other people, with the truth about all of them: what the crowd study measures on.

Three sets. "coco": held-out people of coco/ and coco2/ of whose box more than a fifth lies in another labelled
person's. "synthetic": people cut out of held-out pictures, pasted before and behind each other and moved past each
other, so that the truth is exact and every frame has it. "posetrack": three real PoseTrack18 frames.
Nothing of them was trained on.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.drawing import Picture
from jmpose_core.evaluation.pck import head_sizes, torso_sizes
from jmpose_core.skeleton import FLIP, JOINTS, NUM_JOINTS, SLOT_OF_JOINT
from train.people.pictures import read_picture

LIMBS: Final = tuple(
    index for index, name in enumerate(JOINTS) if name not in ("head_bottom", "nose", "head_top")
)  # the twelve joints that every set and every system has
OVERLAP: Final = 0.2  # of a person's box that lies in another's: from there on the person is in a crowd
_LEAST_LABELLED: Final = 3
_SIZE: Final = (480, 640)  # height, width of a synthetic picture
_FRAMES: Final = 5
_CUT_HEIGHTS: Final = (170, 400)  # pixels of a pasted person
_WITH_PEOPLE: Final = ("Kleiber_by_Lukas_Baubkus.jpg",)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CrowdClip:
    """A few frames and everybody who is labelled in them.

    name: of the picture. frames: each (H, W, 3) RGB. boxes: (T, N, 4) xyxy. keypoints: (T, N, 15, 2) image pixels.
    labelled: (T, N, 15), joints whose place is known; counted: (T, N, 15), those of people in a crowd that are to be
    found. sizes: (T, N), the unit of accuracy in pixels. threshold: in that unit.
    """

    name: str
    frames: tuple[Picture, ...]
    boxes: Floats
    keypoints: Floats
    labelled: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    sizes: Floats
    threshold: float


def covered(boxes: Floats) -> Floats:
    """Of each box (N, 4) the largest part that lies in one of the others: (N,)."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    np.fill_diagonal(shared, 0)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return shared.max(axis=1, initial=0) / np.maximum(areas, 1e-6)


def coco(data: Path) -> Iterator[CrowdClip]:
    """One frame a clip; PCK@0.2 of the torso, of people whose torso is labelled."""
    for source in ("coco", "coco2"):
        folder = data / source
        for image, people in _images(folder / "annotations.json"):
            if image["id"] % 5 or len(people) < 2:
                continue
            boxes, joints, labelled = _arrays(people)
            crowded = (covered(boxes) > OVERLAP) & (labelled.sum(axis=1) >= _LEAST_LABELLED)
            sizes = torso_sizes(joints, labelled)
            counted = _limbs_of(labelled, crowded & (sizes > 0))
            if counted.any():
                picture = read_picture(folder / image["file_name"])
                yield _still(f"{source} {image['id']}", picture, boxes, joints, labelled, counted, sizes, 0.2)


def posetrack(data: Path) -> Iterator[CrowdClip]:
    """Three real frames; PCKh@0.5 of everybody, since only few overlap."""
    root = data / "fixtures" / "posetrack18"
    for path in sorted((root / "annotations" / "val").glob("*.json")):
        for image, people in _images(path):
            boxes, joints, labelled = _arrays(people)
            sizes = head_sizes(np.array([person["bbox_head"] for person in people]))
            counted = _limbs_of(labelled, np.ones(len(people), bool))
            yield _still(
                path.stem, read_picture(root / image["file_name"]), boxes, joints, labelled, counted, sizes, 0.5
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Cutout:
    """A person without surroundings; joints in the cut-out's pixels."""

    picture: Picture
    alpha: npt.NDArray[np.uint8]
    joints: Floats
    labelled: npt.NDArray[np.bool_]


def synthetic(data: Path, *, clips: int, seed: int = 0) -> Iterator[CrowdClip]:
    """Clips of five frames in which two to four people pass each other; PCK@0.2 of the torso, visible joints alone."""
    cutouts = list(_cutouts(data / "coco"))
    photos = [
        read_picture(path)
        for path in sorted((data / "flow" / "debian_photos").glob("*.jpg"))
        if path.name not in _WITH_PEOPLE
    ]
    for number in range(clips):
        rng = np.random.default_rng([seed, number])
        chosen = [cutouts[index] for index in rng.choice(len(cutouts), rng.integers(2, 5), replace=False)]
        yield _scene(f"synthetic {number}", chosen, photos[number % len(photos)], rng)


def _scene(name: str, people: list[_Cutout], photo: Picture, rng: np.random.Generator) -> CrowdClip:
    """People about one place, the later ones in front; each keeps its pace, in its own direction."""
    height, width = _SIZE
    tallest = rng.uniform(*_CUT_HEIGHTS)
    scales = [tallest * rng.uniform(0.75, 1.0) / person.alpha.shape[0] for person in people]
    middle = rng.uniform(0.35, 0.65) * width
    spread = tallest * rng.uniform(0.08, 0.35)
    ground = rng.uniform(0.75, 1.0) * height
    starts = [
        np.array([middle + (index - (len(people) - 1) / 2) * spread, ground + rng.uniform(-0.06, 0.06) * tallest])
        for index in rng.permutation(len(people))
    ]
    paces = [np.array([rng.uniform(-0.03, 0.03), rng.uniform(-0.005, 0.005)]) * tallest for _ in people]
    flips = rng.random(len(people)) < 0.5
    pan = rng.uniform(-3, 3, 2)
    found = [
        _frame(
            photo,
            pan * step,
            [
                _placed(person, scale, start + pace * step, flip=bool(flip))
                for person, scale, start, pace, flip in zip(people, scales, starts, paces, flips, strict=True)
            ],
        )
        for step in range(_FRAMES)
    ]
    frames, boxes, joints, labelled, visible = zip(*found, strict=True)
    crowded = np.stack([covered(own) > OVERLAP for own in boxes])
    sizes = np.stack([torso_sizes(own, known) for own, known in zip(joints, labelled, strict=True)])
    counted = np.stack(
        [_limbs_of(seen, who & (size > 0)) for seen, who, size in zip(visible, crowded, sizes, strict=True)]
    )
    return CrowdClip(name, frames, np.stack(boxes), np.stack(joints), np.stack(labelled), counted, sizes, 0.2)


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """A cut-out in a picture: the map there, and the whole cut-out."""

    cutout: _Cutout
    image_from_cutout: Floats


def _placed(cutout: _Cutout, scale: float, foot: Floats, *, flip: bool) -> _Placed:
    """The middle of its lower edge at `foot`."""
    height, width = cutout.alpha.shape
    across = -scale if flip else scale
    return _Placed(
        cutout,
        np.array([[across, 0, foot[0] - across * (width - 1) / 2], [0, scale, foot[1] - scale * (height - 1)]]),
    )


def _frame(
    photo: Picture, shift: Floats, people: list[_Placed]
) -> tuple[Picture, Floats, Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Picture, boxes, joints, which are known, and which of those can be seen."""
    height, width = _SIZE
    zoom = 1.1 * max(width / photo.shape[1], height / photo.shape[0])
    picture = cv2.warpAffine(
        photo,
        np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]]),
        (width, height),
        flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_REFLECT,
    ).astype(np.float32)
    boxes, joints, labelled, masks = [], [], [], []
    for placed in people:
        cutout, affine = placed.cutout, placed.image_from_cutout
        alpha = cv2.warpAffine(cutout.alpha, affine, (width, height)).astype(np.float32)[..., None] / 255
        person = cv2.warpAffine(cutout.picture, affine, (width, height)).astype(np.float32)
        picture = alpha * person + (1 - alpha) * picture
        corners = np.array([[0, 0], [cutout.alpha.shape[1] - 1, cutout.alpha.shape[0] - 1]]) @ affine[:, :2].T
        corners = np.sort(corners + affine[:, 2], axis=0)
        boxes.append([*corners[0], *corners[1]])
        own = cutout.joints @ affine[:, :2].T + affine[:, 2]
        flipped = affine[0, 0] < 0
        joints.append(own[list(FLIP)] if flipped else own)
        labelled.append(cutout.labelled[list(FLIP)] if flipped else cutout.labelled)
        masks.append(alpha[..., 0] > 0.5)
    visible = []
    for index, (own, known) in enumerate(zip(joints, labelled, strict=True)):
        x, y = np.rint(own).astype(int).T
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        behind = np.zeros(NUM_JOINTS, bool)
        for mask in masks[index + 1 :]:
            behind |= mask[y.clip(0, height - 1), x.clip(0, width - 1)]
        visible.append(known & inside & ~behind)
    return np.rint(picture).astype(np.uint8), np.array(boxes), np.stack(joints), np.stack(labelled), np.stack(visible)


def _cutouts(folder: Path) -> Iterator[_Cutout]:
    """Held-out people that stand apart from others, whole enough, with the mask that coco/ has of them."""
    for image, people in _images(folder / "annotations.json"):
        mask_path = folder / "masks" / f"{image['id']:012d}.png"
        if image["id"] % 5 or not mask_path.is_file():
            continue
        boxes, joints, labelled = _arrays(people)
        picture, mask = read_picture(folder / image["file_name"]), read_picture(mask_path)[..., 0]
        for index in np.flatnonzero((covered(boxes) == 0) & (labelled[:, list(LIMBS)].sum(axis=1) >= 11)):
            left, top = np.maximum(np.floor(boxes[index, :2]).astype(int) - 3, 0)
            right, bottom = np.ceil(boxes[index, 2:]).astype(int) + 4
            alpha = cv2.GaussianBlur(mask[top:bottom, left:right], (3, 3), 0).astype(np.uint8, copy=False)
            own = joints[index] - np.array([left, top])
            x, y = np.rint(own).astype(int).T
            inside = alpha[y.clip(0, alpha.shape[0] - 1), x.clip(0, alpha.shape[1] - 1)] > 127
            if bottom - top >= 100 and inside[labelled[index]].mean() >= 0.85:
                yield _Cutout(picture[top:bottom, left:right], alpha, own, labelled[index])


def _images(place: Path) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Images of an annotations file with all their people."""
    document = json.loads(place.read_bytes())
    people: dict[int, list[dict[str, Any]]] = {}
    for person in document["annotations"]:
        if not person.get("iscrowd"):
            people.setdefault(person["image_id"], []).append(person)
    for image in document["images"]:
        yield image, people.get(image["id"], [])


def _arrays(people: list[dict[str, Any]]) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Boxes xyxy (N, 4), joints (N, 15, 2) and which are labelled (N, 15)."""
    xywh = np.array([person["bbox"] for person in people], np.float64).reshape(-1, 4)
    slots = np.array([person["keypoints"] for person in people], np.float64).reshape(-1, 17, 3)[:, list(SLOT_OF_JOINT)]
    boxes = np.column_stack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]])
    return boxes, slots[..., :2], slots[..., 2] > 0


def _limbs_of(labelled: npt.NDArray[np.bool_], people: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    counted = np.zeros_like(labelled)
    counted[:, list(LIMBS)] = labelled[:, list(LIMBS)]
    return counted & people[:, None]


def _still(
    name: str,
    picture: Picture,
    boxes: Floats,
    joints: Floats,
    labelled: npt.NDArray[np.bool_],
    counted: npt.NDArray[np.bool_],
    sizes: Floats,
    threshold: float,
) -> CrowdClip:
    return CrowdClip(name, (picture,), boxes[None], joints[None], labelled[None], counted[None], sizes[None], threshold)

"""Clips of a few frames from one still: smooth random motion of camera and limbs, and what spoils real video.

The key frame is the middle one. Motion is a smooth random path, so that frames
two apart move about twice as far as neighbours. Degradations fall mostly on the
key frame: the supporting frames then hold what it lacks, as in real video where
blur and occlusion pass.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core import geometry
from jmpose_core.estimation.clip import DELTA, cut
from jmpose_core.skeleton import NUM_JOINTS
from train.people import augment
from train.people.poses import LabelledPerson

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Crops (T, H, W, 3) uint8 RGB; joints of the key frame (15, 2) in crop pixels, and their weights (15,).

    Crops with a margin carry that much of their surroundings on every side; the joints are the inner crop's.
    """

    crops: Image
    keypoints: Points
    weight: npt.NDArray[np.float32]


def synthesise(
    person: LabelledPerson,
    other: LabelledPerson,
    crop_size: tuple[int, int],
    rng: np.random.Generator,
    *,
    degraded: bool,
    augmentation: augment.CropAugmentation,
    reach: int = DELTA,
    margin: tuple[int, int] = (0, 0),
) -> Clip:
    """A clip of `person`; `other` lends the pieces that pass in front.

    The key frame's crop is the labelled box's, changed by `augmentation` alone, so
    that the initial heatmaps are judged as on stills.

    Args:
        reach: frames on either side of the key frame.
        margin: pixels above and below, left and right, that the crops carry beyond `crop_size`.
    """
    key_from_image, flip = augment.random_crop(person.bbox_xyxy, crop_size, augmentation, rng)
    clip = moved(person, crop_size, rng, key_from_image, flip, reach=reach, margin=margin)
    if degraded:
        return Clip(_spoil(clip.crops, other.image(), crop_size, rng), clip.keypoints, clip.weight)
    return clip


def moved(
    person: LabelledPerson,
    crop_size: tuple[int, int],
    rng: np.random.Generator,
    key_from_image: geometry.Affine,
    flip: bool,
    *,
    reach: int = DELTA,
    margin: tuple[int, int] = (0, 0),
) -> Clip:
    """A clip of `person` that nothing spoils.

    Args:
        key_from_image, flip: how the key frame's crop is cut, and whether that mirrors.
        reach, margin: as of `synthesise`.
    """
    joints, weight = augment.warp_keypoints(person.keypoints, person.weight, key_from_image, crop_size, flip=flip)
    image = person.image()
    limbs = _limb_paths(joints, weight, reach, rng)
    cameras = _camera_paths(crop_size, reach, rng)
    (height, width), (above, beside) = crop_size, margin
    whole_from_crop = np.array([[1.0, 0, beside], [0, 1.0, above]])
    crops = np.stack(
        [
            _frame(
                image,
                geometry.compose(whole_from_crop, geometry.compose(camera, key_from_image)),
                joints + np.array([beside, above], np.float32),
                limb,
                weight,
                (height + 2 * above, width + 2 * beside),
            )
            for camera, limb in zip(cameras, limbs, strict=True)
        ]
    )
    return Clip(crops, joints, weight)


def _smooth_path(scale: npt.NDArray[np.float64], reach: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Displacements (T, *scale.shape), zero at the key frame: velocity and acceleration of the given scale a frame."""
    velocity, acceleration = rng.normal(0, 1, (2, *scale.shape)) * scale
    time = np.arange(-reach, reach + 1).reshape(-1, *([1] * scale.ndim))
    return velocity * time + 0.35 * acceleration * time**2


def _camera_paths(crop_size: tuple[int, int], reach: int, rng: np.random.Generator) -> list[geometry.Affine]:
    """moved_from_key for each frame: small shift, turn and zoom of the whole picture."""
    height, width = crop_size
    strength = rng.choice([0.0, 0.5, 1.0, 2.0])
    shift = _smooth_path(np.full(2, 0.012 * height * strength), reach, rng)
    turn = _smooth_path(np.array(0.008 * strength), reach, rng)
    zoom = np.exp(_smooth_path(np.array(0.006 * strength), reach, rng))
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    paths = []
    for index in range(len(turn)):
        cos, sin = np.cos(turn[index]) * zoom[index], np.sin(turn[index]) * zoom[index]
        linear = np.array([[cos, -sin], [sin, cos]])
        paths.append(np.column_stack([linear, centre - linear @ centre + shift[index]]))
    return paths


def _limb_paths(joints: Points, weight: npt.NDArray[np.float32], reach: int, rng: np.random.Generator) -> Points:
    """Displacements (T, 15, 2) of the joints about the body, in crop pixels, larger for hands and feet."""
    extent = float(np.ptp(joints[weight > 0], axis=0).max()) if (weight > 0).any() else 0.0
    swing = np.full((NUM_JOINTS, 2), 0.012)
    swing[[0, 5, 6, 11]] = 0.035  # ankles and wrists
    swing[[1, 4, 7, 10]] = 0.02  # knees and elbows
    strength = rng.choice([0.0, 0.6, 1.2, 2.0])
    return _smooth_path(swing * extent * strength, reach, rng).astype(np.float32)


def _frame(
    image: Image,
    crop_from_image: geometry.Affine,
    joints: Points,
    limb: Points,
    weight: npt.NDArray[np.float32],
    crop_size: tuple[int, int],
) -> Image:
    """One crop: the affine map, then limbs bent by their displacements."""
    height, width = crop_size
    crop = cut(image, crop_from_image, crop_size)
    labelled = weight > 0
    if not labelled.any() or not np.abs(limb).max() > 0.25:
        return crop
    field = _displacement(joints[labelled] + limb[labelled], limb[labelled], crop_size)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    bent = cv2.remap(crop, x - field[..., 0], y - field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(bent, np.uint8)


def _displacement(places: Points, moves: Points, crop_size: tuple[int, int]) -> Points:
    """Smooth field (H, W, 2) that takes each value of `moves` near its place and fades out away from all."""
    height, width = (side // 4 for side in crop_size)
    extent = float(np.ptp(places, axis=0).max())
    reach = max(extent * 0.09, 6.0) / 4
    cells = geometry.apply(geometry.HEATMAP_FROM_CROP, places).astype(np.float32)
    x = np.arange(width, dtype=np.float32)
    y = np.arange(height, dtype=np.float32)
    near = (
        np.exp(-((x - cells[:, :1]) ** 2) / (2 * reach**2))[:, None, :]
        * np.exp(-((y - cells[:, 1:]) ** 2) / (2 * reach**2))[:, :, None]
    )
    field = np.einsum("khw,kc->hwc", near, moves) / (near.sum(axis=0)[..., None] + 0.15)
    return cv2.resize(field.astype(np.float32), (width * 4, height * 4), interpolation=cv2.INTER_LINEAR)


def _spoil(crops: Image, patch: Image, crop_size: tuple[int, int], rng: np.random.Generator) -> Image:
    """Blur, defocus, darkness, compression and passing objects; the key frame always has one of the first or last."""
    crops = crops.copy()
    kinds = rng.permutation(["blur", "defocus", "object", "both"])
    kind = kinds[0]
    if kind in ("object", "both"):
        crops = _pass_objects(crops, patch, crop_size, rng)
    key = len(crops) // 2
    for index in range(len(crops)):
        if index != key and rng.random() > 0.25:
            continue
        if kind in ("blur", "both"):
            length = float(rng.uniform(10, 26)) * (1.0 if index == key else 0.5)
            crops[index] = augment.motion_blur(crops[index], length, float(rng.uniform(0, np.pi)))
        elif kind == "defocus":
            crops[index] = cv2.GaussianBlur(crops[index], (0, 0), float(rng.uniform(2.5, 5.5)))
    if rng.random() < 0.3:
        dark = float(rng.uniform(0.2, 0.5))
        for index in range(len(crops)):
            crops[index] = augment.noise((crops[index] * dark).astype(np.uint8), float(rng.uniform(2, 6)), rng)
    if rng.random() < 0.3:
        quality = int(rng.integers(12, 40))
        for index in range(len(crops)):
            crops[index] = augment.compress(crops[index], quality)
    return crops


def _pass_objects(crops: Image, patch: Image, crop_size: tuple[int, int], rng: np.random.Generator) -> Image:
    """One or two pieces of another picture cross the clip, over the body in the key frame."""
    height, width = crop_size
    margin = np.array([crops.shape[2] - width, crops.shape[1] - height]) / 2
    for _ in range(int(rng.integers(1, 3))):
        h, w = (int(side * rng.uniform(0.12, 0.3)) for side in (height, width))
        piece = np.asarray(cv2.resize(patch, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
        place = rng.uniform(0.15, 0.75, 2) * (width, height)
        angle, speed = rng.uniform(0, 2 * np.pi), rng.uniform(0.06, 0.3) * height
        for index in range(len(crops)):
            at = margin + place + (index - len(crops) // 2) * speed * np.array([np.cos(angle), np.sin(angle)])
            _paste(crops[index], piece, int(at[0]), int(at[1]))
    return crops


def _paste(canvas: Image, piece: Image, x: int, y: int) -> None:
    height, width = canvas.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + piece.shape[1], width), min(y + piece.shape[0], height)
    if x0 < x1 and y0 < y1:
        canvas[y0:y1, x0:x1] = piece[y0 - y : y1 - y, x0 - x : x1 - x]

"""Random changes to a picture of a person, as annotators' videos would make them."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core import geometry
from jmpose_core.geometry import Affine, Xyxy
from jmpose_core.skeleton import FLIP, JOINT_INDEX

Image = npt.NDArray[np.uint8]

UPPER_BODY = [
    *(JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("shoulder", "elbow", "wrist")),
    *(JOINT_INDEX[name] for name in ("nose", "head_bottom", "head_top")),
]
LOWER_BODY = [JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("hip", "knee", "ankle")]


@dataclass(frozen=True, slots=True)
class CropAugmentation:
    """How far a crop may stray from the labelled box. The zero of each field leaves the crop as it is.

    Values of the field (docs/model.md): rotation N(0, 45) clipped to 90 degrees six
    times in ten, scale 0.65 to 1.35, half body three times in ten.
    """

    rotation_deg: float = 40.0
    rotation_probability: float = 0.6
    scale: float = 0.3
    shift: float = 0.08  # of the box's longer side
    half_body_probability: float = 0.15
    flip_probability: float = 0.5


def half_body(
    keypoints: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    rng: np.random.Generator,
    *,
    enlarge: float = 1.4,
) -> Xyxy | None:
    """A box about the labelled joints of the upper or lower body; None with fewer than nine labelled."""
    if (weight > 0).sum() < 9:
        return None
    half = UPPER_BODY if rng.random() < 0.6 else LOWER_BODY
    chosen = [joint for joint in half if weight[joint] > 0]
    if len(chosen) < 4:
        return None
    left, top, right, bottom = geometry.bbox_of_points(keypoints[chosen], enlarge=enlarge)
    return (left, top, right, bottom) if right - left > 8 and bottom - top > 8 else None


def random_crop(
    bbox_xyxy: Xyxy, crop_size: tuple[int, int], augmentation: CropAugmentation, rng: np.random.Generator
) -> tuple[Affine, bool]:
    """crop_from_image with random shift, scale, rotation and mirroring, and whether it mirrors."""
    left, top, right, bottom = bbox_xyxy
    side = max(right - left, bottom - top)
    dx, dy = rng.uniform(-augmentation.shift, augmentation.shift, 2) * side
    factor = float(np.exp(np.clip(rng.normal(0, 0.6), -1, 1) * np.log1p(augmentation.scale)))
    moved = (left + dx, top + dy, right + dx, bottom + dy)
    angle = 0.0
    if rng.random() < augmentation.rotation_probability:
        angle = float(np.clip(rng.normal(0, augmentation.rotation_deg), -90, 90))
    flip = bool(rng.random() < augmentation.flip_probability)
    return turned_crop(moved, crop_size, enlarge=1.25 * factor, angle_deg=angle, flip=flip), flip


def turned_crop(bbox_xyxy: Xyxy, crop_size: tuple[int, int], *, enlarge: float, angle_deg: float, flip: bool) -> Affine:
    """crop_from_image of the enlarged box, mirrored where `flip`, then turned about the crop's centre."""
    crop = geometry.crop_from_image(bbox_xyxy, crop_size, enlarge=enlarge)
    return geometry.compose(_turned(crop_size, angle_deg, flip), crop)


def _turned(crop_size: tuple[int, int], angle_deg: float, flip: bool) -> Affine:
    """Rotation about the crop's centre, after mirroring where `flip`."""
    height, width = crop_size
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if flip else 1.0, 1.0])
    return np.column_stack([linear, centre - linear @ centre])


def warp_keypoints(
    keypoints: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    crop_from_image: Affine,
    crop_size: tuple[int, int],
    *,
    flip: bool,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Joints in the crop, named by the mirrored person where `flip`; weight 0 outside the crop."""
    moved = geometry.apply(crop_from_image, keypoints).astype(np.float32)
    if flip:
        moved, weight = moved[list(FLIP)], weight[list(FLIP)]
    height, width = crop_size
    inside = (moved >= -0.5).all(axis=1) & (moved[:, 0] <= width - 0.5) & (moved[:, 1] <= height - 0.5)
    return moved, weight * inside


def degrade(image: Image, rng: np.random.Generator) -> Image:
    """Colour, light, blur, noise and compression, each sometimes."""
    if rng.random() < 0.7:
        image = recolour(image, rng)
    if rng.random() < 0.15:
        image = blur(image, rng)
    if rng.random() < 0.1:
        image = noise(image, float(rng.uniform(3, 12)), rng)
    if rng.random() < 0.1:
        image = compress(image, int(rng.integers(15, 50)))
    return image


def recolour(image: Image, rng: np.random.Generator) -> Image:
    """Random brightness, contrast, gamma and channel gain through one look-up table a channel."""
    ramp = np.arange(256, dtype=np.float32) / 255
    table = np.empty((256, 1, 3), np.float32)
    gamma, contrast, lift = rng.uniform(0.65, 1.6), rng.uniform(0.7, 1.3), rng.uniform(-0.12, 0.12)
    for channel in range(3):
        table[:, 0, channel] = ((ramp**gamma - 0.5) * contrast + 0.5 + lift) * rng.uniform(0.88, 1.12)
    return np.asarray(cv2.LUT(image, (np.clip(table, 0, 1) * 255).astype(np.uint8)), np.uint8)


def blur(image: Image, rng: np.random.Generator) -> Image:
    """Motion blur along a random direction, or defocus."""
    if rng.random() < 0.5:
        return motion_blur(image, float(rng.uniform(3, 13)), float(rng.uniform(0, np.pi)))
    return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.8, 2.5))), np.uint8)


def motion_blur(image: Image, length: float, angle: float) -> Image:
    """Blur along a line of `length` pixels at `angle` radians."""
    radius = int(np.ceil(length / 2))
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), np.float32)
    for step in np.linspace(-length / 2, length / 2, 4 * radius + 1):
        kernel[int(np.round(radius + step * np.sin(angle))), int(np.round(radius + step * np.cos(angle)))] += 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def noise(image: Image, sigma: float, rng: np.random.Generator) -> Image:
    """Gaussian noise of `sigma` grey levels."""
    return np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def compress(image: Image, quality: int) -> Image:
    """JPEG at `quality`, decoded again."""
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def occlude(image: Image, patch: Image, rng: np.random.Generator) -> Image:
    """A copy with a piece of `patch` over a random place, as an object in front would be."""
    height, width = image.shape[:2]
    h, w = (int(side * rng.uniform(0.12, 0.4)) for side in (height, width))
    y, x = int(rng.integers(0, height - h)), int(rng.integers(0, width - w))
    piece = np.asarray(cv2.resize(patch, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
    covered = image.copy()
    if rng.random() < 0.5:
        mask = np.zeros((h, w), np.uint8)
        cv2.ellipse(mask, (w // 2, h // 2), (w // 2, h // 2), 0, 0, 360, 1, -1)
        covered[y : y + h, x : x + w][mask > 0] = piece[mask > 0]
    else:
        covered[y : y + h, x : x + w] = piece
    return covered

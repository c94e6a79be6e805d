"""Boxes and affine maps between image, crop and heatmap. The program's only convention.

Pixel centres lie on whole numbers, so a picture W wide spans [-0.5, W - 0.5].
A map is a 2x3 matrix named target_from_source; `compose` chains them so that
the names meet in the middle: compose(image_from_crop, crop_from_heatmap).
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Affine: TypeAlias = npt.NDArray[np.float64]  # (2, 3)
Xyxy: TypeAlias = tuple[float, float, float, float]


def crop_from_image(bbox_xyxy: Xyxy, crop_size: tuple[int, int], *, enlarge: float = 1.25) -> Affine:
    """Map that brings a person's box into a crop, keeping proportions.

    The box is widened or heightened about its centre to the crop's aspect and
    then enlarged (25 % in the JM-Pose paper, section 3), so the whole box is in
    the crop with a margin.

    Args:
        bbox_xyxy: left, top, right, bottom in image pixels.
        crop_size: height, width of the crop in pixels.
        enlarge: factor on both sides of the box.

    Raises:
        ValueError: the box has no area.
    """
    left, top, right, bottom = bbox_xyxy
    height, width = crop_size
    box_width, box_height = right - left, bottom - top
    if not (box_width > 0 and box_height > 0):
        raise ValueError(f"bbox {bbox_xyxy} has no area")
    scale = width / (enlarge * max(box_width, box_height * width / height))
    centre_x, centre_y = (left + right) / 2, (top + bottom) / 2
    return np.array(
        [
            [scale, 0.0, (width - 1) / 2 - scale * centre_x],
            [0.0, scale, (height - 1) / 2 - scale * centre_y],
        ]
    )


def scaled(factor: float) -> Affine:
    """Map from a grid to one with `factor` times as many cells a side, as from a crop to its heatmap."""
    shift = (factor - 1) / 2
    return np.array([[factor, 0.0, shift], [0.0, factor, shift]])


HEATMAP_FROM_CROP: Final = scaled(1 / 4)  # every network here has one heatmap cell for 4 x 4 pixels of its crop


def compose(outer: Affine, inner: Affine) -> Affine:
    """The map that applies `inner`, then `outer`."""
    linear = outer[:, :2] @ inner[:, :2]
    shift = outer[:, :2] @ inner[:, 2] + outer[:, 2]
    return np.column_stack([linear, shift])


def inverse(affine: Affine) -> Affine:
    """The map back: inverse(crop_from_image) is image_from_crop."""
    linear = np.asarray(np.linalg.inv(affine[:, :2]), np.float64)
    return np.column_stack([linear, -linear @ affine[:, 2]])


def apply(affine: Affine, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Points (..., 2) of the source, in the target."""
    return np.asarray(points, np.float64) @ affine[:, :2].T + affine[:, 2]


def bbox_of_points(points: npt.NDArray[np.floating], *, enlarge: float = 1.0) -> Xyxy:
    """Extent of points (N, 2), enlarged about its centre (PoseTrack's own boxes: 1.3)."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre, half = (low + high) / 2, (high - low) / 2 * enlarge
    return (
        float(centre[0] - half[0]),
        float(centre[1] - half[1]),
        float(centre[0] + half[0]),
        float(centre[1] + half[1]),
    )


def iou(first_xyxy: npt.NDArray[np.floating], second_xyxy: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Intersection over union of boxes (N, 4) and (M, 4): (N, M), 0 where both are empty."""
    first, second = np.asarray(first_xyxy, np.float64), np.asarray(second_xyxy, np.float64)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = np.clip(high - low, 0, None).prod(axis=2)
    areas = (first[:, 2:] - first[:, :2]).prod(axis=1)[:, None] + (second[:, 2:] - second[:, :2]).prod(axis=1)[None]
    union = areas - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)

"""Points and boxes against ignore regions."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from jmpose_core.formats.document import Polygon
from jmpose_core.geometry import Xyxy


def inside_any(points: npt.NDArray[np.float64], polygons: Sequence[Polygon]) -> npt.NDArray[np.bool_]:
    """Which points (..., 2) lie strictly inside one of the polygons; a point on an edge is outside."""
    inside = np.zeros(points.shape[:-1], bool)
    for polygon in polygons:
        inside |= _inside(points, np.array(polygon, np.float64))
    return inside


def _inside(points: npt.NDArray[np.float64], corners: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Even-odd rule: a ray to the right crosses the outline an odd number of times."""
    start, end = corners, np.roll(corners, -1, axis=0)
    edge = end - start
    x, y = points[..., 0, None], points[..., 1, None]
    # Twice the signed area of (start, end, point): 0 on the edge's line, its sign tells the side.
    side = edge[:, 0] * (y - start[:, 1]) - edge[:, 1] * (x - start[:, 0])
    low, high = np.minimum(start, end), np.maximum(start, end)
    on_edge = (side == 0) & (x >= low[:, 0]) & (x <= high[:, 0]) & (y >= low[:, 1]) & (y <= high[:, 1])
    upward = (start[:, 1] <= y) & (y < end[:, 1])
    downward = (end[:, 1] <= y) & (y < start[:, 1])
    crosses = (upward & (side > 0)) | (downward & (side < 0))
    return (crosses.sum(axis=-1) % 2 == 1) & ~on_edge.any(axis=-1)


def iou_with_box(polygon: Polygon, bbox_xyxy: Xyxy) -> float:
    """Intersection over union of a polygon and a box."""
    corners = np.array(polygon, np.float64)
    left, top, right, bottom = bbox_xyxy
    overlap = _area(_clipped(corners, bbox_xyxy))
    union = _area(corners) + (right - left) * (bottom - top) - overlap
    return overlap / union if union > 0 else 0.0


def _clipped(corners: npt.NDArray[np.float64], bbox_xyxy: Xyxy) -> npt.NDArray[np.float64]:
    """The polygon within the box (Sutherland and Hodgman, 1974); the area of a concave one is right."""
    left, top, right, bottom = bbox_xyxy
    for axis, bound, sign in ((0, left, 1), (0, right, -1), (1, top, 1), (1, bottom, -1)):
        kept: list[npt.NDArray[np.float64]] = []
        for here, following in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            inner, next_inner = (sign * (point[axis] - bound) for point in (here, following))
            if inner >= 0:
                kept.append(here)
            if (inner > 0 > next_inner) or (inner < 0 < next_inner):
                kept.append(here + (following - here) * (inner / (inner - next_inner)))
        corners = np.array(kept).reshape(-1, 2)
    return corners


def _area(corners: npt.NDArray[np.float64]) -> float:
    if len(corners) < 3:
        return 0.0
    x, y = corners.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2

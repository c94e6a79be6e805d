"""How a layer of a synthetic pair moves: x2 = P(x1 + bend(x1)), a smooth bend, then a homography P."""

from typing import Final, TypeAlias, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Field: TypeAlias = npt.NDArray[np.float32]  # (H, W, 2): x, y in pixels
Matrix: TypeAlias = npt.NDArray[np.float64]  # (3, 3)
Point: TypeAlias = npt.NDArray[np.float64]  # (2,)
_Number = TypeVar("_Number", np.uint8, np.float32)

_STEEPEST_BEND: Final = 0.2  # of any partial derivative: keeps the bend invertible by fixed-point iteration
_INVERSE_ITERATIONS: Final = 6
_FARTHEST: Final = 36.0  # pixels


def random_motion(
    rng: np.random.Generator,
    size: tuple[int, int],
    pivot: Point,
    reach: float,
    *,
    distance: float,
    turn: float,
    growth: float,
    tilt: float = 0.0,
) -> Matrix:
    """Shift of about `distance` pixels at 192 high, seldom far more; turn about the pivot in degrees; growth; tilt."""
    length = min(rng.exponential(distance) if rng.random() < 0.8 else rng.uniform(0, 4 * distance), _FARTHEST) * reach
    heading = rng.uniform(0, 2 * np.pi)
    motion = about(pivot, similarity(rng.normal(0, turn) * reach, float(np.exp(rng.normal(0, growth) * reach))))
    motion[:2, 2] += length * size[0] / 192 * np.array([np.cos(heading), np.sin(heading)])
    perspective = np.eye(3)
    perspective[2, :2] = rng.normal(0, tilt * reach * 1e-4, 2)
    return motion @ perspective


def random_bend(rng: np.random.Generator, size: tuple[int, int], amplitude: float) -> Field:
    """Smooth displacement of about `amplitude` pixels, flattened until it folds nowhere."""
    cells = int(rng.integers(3, 7))
    knots = rng.standard_normal((cells + 1, cells, 2)).astype(np.float32) * np.float32(amplitude)
    bend = cv2.resize(knots, size[::-1], interpolation=cv2.INTER_CUBIC)
    steepest = max(float(np.abs(np.diff(bend, axis=0)).max()), float(np.abs(np.diff(bend, axis=1)).max()))
    return (bend * np.float32(min(1.0, _STEEPEST_BEND / max(steepest, 1e-6)))).astype(np.float32, copy=False)


def similarity(degrees: float, scale: float) -> Matrix:
    """Turn and growth about the origin."""
    cos, sin = scale * np.cos(np.deg2rad(degrees)), scale * np.sin(np.deg2rad(degrees))
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])


def about(pivot: Point, matrix: Matrix) -> Matrix:
    """The map, carried out about a pivot in place of the origin."""
    shift = np.eye(3)
    shift[:2, 2] = pivot
    back = np.eye(3)
    back[:2, 2] = -pivot
    return shift @ matrix @ back


def inverse(matrix: Matrix) -> Matrix:
    """The map back."""
    return np.asarray(np.linalg.inv(matrix), np.float64)


def mapped(matrix: Matrix, points: Field) -> Field:
    """Points (H, W, 2) through an affine map or a homography."""
    if matrix[2, 0] == 0 and matrix[2, 1] == 0:
        return cv2.transform(points, matrix[:2]).astype(np.float32, copy=False)
    return cv2.perspectiveTransform(points, matrix).astype(np.float32, copy=False)


def unbent(bent: Field, bend: Field | None) -> Field:
    """Solve x + bend(x) = bent for x; each iteration divides the error by at least 2."""
    if bend is None:
        return bent
    point = bent
    for _ in range(_INVERSE_ITERATIONS):
        point = (bent - sampled(bend, point, cv2.BORDER_REPLICATE)).astype(np.float32, copy=False)
    return point


def sampled(picture: npt.NDArray[_Number], places: Field, border: int) -> npt.NDArray[_Number]:
    """The picture's values at places (H, W, 2) in its pixels, bilinear; `border` is one of cv2.BORDER_*."""
    x, y = cv2.split(places)
    values = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=border)
    return values.astype(picture.dtype, copy=False)

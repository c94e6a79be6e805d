"""What lies under the cursor. Pure functions: no window needed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.geometry import Xyxy
from jmpose_core.skeleton import LIMBS


@dataclass(frozen=True, slots=True)
class JointHit:
    """A joint that is drawn."""

    track_id: int
    joint: int


@dataclass(frozen=True, slots=True)
class LimbHit:
    """A bone between two drawn joints: an index into LIMBS."""

    track_id: int
    limb: int


@dataclass(frozen=True, slots=True)
class BboxEdgeHit:
    """The line of a person's box."""

    track_id: int


@dataclass(frozen=True, slots=True)
class BboxHit:
    """The inside of a person's box."""

    track_id: int


Hit = JointHit | LimbHit | BboxEdgeHit | BboxHit


def hit_test(
    people: Sequence[Annotation],
    xy: tuple[float, float],
    *,
    radius: float,
    selected: int | None = None,
    selected_joint: int | None = None,
) -> Hit | None:
    """What the point `xy` means to a hand that is `radius` image pixels wide.

    A joint wins over a limb, a limb over the edge of a box, an edge over its
    inside; of several joints, one of the selected person wins, then the nearest. The
    selected joint counts as nearer by half a radius: it is the one meant where joints lie on one another.
    """
    if not people:
        return None
    point = np.asarray(xy, np.float64)
    return (
        _nearest_joint(people, point, radius, selected, selected_joint)
        or _nearest_limb(people, point, radius, selected)
        or _nearest_edge(people, point, radius)
        or _smallest_box(people, point)
    )


def gathered_in(
    people: Sequence[Annotation], bbox_xyxy: Xyxy, *, selected: int | None = None
) -> tuple[int, frozenset[int]] | None:
    """The track and joints that a marquee takes: of the selected person, if any is inside, else of who has most."""
    left, top, right, bottom = bbox_xyxy
    best, best_rank = None, (False, 0)
    for person in people:
        inside = ((person.keypoints >= (left, top)) & (person.keypoints <= (right, bottom))).all(axis=1)
        joints = np.flatnonzero(inside & (person.visibility != Visibility.ABSENT)).tolist()
        rank = (person.track_id == selected, len(joints))
        if joints and rank > best_rank:
            best, best_rank = (person.track_id, frozenset(joints)), rank
    return best


def _nearest_joint(
    people: Sequence[Annotation],
    point: npt.NDArray[np.float64],
    radius: float,
    selected: int | None,
    selected_joint: int | None,
) -> JointHit | None:
    best, best_rank = None, (1, radius)
    for person in people:
        distances = np.hypot(*(person.keypoints - point).T)
        distances[(person.visibility == Visibility.ABSENT) | (distances > radius)] = np.inf
        if person.track_id == selected and selected_joint is not None:
            distances[selected_joint] -= radius / 2
        joint = int(distances.argmin())
        rank = (0 if person.track_id == selected else 1, float(distances[joint]))
        if rank[1] <= radius and rank <= best_rank:
            best, best_rank = JointHit(person.track_id, joint), rank
    return best


def _nearest_limb(
    people: Sequence[Annotation], point: npt.NDArray[np.float64], radius: float, selected: int | None
) -> LimbHit | None:
    ends = np.asarray(LIMBS)
    best, best_rank = None, (1, radius)
    for person in people:
        distances = distances_to_segments(point, person.keypoints[ends[:, 0]], person.keypoints[ends[:, 1]])
        distances[(person.visibility[ends] == Visibility.ABSENT).any(axis=1)] = np.inf
        limb = int(distances.argmin())
        rank = (0 if person.track_id == selected else 1, float(distances[limb]))
        if rank[1] <= radius and rank <= best_rank:
            best, best_rank = LimbHit(person.track_id, limb), rank
    return best


def _nearest_edge(people: Sequence[Annotation], point: npt.NDArray[np.float64], radius: float) -> BboxEdgeHit | None:
    distances = [_distance_to_edge(person.bbox_xyxy, point) for person in people]
    nearest = int(np.argmin(distances))
    return BboxEdgeHit(people[nearest].track_id) if distances[nearest] <= radius else None


def _smallest_box(people: Sequence[Annotation], point: npt.NDArray[np.float64]) -> BboxHit | None:
    around = [person for person in people if _signed_distance(person.bbox_xyxy, point) <= 0]
    if not around:
        return None
    return BboxHit(min(around, key=lambda person: _area(person.bbox_xyxy)).track_id)


def distances_to_segments(
    point: npt.NDArray[np.float64], starts: npt.NDArray[np.float64], ends: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(N,) distances of a point (2,) to segments between `starts` and `ends` (N, 2)."""
    along = ends - starts
    lengths = np.maximum((along**2).sum(axis=1), 1e-12)
    shares = np.clip(((point - starts) * along).sum(axis=1) / lengths, 0, 1)
    return np.hypot(*(starts + shares[:, None] * along - point).T)


def _signed_distance(bbox_xyxy: Xyxy, point: npt.NDArray[np.float64]) -> float:
    left, top, right, bottom = bbox_xyxy
    return float(max(left - point[0], point[0] - right, top - point[1], point[1] - bottom))


def _distance_to_edge(bbox_xyxy: Xyxy, point: npt.NDArray[np.float64]) -> float:
    return abs(_signed_distance(bbox_xyxy, point))


def _area(bbox_xyxy: Xyxy) -> float:
    left, top, right, bottom = bbox_xyxy
    return (right - left) * (bottom - top)

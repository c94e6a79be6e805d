"""What is known of one person in one frame. No Qt, no torch, no files."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from jmpose_core.skeleton import FLIP, NUM_JOINTS

FloatArray: TypeAlias = npt.NDArray[np.float64]
CodeArray: TypeAlias = npt.NDArray[np.uint8]


class Visibility(IntEnum):
    """Whether a joint is in the picture at all, and whether something hides it."""

    ABSENT = 0
    OCCLUDED = 1
    VISIBLE = 2


class Origin(IntEnum):
    """Who put a joint where it is. No prediction overrides a CORRECTED or VERIFIED joint."""

    NONE = 0
    PREDICTED = 1
    PROPAGATED = 2
    CORRECTED = 3
    VERIFIED = 4


def _no_points() -> FloatArray:
    return np.zeros((NUM_JOINTS, 2))


def _no_codes() -> CodeArray:
    return np.zeros(NUM_JOINTS, np.uint8)


def _no_confidence() -> FloatArray:
    return np.zeros(NUM_JOINTS)


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """One person in one frame.

    Positions are image pixels, x to the right, y down, the centre of the top
    left pixel at (0, 0). A joint whose visibility is ABSENT keeps whatever
    position it had last, so that making it visible again puts it back.
    Arrays are never changed in place: `with_joint` and `replace` make new ones.
    """

    frame_index: int
    track_id: int
    bbox_xyxy: tuple[float, float, float, float]
    keypoints: FloatArray = field(default_factory=_no_points)  # (15, 2) x, y
    visibility: CodeArray = field(default_factory=_no_codes)  # (15,) Visibility
    confidence: FloatArray = field(default_factory=_no_confidence)  # (15,) 0..1, the model's
    origin: CodeArray = field(default_factory=_no_codes)  # (15,) Origin
    score: float = 1.0  # of the person, 0..1; 1 where a person drew the box
    source: str = ""  # weights that predicted it, or "frame N" it was propagated from

    def __post_init__(self) -> None:
        if self.keypoints.shape != (NUM_JOINTS, 2):
            raise ValueError(f"keypoints: shape {self.keypoints.shape}, expected ({NUM_JOINTS}, 2)")
        for name in ("visibility", "confidence", "origin"):
            if getattr(self, name).shape != (NUM_JOINTS,):
                raise ValueError(f"{name}: shape {getattr(self, name).shape}, expected ({NUM_JOINTS},)")
        for array in (self.keypoints, self.visibility, self.confidence, self.origin):
            array.setflags(write=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Annotation):
            return NotImplemented
        return (
            self.frame_index == other.frame_index
            and self.track_id == other.track_id
            and self.bbox_xyxy == other.bbox_xyxy
            and self.score == other.score
            and self.source == other.source
            and np.array_equal(self.keypoints, other.keypoints)
            and np.array_equal(self.visibility, other.visibility)
            and np.array_equal(self.confidence, other.confidence)
            and np.array_equal(self.origin, other.origin)
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays: compare it, do not use it as a key

    @property
    def touched(self) -> npt.NDArray[np.bool_]:
        """(15,) bool: joints a person has corrected or verified."""
        return self.origin >= Origin.CORRECTED

    def with_joint(
        self,
        joint: int,
        *,
        xy: tuple[float, float] | None = None,
        visibility: Visibility | None = None,
        origin: Origin = Origin.CORRECTED,
    ) -> Self:
        """A copy with one joint moved or its visibility changed, marked as from `origin`."""
        keypoints, codes, origins = self.keypoints.copy(), self.visibility.copy(), self.origin.copy()
        if xy is not None:
            keypoints[joint] = xy
        if visibility is not None:
            codes[joint] = visibility
        origins[joint] = origin
        return replace(self, keypoints=keypoints, visibility=codes, origin=origins)

    def mirrored_sides(self, joints: Collection[int] = range(NUM_JOINTS)) -> Self:
        """A copy with left and right exchanged: the joints stay where they are and change their names.

        Args:
            joints: these alone, both sides of each; they count as corrected.
        """
        exchanged = np.isin(np.arange(NUM_JOINTS), list(joints))
        order = np.where(exchanged, FLIP, np.arange(NUM_JOINTS))
        return replace(
            self,
            keypoints=self.keypoints[order],
            visibility=self.visibility[order],
            confidence=self.confidence[order],
            origin=np.where(exchanged, Origin.CORRECTED, self.origin).astype(np.uint8),
        )


@dataclass(frozen=True, slots=True)
class Track:
    """One person through time."""

    track_id: int
    name: str = ""

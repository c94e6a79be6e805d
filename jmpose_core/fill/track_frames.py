"""What a fill reads: one track through frames, with what the model said and what the annotator said of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation
from jmpose_core.fill.evidence import GRID
from jmpose_core.fill.packing import EvidenceArrays
from jmpose_core.skeleton import NUM_JOINTS

FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
IntArray: TypeAlias = npt.NDArray[np.int64]

NEXT: Final = 0  # of EvidenceArrays.flow: to the next frame
BEFORE: Final = 1


@dataclass(frozen=True, slots=True, eq=False)
class TrackFrames:
    """One track in N frames, in order. Positions are image pixels."""

    frame_index: IntArray  # (N,)
    size: FloatArray  # (N,) pixels: square root of the predicted box's area
    predicted: FloatArray  # (N, 15, 2)
    labelled: BoolArray  # (N, 15) corrected or verified
    labels: FloatArray  # (N, 15, 2) where labelled
    absent: BoolArray  # (N, 15) labelled as not in the picture: a place that nothing travels across
    evidence: EvidenceArrays

    @classmethod
    def predicted_only(cls, people: Sequence[Annotation], evidence: EvidenceArrays) -> Self:
        """Without labels: the predictions of one track, in order of frames, and what was seen of them."""
        boxes = np.array([person.bbox_xyxy for person in people])
        nothing = np.zeros((len(people), NUM_JOINTS), bool)
        return cls(
            frame_index=np.array([person.frame_index for person in people]),
            size=np.sqrt(np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1)),
            predicted=np.stack([person.keypoints for person in people]),
            labelled=nothing,
            labels=np.zeros((len(people), NUM_JOINTS, 2)),
            absent=nothing,
            evidence=evidence,
        )

    def __len__(self) -> int:
        return len(self.frame_index)

    def part(self, first: int, last: int) -> "TrackFrames":
        """Rows first..last, `last` excluded."""
        rows = slice(first, last)
        seen = self.evidence
        return TrackFrames(
            self.frame_index[rows],
            self.size[rows],
            self.predicted[rows],
            self.labelled[rows],
            self.labels[rows],
            self.absent[rows],
            EvidenceArrays(
                seen.peaks[rows],
                seen.initial[rows],
                seen.spread[rows],
                seen.grid_from_image[rows],
                seen.flow[rows],
                seen.has_flow[rows],
            ),
        )

    def flow_at(self, row: int, way: int, x: float, y: float) -> tuple[float, float] | None:
        """Motion at one place to the next frame or the one before; None where it is not known."""
        if not self.evidence.has_flow[row, way]:
            return None
        (scale_x, _, shift_x), (_, scale_y, shift_y) = self.evidence.grid_from_image[row].tolist()
        column, line = scale_x * x + shift_x, scale_y * y + shift_y
        if not (-_MARGIN <= column <= GRID[1] - 1 + _MARGIN and -_MARGIN <= line <= GRID[0] - 1 + _MARGIN):
            return None
        column, line = min(max(column, 0.0), GRID[1] - 1.0), min(max(line, 0.0), GRID[0] - 1.0)
        left, top = min(int(column), GRID[1] - 2), min(int(line), GRID[0] - 2)
        right_share, low_share = column - left, line - top
        (dx, dy) = self.evidence.flow[row, way, :, top : top + 2, left : left + 2].tolist()
        return _mixed(dx, right_share, low_share), _mixed(dy, right_share, low_share)

    def flows_at(self, way: int, points: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Motion (N, P, 2) at points (N, P, 2), and where it is known (N, P)."""
        seen = self.evidence
        maps = seen.grid_from_image
        cells = points * maps[:, None, (0, 1), (0, 1)] + maps[:, None, :, 2]
        limit = np.array([GRID[1] - 1.0, GRID[0] - 1.0])
        known = ((cells >= -_MARGIN) & (cells <= limit + _MARGIN)).all(axis=2) & seen.has_flow[:, way, None]
        cells = np.clip(cells, 0, limit)
        low = np.minimum(cells.astype(np.int64), (limit - 1).astype(np.int64))
        share = cells - low
        rows = np.arange(len(self))[:, None]
        motion = np.zeros_like(points)
        for right in (0, 1):
            for below in (0, 1):
                weight = _share(share[..., 0], right) * _share(share[..., 1], below)
                motion += weight[..., None] * seen.flow[rows, way, :, low[..., 1] + below, low[..., 0] + right]
        return motion, known


def lengths(vectors: FloatArray) -> FloatArray:
    """Of (..., 2) vectors: (...). np.linalg.norm takes three times as long over so short an axis."""
    return np.sqrt(np.square(vectors[..., 0]) + np.square(vectors[..., 1]))


_MARGIN: Final = 0.5  # cells beyond the centres of the grid's border: as far as its cells reach


def _mixed(corners: list[list[float]], right: float, low: float) -> float:
    (a, b), (c, d) = corners
    return (a * (1 - right) + b * right) * (1 - low) + (c * (1 - right) + d * right) * low


def _share(share: FloatArray, far: int) -> FloatArray:
    return share if far else 1 - share

"""What a detector says of one frame."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """People of one frame, in no promised order.

    Raises:
        ValueError: the arrays do not belong together.
    """

    bboxes_xyxy: FloatArray  # (N, 4) image pixels
    scores: FloatArray  # (N,) 0..1
    keypoints: FloatArray | None = None  # (N, 15, 3) x, y in image pixels and confidence 0..1
    appearance: FloatArray | None = None  # (N, D) colour histograms, each summing to 1

    def __post_init__(self) -> None:
        count = len(self.scores)
        if self.bboxes_xyxy.shape != (count, 4):
            raise ValueError(f"bboxes_xyxy: shape {self.bboxes_xyxy.shape}, expected ({count}, 4) as there are scores")
        for name in ("keypoints", "appearance"):
            array = getattr(self, name)
            if array is not None and len(array) != count:
                raise ValueError(f"{name}: {len(array)} people, expected {count} as there are scores")

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls) -> Self:
        """A frame without people."""
        return cls(np.zeros((0, 4)), np.zeros(0))

    def select(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | list[int]) -> Self:
        """The chosen people, by mask or by index."""
        index = np.asarray(chosen, dtype=None if len(chosen) else np.intp)
        return type(self)(
            self.bboxes_xyxy[index],
            self.scores[index],
            None if self.keypoints is None else self.keypoints[index],
            None if self.appearance is None else self.appearance[index],
        )

    def in_order(self) -> Self:
        """Best score first, ties from left to right: the same order whatever order they came in."""
        return self.select(np.lexsort((*self.bboxes_xyxy.T[::-1], -self.scores)))

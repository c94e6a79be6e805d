"""What the pose network saw of one person in one frame, small enough to keep for every frame of a video."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation
from jmpose_core.geometry import Affine

PEAKS: Final = 5  # of each joint's refined heatmap, highest first
GRID: Final = (16, 12)  # rows, columns of the flow's grid over the person's crop

Float32Array: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Peaks of the heatmaps, and flow to the frames beside this one, of one person in one frame.

    Positions and motion are image pixels. What is not there is zero: a peak of height 0, or flow whose flag is false.
    """

    peaks: Float32Array  # (15, PEAKS, 3) x, y and height 0..1 of the refined heatmap's local maxima, highest first
    initial: Float32Array  # (15, 3) x, y and height 0..1 of the initial heatmap's highest peak
    spread: Float32Array  # (15,) standard deviation of the refined heatmap, image pixels
    grid_from_image: Affine  # (2, 3) to cells of GRID: x across its columns, y down its rows; centres on whole numbers
    forward: Float32Array  # (2, *GRID) motion dx, dy to the next frame
    backward: Float32Array  # (2, *GRID) motion dx, dy to the frame before
    has_forward: bool
    has_backward: bool


OnEvidence: TypeAlias = Callable[[Annotation, Evidence], None]  # called with a person, before the person is found

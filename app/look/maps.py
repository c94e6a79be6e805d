"""Which of a person's heatmaps is shown."""

import numpy as np
import numpy.typing as npt


def one_map(heatmaps: npt.NDArray[np.float32], joint: int | None) -> npt.NDArray[np.float32]:
    """(h, w) of heatmaps (15, h, w): that of a joint, or (None) the maximum over all joints."""
    return heatmaps.max(axis=0) if joint is None else heatmaps[joint]

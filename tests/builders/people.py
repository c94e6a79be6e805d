"""People for tests: annotations whose joints lie where the test can tell."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.geometry import Xyxy
from jmpose_core.skeleton import NUM_JOINTS

BOX: Xyxy = (10.0, 20.0, 60.0, 120.0)


def annotated(
    frame_index: int = 0,
    track_id: int = 0,
    bbox_xyxy: Xyxy = BOX,
    *,
    keypoints: Any = None,
    visibility: int | Sequence[int] = Visibility.VISIBLE,
    confidence: float | Sequence[float] = 0.75,
    origin: int | Sequence[int] = Origin.PREDICTED,
    score: float = 0.75,
    source: str = "stand-in",
) -> Annotation:
    """A person whose joints run down the box's diagonal, unless `keypoints` (15, 2) says where they are.

    One value of visibility, confidence or origin stands for all joints.
    """
    return Annotation(
        frame_index=frame_index,
        track_id=track_id,
        bbox_xyxy=bbox_xyxy,
        keypoints=diagonal(bbox_xyxy) if keypoints is None else np.asarray(keypoints, np.float64),
        visibility=_each(visibility, np.uint8),
        confidence=_each(confidence, np.float64),
        origin=_each(origin, np.uint8),
        score=score,
        source=source,
    )


def diagonal(bbox_xyxy: Xyxy) -> np.ndarray:
    """Joints (15, 2) from near the box's top left corner to near its bottom right one."""
    left, top, right, bottom = bbox_xyxy
    ramp = np.linspace(0.1, 0.9, NUM_JOINTS)
    return np.column_stack([left + (right - left) * ramp, top + (bottom - top) * ramp])


def _each(value: Any, dtype: type) -> np.ndarray:
    return np.array(np.broadcast_to(np.asarray(value, dtype), NUM_JOINTS))

"""Pictures of the training data, as files have them and no larger than needed."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.drawing import Picture
from jmpose_core.errors import FormatError


def read_picture(path: Path) -> Picture:
    """A picture's file as RGB.

    Raises:
        FormatError: missing or broken.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise FormatError(f"{path}: missing or not a picture; check the data folder")
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)


def shrunk(picture: npt.NDArray[np.uint8], longest: int) -> npt.NDArray[np.uint8]:
    """A picture or mask whose longest side is at most so many pixels; as it is where it is no larger."""
    factor = longest / max(picture.shape[:2])
    if factor >= 1:
        return picture
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

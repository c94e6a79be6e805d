"""The eight ways in which a stored picture can be turned or mirrored, and how to show it upright."""

from dataclasses import dataclass
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Orientation:
    """What to do to a stored picture to show it: swap rows and columns first, then mirror."""

    transposed: bool = False
    mirrored_x: bool = False  # left and right exchanged
    mirrored_y: bool = False  # top and bottom exchanged

    @classmethod
    def of_display_matrix(cls, matrix: NDArray[np.int32]) -> Self:
        """From the nine numbers of a display matrix (ISO/IEC 14496-12, 8.3.2): x' = a x + c y, y' = b x + d y.

        An angle between quarter turns becomes the nearest of them.
        """
        a, b, c, d = (int(matrix[place]) for place in (0, 1, 3, 4))
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    @classmethod
    def of_picture(cls, picture: av.VideoFrame) -> Self:
        """From a decoded picture's display matrix, which may come from the container or the stream itself."""
        matrix = picture.side_data.get("DISPLAYMATRIX")
        return cls() if matrix is None else cls.of_display_matrix(np.frombuffer(bytes(matrix), np.int32))

    @classmethod
    def of_exif(cls, code: int) -> Self:
        """From an EXIF or TIFF orientation, 1 to 8; any other number means upright."""
        if not 1 <= code <= 8:
            return cls()
        return cls(code in (5, 6, 7, 8), code in (2, 3, 6, 7), code in (3, 4, 7, 8))

    def applied(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture (H, W, 3) as it is shown: (W, H, 3) where transposed. Contiguous."""
        if self.transposed:
            rgb = rgb.transpose(1, 0, 2)
        if self.mirrored_x:
            rgb = rgb[:, ::-1]
        if self.mirrored_y:
            rgb = rgb[::-1]
        return np.ascontiguousarray(rgb)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) as shown, of a stored picture of this size."""
        return (height, width) if self.transposed else (width, height)

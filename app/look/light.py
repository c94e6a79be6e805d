"""Brightness and contrast of a picture, as a table of levels: for the eye alone, no network sees it."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

MOST: Final = 8  # steps either way
_STEP: Final = 0.25  # of the exponents of two: four steps double


@dataclass(frozen=True, slots=True)
class Light:
    """Steps of brightness and contrast, 0: as it is."""

    brightness: int = 0
    contrast: int = 0

    def brighter(self, steps: int) -> "Light":
        """By so many steps, as far as there are any."""
        return Light(_within(self.brightness + steps), self.contrast)

    def contrasted(self, steps: int) -> "Light":
        """By so many steps, as far as there are any."""
        return Light(self.brightness, _within(self.contrast + steps))

    @property
    def neutral(self) -> bool:
        return self == Light()

    def levels(self) -> npt.NDArray[np.uint8]:
        """(256,) what becomes of each level: by a power, so that black and white stay; then by a slope about grey."""
        level = np.linspace(0, 1, 256) ** (2.0 ** (-_STEP * self.brightness))
        return np.clip(255 * ((level - 0.5) * 2.0 ** (_STEP * self.contrast) + 0.5) + 0.5, 0, 255).astype(np.uint8)


def lit(image: QImage, light: Light) -> QImage:
    """The picture in another light; of 32 bits a pixel, whatever it was."""
    if light.neutral or image.isNull():
        return image
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    width, height = image.width(), image.height()
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(height, image.bytesPerLine() // 4, 4)[:, :width]
    changed = np.ascontiguousarray(cv2.LUT(pixels, light.levels()))
    return QImage(changed.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def _within(steps: int) -> int:
    return min(max(steps, -MOST), MOST)

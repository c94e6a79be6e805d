"""A person's colours as a few numbers: enough to tell two people apart after an occlusion."""

from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import FloatArray

_HUES: Final = 12
_SHADES: Final = 4
_SAMPLES: Final = 48  # at most, along each side of the box
_MARGIN: Final = 0.15  # left off each side of the box: mostly background
_COLOURED: Final = 0.2  # saturation from which a hue can be trusted
HISTOGRAM_LENGTH: Final = (_HUES + 1) * _SHADES


def colour_histograms(frame_rgb: npt.NDArray[np.uint8], bboxes_xyxy: FloatArray) -> FloatArray:
    """(N, 52) for boxes (N, 4) of a frame (H, W, 3): hue (and grey) by brightness, each row summing to 1.

    A box outside the frame gets an even histogram, which is like any other.
    """
    return np.array([_histogram(_inner(frame_rgb, box)) for box in bboxes_xyxy]).reshape(-1, HISTOGRAM_LENGTH)


def _inner(frame_rgb: npt.NDArray[np.uint8], bbox_xyxy: FloatArray) -> npt.NDArray[np.uint8]:
    left, top, right, bottom = bbox_xyxy
    margin_x, margin_y = _MARGIN * (right - left), _MARGIN * (bottom - top)
    y0, y1 = (int(np.clip(y, 0, frame_rgb.shape[0])) for y in (top + margin_y, bottom - margin_y + 1))
    x0, x1 = (int(np.clip(x, 0, frame_rgb.shape[1])) for x in (left + margin_x, right - margin_x + 1))
    patch = frame_rgb[y0:y1, x0:x1]
    return patch[:: 1 + patch.shape[0] // _SAMPLES, :: 1 + patch.shape[1] // _SAMPLES].reshape(-1, 3)


def _histogram(pixels_rgb: npt.NDArray[np.uint8]) -> FloatArray:
    """Each pixel is shared between the two nearest hues and shades: a change of light moves it only a little."""
    if not len(pixels_rgb):
        return np.full(HISTOGRAM_LENGTH, 1 / HISTOGRAM_LENGTH)
    rgb = pixels_rgb.astype(np.float64) / 255
    high, low = rgb.max(axis=1), rgb.min(axis=1)
    coloured = high - low > _COLOURED * high
    hue = _hue(rgb, high, low) * _HUES
    shade = high * (_SHADES - 1)
    counts = np.zeros((_HUES + 1, _SHADES))
    for hue_bin, hue_share in ((np.floor(hue), 1 - hue % 1), (np.floor(hue) + 1, hue % 1)):
        row = np.where(coloured, hue_bin.astype(int) % _HUES, _HUES)
        for shade_bin, shade_share in ((np.floor(shade), 1 - shade % 1), (np.ceil(shade), shade % 1)):
            np.add.at(counts, (row, shade_bin.astype(int)), hue_share * shade_share)
    return counts.ravel() / len(rgb)


def _hue(rgb: FloatArray, high: FloatArray, low: FloatArray) -> FloatArray:
    """Hue of pixels (N, 3) in 0..1."""
    red, green, blue = rgb.T
    chroma = np.maximum(high - low, 1e-9)
    sixth = np.select(
        [high == red, high == green],
        [(green - blue) / chroma % 6, (blue - red) / chroma + 2],
        (red - green) / chroma + 4,
    )
    return sixth / 6

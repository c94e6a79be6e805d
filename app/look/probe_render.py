"""Heatmaps and flow as pictures. Numpy in, RGB(A) out; no Qt."""

from functools import cache
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Rgb: TypeAlias = npt.NDArray[np.uint8]  # (H, W, 3)
Rgba: TypeAlias = npt.NDArray[np.uint8]  # (H, W, 4), not premultiplied
Heatmaps: TypeAlias = npt.NDArray[np.float32]  # (15, h, w)
Flow: TypeAlias = npt.NDArray[np.float32]  # (2, h, w) dx, dy

_SHADOW = 0.45  # brightness of the grey crop under a heatmap


def one_map(heatmaps: Heatmaps, joint: int | None) -> npt.NDArray[np.float32]:
    """(h, w): the heatmap of a joint, or (None) the maximum over all joints."""
    return heatmaps.max(axis=0) if joint is None else heatmaps[joint]


def heat_rgba(heatmap: npt.NDArray[np.float32], size: tuple[int, int], *, peak: float) -> Rgba:
    """A heatmap in warm colours, transparent where it is 0, at `size` (height, width).

    Cell centres are mapped as in `geometry.scaled`, which is what cv2.resize does.
    """
    height, width = size
    share = cv2.resize(heatmap, (width, height), interpolation=cv2.INTER_LINEAR) / max(peak, 1e-6)
    share = np.clip(share, 0, 1)
    colour = _inferno()[(share * 255).astype(np.uint8)]
    alpha = np.clip(share * 1.6, 0, 1) * 255
    return np.dstack([colour, alpha.astype(np.uint8)])


def heat_on_crop(crop_rgb: Rgb, heatmap: npt.NDArray[np.float32], *, peak: float) -> Rgb:
    """The heatmap over its crop in dark grey."""
    grey = cv2.cvtColor(crop_rgb, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32) * _SHADOW
    heat = heat_rgba(heatmap, crop_rgb.shape[:2], peak=peak).astype(np.float32)
    alpha = heat[..., 3:] / 255
    return (grey * (1 - alpha) + heat[..., :3] * alpha).astype(np.uint8)


def flow_rgb(flow: Flow, size: tuple[int, int], *, longest: float) -> Rgb:
    """Motion as colour: hue is the direction, saturation the length, white is still.

    The wheel of Baker et al., "A Database and Evaluation Methodology for Optical
    Flow" (IJCV 2011), in HSV.
    """
    height, width = size
    dx, dy = (cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in flow)
    hue = (np.degrees(np.arctan2(dy, dx)) % 360) / 2
    length = np.clip(np.hypot(dx, dy) / max(longest, 1e-6), 0, 1)
    hsv = np.dstack([hue, length * 255, 255 - 40 * length]).astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def longest_flow(flow: Flow) -> float:
    """Length that gets full colour: the 99th percentile, and at least a pixel, so that noise stays pale."""
    return max(float(np.percentile(np.hypot(flow[0], flow[1]), 99)), 1.0)


@cache
def _inferno() -> Rgb:
    """(256, 3) RGB, dark to bright."""
    ramp = np.arange(256, dtype=np.uint8)[None]
    bgr = cv2.applyColorMap(ramp, cv2.COLORMAP_INFERNO)[0]
    return np.ascontiguousarray(bgr[:, ::-1])

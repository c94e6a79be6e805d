"""The one palette: colours of joints, limbs and tracks, and how heatmaps and flow become pictures.

The window and the overlay video both take their colours from here. Numpy and OpenCV; no Qt, no torch.
Pictures are RGB uint8, (H, W, 3), or (H, W, 4) where they are translucent.
"""

from functools import cache
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.skeleton import JOINTS, LIMBS

Colour: TypeAlias = tuple[int, int, int]  # red, green, blue, 0..255
Rgb: TypeAlias = npt.NDArray[np.uint8]  # (H, W, 3)
Rgba: TypeAlias = npt.NDArray[np.uint8]  # (H, W, 4), not premultiplied
FloatMap: TypeAlias = npt.NDArray[np.floating]

RIGHT: Final[Colour] = (56, 178, 255)
LEFT: Final[Colour] = (255, 138, 61)
MIDDLE: Final[Colour] = (240, 242, 245)
INK: Final[Colour] = (16, 18, 24)  # rims, and the ground of contact sheets

# Told apart by colour-blind eyes, and legible over any picture; used in turn, by track id.
TRACK_COLOURS: Final[tuple[Colour, ...]] = (
    (255, 179, 138), (95, 211, 138), (234, 124, 201), (242, 214, 75), (160, 143, 255),
    (63, 208, 201), (255, 122, 107), (195, 214, 90), (127, 180, 255), (217, 166, 121),
)  # fmt: skip

_SHADOW: Final = 0.45  # brightness of the grey picture under a heatmap
_FULL_ALPHA_AT: Final = 0.625  # share of the peak from which heat hides the picture beneath
_ARROWS_ACROSS: Final = 12
_LEAST_ARROW: Final = 0.5  # pixels: shorter motion gets no arrow


def _side_colour(*names: str) -> Colour:
    left, right = (any(name.startswith(side) for name in names) for side in ("left_", "right_"))
    if left == right:
        return MIDDLE
    return LEFT if left else RIGHT


JOINT_COLOURS: Final[tuple[Colour, ...]] = tuple(_side_colour(name) for name in JOINTS)
LIMB_COLOURS: Final[tuple[Colour, ...]] = tuple(_side_colour(JOINTS[first], JOINTS[second]) for first, second in LIMBS)


def track_colour(track_id: int) -> Colour:
    """The colour of one person, the same wherever that person is shown."""
    return TRACK_COLOURS[track_id % len(TRACK_COLOURS)]


def heat_rgba(heatmap: FloatMap, size: tuple[int, int], *, peak: float = 1.0) -> Rgba:
    """A heatmap (h, w) in warm colours at `size` (height, width): transparent where it is 0, brightest at `peak`.

    Cell centres are mapped as in `geometry.scaled`, which is what cv2.resize does.
    """
    height, width = size
    share = cv2.resize(heatmap.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) / max(peak, 1e-6)
    share = np.clip(share, 0, 1)
    colour = _inferno()[(share * 255).astype(np.uint8)]
    alpha = np.clip(share / _FULL_ALPHA_AT, 0, 1) * 255
    return np.dstack([colour, alpha.astype(np.uint8)])


def heat_over(picture: Rgb, heatmap: FloatMap, *, peak: float = 1.0) -> Rgb:
    """A heatmap (h, w) laid over a picture, which is shown in dark grey beneath."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32) * _SHADOW
    heat = heat_rgba(heatmap, (picture.shape[0], picture.shape[1]), peak=peak).astype(np.float32)
    alpha = heat[..., 3:] / 255
    return (grey * (1 - alpha) + heat[..., :3] * alpha).astype(np.uint8)


def difference_over(picture: Rgb, difference: FloatMap, *, peak: float) -> Rgb:
    """A difference (h, w) over a picture in dark grey: orange where it is positive, blue where negative.

    Args:
        picture: (H, W, 3).
        difference: of two heatmaps.
        peak: value, either way, that gets full colour.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32) * _SHADOW
    height, width = picture.shape[:2]
    share = cv2.resize(difference.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    share = np.clip(share / max(peak, 1e-6), -1, 1)[..., None]
    colour = np.where(share > 0, np.array(LEFT, np.float32), np.array(RIGHT, np.float32))
    return (grey * (1 - np.abs(share)) + colour * np.abs(share)).astype(np.uint8)


def flow_rgb(
    flow: FloatMap, size: tuple[int, int] | None = None, *, longest: float | None = None, dark: bool = False
) -> Rgb:
    """Flow (2, h, w) as colour: hue is the direction, saturation the length, white is still.

    The wheel of Baker et al., "A Database and Evaluation Methodology for Optical
    Flow" (IJCV 2011), in HSV.

    Args:
        flow: dx, dy in pixels.
        size: (height, width) of the picture; the flow's own by default.
        longest: length in pixels that gets full colour; `longest_flow` of this flow by default.
        dark: brightness is the length and black is still, for a dark surrounding.
    """
    if longest is None:
        longest = longest_flow(flow)
    dx, dy = (part.astype(np.float32) for part in flow)
    if size is not None:
        dx, dy = (cv2.resize(part, size[::-1], interpolation=cv2.INTER_LINEAR) for part in (dx, dy))
    hue = (np.degrees(np.arctan2(dy, dx)) % 360) / 2
    length = np.clip(np.hypot(dx, dy) / max(longest, 1e-6), 0, 1)
    full = np.full_like(hue, 255)
    hsv = np.dstack([hue, full, length * 255] if dark else [hue, length * 255, full]).astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def longest_flow(flow: FloatMap) -> float:
    """Length in pixels that gets full colour: the 99th percentile, and at least 1, so that noise stays pale."""
    return max(float(np.percentile(np.hypot(flow[0], flow[1]), 99)), 1.0)


def colour_wheel(side: int, *, dark: bool = False) -> Rgb:
    """The key to `flow_rgb`, (side, side, 3): a disc on ink."""
    axis = np.linspace(-1, 1, side)
    x, y = np.meshgrid(axis, axis)
    wheel = flow_rgb(np.stack([x, y]), longest=1.0, dark=dark)
    wheel[np.hypot(x, y) > 1] = INK
    return wheel


def with_wheel(motion: Rgb, *, dark: bool = False) -> Rgb:
    """A picture of `flow_rgb` with its key in the lower right corner, a seventh of its height."""
    picture = motion.copy()
    side = picture.shape[0] // 7
    corner = picture[-side - 8 : -8, -side - 8 : -8]
    wheel = colour_wheel(side, dark=dark)
    axis = np.linspace(-1, 1, side)
    on_disc = np.hypot(*np.meshgrid(axis, axis)) <= 1
    corner[on_disc] = wheel[on_disc]
    return picture


def flow_arrows_over(picture: Rgb, flow: FloatMap) -> Rgb:
    """Flow (2, h, w) as arrows from where a point was to where it goes, in their true length, over a dimmed picture.

    Args:
        picture: (H, W, 3).
        flow: dx, dy in pixels of the picture.
    """
    dimmed = (picture * np.float32(_SHADOW)).astype(np.uint8)
    height, width = picture.shape[:2]
    motion = np.dstack([cv2.resize(part.astype(np.float32), (width, height)) for part in flow])
    step = max(1, width // _ARROWS_ACROSS)
    for y in range(step // 2, height, step):
        for x in range(step // 2, width, step):
            dx, dy = (float(part) for part in motion[y, x])
            if np.hypot(dx, dy) >= _LEAST_ARROW:
                end = (round(x + dx), round(y + dy))
                cv2.arrowedLine(dimmed, (x, y), end, MIDDLE, 1, cv2.LINE_AA, tipLength=0.35)
    return dimmed


@cache
def _inferno() -> Rgb:
    """(256, 3) RGB, dark to bright."""
    ramp = np.arange(256, dtype=np.uint8)[None]
    bgr = cv2.applyColorMap(ramp, cv2.COLORMAP_INFERNO)[0]
    return np.ascontiguousarray(bgr[:, ::-1])

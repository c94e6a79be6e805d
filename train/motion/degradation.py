"""What spoils real video: blur along the motion, defocus, little light, things in front, compression.

Either the key frame alone is spoilt, so that its neighbours hold what it lacks, or a whole stretch, so that no
frame is better than the others.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import cv2
import numpy as np
import numpy.typing as npt

from train.people import augment

Image: TypeAlias = npt.NDArray[np.uint8]
Flow: TypeAlias = npt.NDArray[np.float32]

Kind = Literal["blur", "defocus", "low light", "occluder", "compression"]
Extent = Literal["key", "stretch"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
EXTENTS: Final[tuple[Extent, ...]] = get_args(Extent)
_TAPS: Final = 11  # samples along a path of blur
_PRESET: Final = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM


@dataclass(frozen=True, slots=True)
class Degradation:
    """One fault and how bad it is.

    strength: 0..1 within the fault's range. extent: the frames that have it.
    """

    kind: Kind
    extent: Extent
    strength: float


def drawn(rng: np.random.Generator, extent: Extent) -> Degradation:
    """A random fault of random strength."""
    return Degradation(KINDS[int(rng.integers(len(KINDS)))], extent, float(rng.uniform()))


def degraded(crops: Image, degradation: Degradation, patch: Image, rng: np.random.Generator) -> Image:
    """A clip (T, H, W, 3) RGB with a fault in its key frame, in the middle, or in a stretch about it.

    Args:
        crops: the clip, unspoilt.
        degradation: what is done.
        patch: a picture that lends pieces to things in front.
        rng: places, directions and the length of the stretch.
    """
    key = len(crops) // 2
    first = last = key
    if degradation.extent == "stretch":
        first, last = int(rng.integers(0, key + 1)), int(rng.integers(key, len(crops)))
        first, last = (0, last) if rng.random() < 0.5 else (first, len(crops) - 1)
    spoilt = crops.copy()
    frames = range(first, last + 1)
    match degradation.kind:
        case "blur":
            _blur(spoilt, crops, frames, degradation.strength, rng)
        case "defocus":
            for index in frames:
                spoilt[index] = cv2.GaussianBlur(crops[index], (0, 0), 2.0 + 4.0 * degradation.strength)
        case "low light":
            _darken(spoilt, frames, degradation.strength, rng)
        case "occluder":
            _cover(spoilt, frames, patch, degradation.strength, rng)
        case "compression":
            for index in frames:
                spoilt[index] = _compressed(crops[index], degradation.strength)
    return spoilt


def dense_flow(first: Image, second: Image) -> Flow:
    """OpenCV's dense inverse search from one RGB picture (H, W, 3) to the next: (H, W, 2), pixels, x first."""
    search = cv2.DISOpticalFlow.create(_PRESET)
    return search.calc(*(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second)), None)  # type: ignore[call-overload]


def blurred_along(image: Image, path: Flow) -> Image:
    """The mean of a picture (H, W, 3) along a path (H, W, 2) in pixels, half of it to either side."""
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    total = np.zeros(image.shape, np.float32)
    for part in np.linspace(-0.5, 0.5, _TAPS, dtype=np.float32):
        total += cv2.remap(
            image, x + part * path[..., 0], y + part * path[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return (total / _TAPS).round().astype(np.uint8)


def _blur(spoilt: Image, crops: Image, frames: range, strength: float, rng: np.random.Generator) -> None:
    """Limbs blur as far as they move, times an exposure; a shaking camera adds the same to all of the picture."""
    exposure = 1.0 + 3.0 * strength
    angle, shake = rng.uniform(0, np.pi), (4.0 + 14.0 * strength) * rng.uniform(0.3, 1.0)
    push = np.array([np.cos(angle), np.sin(angle)], np.float32) * np.float32(shake)
    for index in frames:
        other = index + 1 if index + 1 < len(crops) else index - 1
        half = [np.ascontiguousarray(crops[place][::2, ::2]) for place in (index, other)]
        flow = dense_flow(half[0], half[1])
        flow = 2 * cv2.resize(flow, (crops.shape[2], crops.shape[1]), interpolation=cv2.INTER_LINEAR)
        spoilt[index] = blurred_along(crops[index], (np.clip(exposure * flow, -40, 40) + push).astype(np.float32))


def _darken(spoilt: Image, frames: range, strength: float, rng: np.random.Generator) -> None:
    light, grain = 0.40 - 0.28 * strength, 3.0 + 6.0 * strength
    for index in frames:
        dark = spoilt[index].astype(np.float32) * light + rng.standard_normal(spoilt[index].shape, np.float32) * grain
        spoilt[index] = np.clip(dark, 0, 255).astype(np.uint8)


def _cover(spoilt: Image, frames: range, patch: Image, strength: float, rng: np.random.Generator) -> None:
    """One to three pieces of another picture that pass in front."""
    height, width = spoilt.shape[1:3]
    for _ in range(int(rng.integers(1, 4))):
        h, w = (int(side * rng.uniform(0.15, 0.25 + 0.25 * strength)) for side in (height, width))
        corner = [int(rng.integers(0, max(1, side - size))) for side, size in zip(patch.shape[:2], (h, w), strict=True)]
        piece = patch[corner[0] : corner[0] + h, corner[1] : corner[1] + w]
        piece = np.asarray(cv2.resize(piece, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
        mask = np.full((h, w), rng.random() < 0.5, np.uint8)
        cv2.ellipse(mask, (w // 2, h // 2), (w // 2, h // 2), 0, 0, 360, 1, -1)
        place, speed = rng.uniform(0.2, 0.8, 2) * (width, height), rng.normal(0, 0.05, 2) * height
        for index in frames:
            x, y = (place + (index - len(spoilt) // 2) * speed - (w / 2, h / 2)).astype(int)
            _paste(spoilt[index], piece, mask, x, y)


def _paste(canvas: Image, piece: Image, mask: npt.NDArray[np.uint8], x: int, y: int) -> None:
    height, width = canvas.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + piece.shape[1], width), min(y + piece.shape[0], height)
    if x0 < x1 and y0 < y1:
        inside = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
        np.copyto(canvas[y0:y1, x0:x1], piece[inside], where=mask[inside][..., None] > 0)


def _compressed(image: Image, strength: float) -> Image:
    """JPEG at half size and low quality, as a video of too few bits looks."""
    height, width = image.shape[:2]
    small = np.asarray(cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
    small = augment.compress(small, int(40 - 30 * strength))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

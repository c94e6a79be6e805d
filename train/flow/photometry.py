"""What cameras and codecs do to two frames of one scene, differently to each."""

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.drawing import Picture


def disturb(rng: np.random.Generator, first: Picture, second: Picture) -> tuple[Picture, Picture]:
    """Colour, blur, noise and JPEG: partly shared by the two frames (scene, lens), partly each one's own."""
    shared = _tone_curve(rng, strength=1.0)
    if rng.random() < 0.35:
        sigma = float(rng.uniform(0.4, 1.5))
        first, second = _blurred(first, sigma), _blurred(second, sigma)
    noise = float(rng.uniform(1, 10)) if rng.random() < 0.5 else 0.0
    return _own(rng, first, shared, noise), _own(rng, second, shared, noise)


def _own(rng: np.random.Generator, frame: Picture, shared: npt.NDArray[np.float32], noise: float) -> Picture:
    curve = shared
    if rng.random() < 0.5:
        curve = curve + (_tone_curve(rng, strength=0.2) - np.arange(256, dtype=np.float32)[:, None])
    frame = cv2.LUT(frame, curve.clip(0, 255).astype(np.uint8)[None]).astype(np.uint8, copy=False)
    if rng.random() < 0.15:
        frame = _motion_blurred(rng, frame)
    if noise:
        grain = rng.standard_normal(frame.shape, np.float32) * np.float32(noise)
        frame = (frame + grain).clip(0, 255).astype(np.uint8)
    return _compressed(frame, int(rng.integers(35, 95))) if rng.random() < 0.3 else frame


def _tone_curve(rng: np.random.Generator, *, strength: float) -> npt.NDArray[np.float32]:
    """A look-up table (256, 3): gamma, contrast, brightness, and a tint for each channel."""
    level = np.arange(256, dtype=np.float32)[:, None] / 255
    gamma = np.exp(rng.normal(0, 0.25 * strength))
    contrast = np.exp(rng.normal(0, 0.2 * strength, 1) + rng.normal(0, 0.05 * strength, 3))
    brightness = rng.normal(0, 0.08 * strength)
    return (255 * ((level**gamma - 0.5) * contrast + 0.5 + brightness)).astype(np.float32)


def _blurred(frame: Picture, sigma: float) -> Picture:
    return cv2.GaussianBlur(frame, (0, 0), sigma).astype(np.uint8, copy=False)


def _motion_blurred(rng: np.random.Generator, frame: Picture) -> Picture:
    length = int(rng.integers(3, 8))
    kernel = np.zeros((length, length), np.float32)
    start = (0, int(rng.integers(length))) if rng.random() < 0.5 else (int(rng.integers(length)), 0)
    cv2.line(kernel, start, (length - 1 - start[0], length - 1 - start[1]), (1.0,))
    return cv2.filter2D(frame, -1, kernel / kernel.sum()).astype(np.uint8, copy=False)


def _compressed(frame: Picture, quality: int) -> Picture:
    _, file = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)

"""What cameras and codecs do to two frames of one scene, differently to each; for many pairs at once, on any device.

As train.flow.photometry does it to one pair.
"""

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

_BLUR_RADIUS: Final = 4
_STREAK: Final = 7  # side of the motion blur's kernel, pixels
_BLOCK: Final = 8  # JPEG's
# ITU-T T.81, tables K.1 and K.2.
_LUMINANCE: Final = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE: Final = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
_YCC_FROM_RGB: Final = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def disturbed(generator: torch.Generator, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Colour, blur, noise and JPEG of frames (B, 3, H, W) in [0, 1], sides multiples of 16.

    Partly shared by the two frames of a pair (scene, lens), partly each one's own.
    """
    count, device = len(first), first.device

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand((count, 1, 1, 1), generator=generator, device=device)

    def chance(probability: float) -> Tensor:
        return uniform(0, 1) < probability

    shared = _Tone(generator, count, device, strength=1.0)
    sigma = torch.where(chance(0.35), uniform(0.4, 1.5), 1e-2)
    noise = torch.where(chance(0.5), uniform(1, 10) / 255, 0.0)
    shown = []
    for frame in (_blurred(first, sigma), _blurred(second, sigma)):
        own = _Tone(generator, count, device, strength=0.2)
        curved = shared(frame)
        curved = torch.where(chance(0.5), curved + own(frame) - frame, curved).clamp(0, 1)
        streaked = _streaked(curved, uniform(3, 8), uniform(0, math.pi))
        curved = torch.where(chance(0.15), streaked, curved)
        grain = torch.randn(curved.shape, generator=generator, device=device)
        curved = (curved + grain * noise).clamp(0, 1)
        coded = _compressed(curved, uniform(35, 95))
        shown.append(torch.where(chance(0.3), coded, curved))
    return shown[0], shown[1]


class _Tone:
    """Gamma, contrast, brightness, and a tint for each channel."""

    def __init__(self, generator: torch.Generator, count: int, device: torch.device, *, strength: float) -> None:
        def normal(deviation: float, channels: int = 1) -> Tensor:
            shape = (count, channels, 1, 1)
            return deviation * strength * torch.randn(shape, generator=generator, device=device)

        self._gamma = normal(0.25).exp()
        self._contrast = (normal(0.2) + normal(0.05, 3)).exp()
        self._brightness = normal(0.08)

    def __call__(self, level: Tensor) -> Tensor:
        return (level.clamp(min=0) ** self._gamma - 0.5) * self._contrast + 0.5 + self._brightness


def _blurred(frame: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with a deviation (B, 1, 1, 1) in pixels."""
    taps = torch.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1, device=frame.device)
    kernel = (-0.5 * (taps / sigma.view(-1, 1)).square()).exp()
    kernel = kernel / kernel.sum(1, keepdim=True)
    for shape in ((-1, 1, 2 * _BLUR_RADIUS + 1), (-1, 2 * _BLUR_RADIUS + 1, 1)):
        frame = _filtered(frame, kernel.view(shape))
    return frame


def _streaked(frame: Tensor, length: Tensor, angle: Tensor) -> Tensor:
    """Motion blur along a line of `length` pixels (B, 1, 1, 1)."""
    taps = torch.arange(_STREAK, device=frame.device) - _STREAK // 2
    y, x = torch.meshgrid(taps, taps, indexing="ij")
    cos, sin = angle.view(-1, 1, 1).cos(), angle.view(-1, 1, 1).sin()
    along, across = (x * cos + y * sin).abs(), (y * cos - x * sin).abs()
    half = (length.view(-1, 1, 1) - 1) / 2
    kernel = (1 - across).clamp(min=0) * (half + 1 - along).clamp(0, 1)
    return _filtered(frame, kernel / kernel.sum((1, 2), keepdim=True))


def _filtered(frame: Tensor, kernel: Tensor) -> Tensor:
    """Each frame (B, C, H, W) with its own kernel (B, h, w); edges repeat."""
    count, channels, height, width = frame.shape
    down, across = kernel.shape[1] // 2, kernel.shape[2] // 2
    padded = F.pad(frame, (across, across, down, down), mode="replicate")
    weight = kernel.repeat_interleave(channels, 0)[:, None]
    joined = padded.view(1, count * channels, *padded.shape[-2:])
    return F.conv2d(joined, weight, groups=count * channels).view(count, channels, height, width)


def _compressed(frame: Tensor, quality: Tensor) -> Tensor:
    """JPEG's loss at a quality (B, 1, 1, 1) of 1 to 100: quantised 8x8 cosine transforms, chroma at half size."""
    to_ycc = torch.tensor(_YCC_FROM_RGB, device=frame.device)
    ycc = torch.einsum("ij,bjhw->bihw", to_ycc, frame * 255 - 128)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    luminance = _quantised(ycc[:, :1], _LUMINANCE, scale)
    chroma = _quantised(F.avg_pool2d(ycc[:, 1:], 2), _CHROMINANCE, scale)
    chroma = F.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)
    rgb = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(to_ycc), torch.cat([luminance, chroma], 1)) + 128
    return (rgb / 255).clamp(0, 1)


def _quantised(channel: Tensor, table: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    count, channels, height, width = channel.shape
    index = torch.arange(_BLOCK, device=channel.device)
    cosines = ((2 * index + 1) * index[:, None] * math.pi / (2 * _BLOCK)).cos() * math.sqrt(2 / _BLOCK)
    cosines[0] /= math.sqrt(2)
    step = (torch.tensor(table, device=channel.device) * scale).clamp(min=1).view(count, 1, 1, 1, _BLOCK, _BLOCK)
    blocks = channel.view(count, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).transpose(3, 4)
    coefficients = cosines @ blocks @ cosines.T
    restored = cosines.T @ ((coefficients / step).round() * step) @ cosines
    return restored.transpose(3, 4).reshape(count, channels, height, width)

"""What cameras do to a picture, on whole batches (B, 3, H, W) in 0..1: light, blur, noise, small size, occluders."""

from collections.abc import Callable
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from train.crowds.warps import chance

_KERNEL: Final = 15  # pixels of a blur's kernel, odd


def degraded(images: Tensor) -> Tensor:
    """Each kind of damage on some of the crops."""
    images = _on_some(images, 0.12, _small)
    images = _on_some(images, 0.15, _blurred)
    images = recoloured(images)
    return noisy(images).clamp(0, 1)


def recoloured(images: Tensor) -> Tensor:
    """Random gamma, contrast, brightness and channel gain on seven in ten; low light on one in twelve."""
    count, device = len(images), images.device

    def uniform(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.empty(count, channels, 1, 1, device=device).uniform_(low, high)

    changed = (images.clamp_min(1e-4) ** uniform(0.65, 1.6) - 0.5) * uniform(0.7, 1.3) + 0.5 + uniform(-0.12, 0.12)
    changed = changed * uniform(0.88, 1.12, 3)
    grey = changed.mean(dim=1, keepdim=True)
    changed = torch.where(_some(count, 0.06, device), grey, changed)
    images = torch.where(_some(count, 0.7, device), changed, images)
    return torch.where(_some(count, 1 / 12, device), images * uniform(0.15, 0.6), images)


def noisy(images: Tensor) -> Tensor:
    """Gaussian noise of 1 to 5 percent on one in six."""
    count, device = len(images), images.device
    strength = torch.empty(count, 1, 1, 1, device=device).uniform_(0.01, 0.05) * _some(count, 1 / 6, device)
    return images + torch.randn_like(images) * strength


def occluded(images: Tensor, probability: float) -> Tensor:
    """A rectangle or an ellipse out of another crop of the batch over a random place, as an object in front."""
    count, device = len(images), images.device
    height, width = images.shape[-2:]
    x = torch.arange(width, device=device)
    y = torch.arange(height, device=device)[:, None]
    half_x = torch.empty(count, 1, 1, device=device).uniform_(0.06, 0.2) * width
    half_y = torch.empty(count, 1, 1, device=device).uniform_(0.06, 0.2) * height
    dx = (x - torch.rand(count, 1, 1, device=device) * width) / half_x
    dy = (y - torch.rand(count, 1, 1, device=device) * height) / half_y
    ellipse = chance(count, 0.5, device)[:, None, None]
    covered = torch.where(ellipse, dx.square() + dy.square() < 1, (dx.abs() < 1) & (dy.abs() < 1))
    covered = covered & chance(count, probability, device)[:, None, None]
    other = images.roll(1, dims=0).roll((height // 3, width // 3), dims=(2, 3))
    return torch.where(covered[:, None], other, images)


def _on_some(images: Tensor, share: float, change: Callable[[Tensor], Tensor]) -> Tensor:
    """`change` on so many of the crops, drawn at random; at least one in a batch of any size."""
    chosen = torch.randperm(len(images), device=images.device)[: max(1, round(share * len(images)))]
    return images.index_copy(0, chosen, change(images[chosen]))


def _some(count: int, probability: float, device: torch.device) -> Tensor:
    return chance(count, probability, device)[:, None, None, None]


def _blurred(images: Tensor) -> Tensor:
    """Motion blur along a random direction for a half, defocus for the other."""
    count, device = len(images), images.device
    reach = torch.arange(_KERNEL, device=device, dtype=torch.float32) - _KERNEL // 2
    x, y = reach, reach[:, None]
    angle = torch.rand(count, 1, 1, device=device) * torch.pi
    length = torch.empty(count, 1, 1, device=device).uniform_(3, 13)
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    line = torch.exp(-across.square() / 0.6) * torch.sigmoid((length / 2 - along.abs()) * 2)
    sigma = torch.empty(count, 1, 1, device=device).uniform_(0.8, 2.5)
    spot = torch.exp(-(x.square() + y.square()) / (2 * sigma.square()))
    kernel = torch.where(chance(count, 0.5, device)[:, None, None], line, spot)
    kernel = kernel / kernel.sum(dim=(1, 2), keepdim=True)
    weight = kernel.repeat_interleave(3, dim=0)[:, None]
    edge = _KERNEL // 2
    padded = F.pad(images, (edge, edge, edge, edge), mode="replicate").reshape(1, count * 3, *_grown(images, edge))
    return F.conv2d(padded, weight, groups=count * 3).view_as(images)


def _grown(images: Tensor, edge: int) -> tuple[int, int]:
    return images.shape[-2] + 2 * edge, images.shape[-1] + 2 * edge


def _small(images: Tensor) -> Tensor:
    """As a person is that has 40 to 120 pixels in the video."""
    height, width = images.shape[-2:]
    rows = int(torch.randint(50, 130, (1,)))  # on the CPU: a size, not a value
    small = F.interpolate(images, (rows, max(1, round(rows * width / height))), mode="bilinear", antialias=True)
    return F.interpolate(small, (height, width), mode="bilinear")

"""Synthetic pairs of frames with exact flow, drawn many at once on the training's device.

The scene is that of train.flow.pairs, whose pairs are the held-out ones: a background under camera motion, people and
shapes above it in five slots, now and then a black bar. All B pairs of a call share the order of the slots and nothing
else. A layer moves by x2 = P(x1 + bend(x1)): a smooth bend, then a homography P.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from train.flow.disturbance import disturbed
from train.flow.textures import Textures

_STEEPEST_BEND: Final = 0.2  # of any partial derivative: keeps the bend invertible by fixed-point iteration
_INVERSE_ITERATIONS: Final = 6
_FARTHEST: Final = 36.0  # pixels
_KNOTS: Final = (3, 4, 5, 6)  # of a bend, across
_SLOTS: Final = ("shape", "person", "shape", "person", "shape")
_SHAPE_EDGE: Final = 1.0  # pixels from no cover to full cover

Kind: TypeAlias = Literal["ellipse", "blob", "bar"]


@dataclass(frozen=True, slots=True)
class Pairs:
    """B pairs: frames (B, 3, H, W) uint8, flow (B, 2, H, W) in pixels, visible (B, H, W) bool."""

    first: Tensor
    second: Tensor
    flow: Tensor
    visible: Tensor


@dataclass(frozen=True, slots=True)
class _Motion:
    """x2 = P(x1 + bend(x1))."""

    homography: Tensor  # (B, 3, 3)
    bend: Tensor  # (B, 2, H, W)

    def forward(self, grid: Tensor) -> Tensor:
        return _mapped(self.homography, grid + self.bend.movedim(1, -1))

    def backward(self, grid: Tensor) -> Tensor:
        """Solve for x1 by fixed-point iteration; each divides the error by at least 2."""
        bent = _mapped(torch.linalg.inv(self.homography), grid)
        point = bent
        for _ in range(_INVERSE_ITERATIONS):
            point = bent - _sampled(self.bend, point, "border").movedim(1, -1)
        return point


@dataclass(slots=True)
class _Canvas:
    colour: Tensor  # (B, 3, H, W), 0..255
    label: Tensor  # (B, H, W), the slot that is seen

    def paint(self, colour: Tensor, alpha: Tensor, slot: int) -> Tensor:
        """Put a layer on top; returns where it covers."""
        self.colour = self.colour + alpha * (colour - self.colour)
        covered = alpha[:, 0] > 0.5
        self.label = torch.where(covered, slot, self.label)
        return covered


class PairRenderer:
    """Draws pairs of one size.

    Args:
        textures: on the device that draws.
        size: height, width.
    """

    def __init__(self, textures: Textures, size: tuple[int, int]) -> None:
        self.textures = textures
        self.size = size
        self.device = textures.photos.device
        y, x = torch.meshgrid(
            torch.arange(size[0], device=self.device), torch.arange(size[1], device=self.device), indexing="ij"
        )
        self._grid = torch.stack([x, y], -1).float()[None]

    @torch.no_grad()
    def render(self, count: int, *, seed: int, reach: float = 1.0) -> Pairs:
        """Draw `count` pairs; the same for the same seed and device. `reach` scales all motion."""
        draw = _Draws(count, self.device, seed)
        camera = self._camera(draw, reach)
        background = _Motion(camera, self._bend(draw, reach * draw.uniform(0.5, 5) * draw.chance(0.5)))
        view = self._view(draw)
        first_places, second_places = self._grid, background.backward(self._grid)
        photo = self.textures.photos[draw.integers(len(self.textures.photos))].float()
        first = _Canvas(_textured(photo, view, first_places), torch.zeros((count, *self.size), device=self.device))
        second = _Canvas(_textured(photo, view, second_places), torch.zeros_like(first.label))
        flow = background.forward(self._grid) - self._grid
        shapes = draw.integers(4)
        shape_index = people = 0
        for slot, kind in enumerate(_SLOTS, start=1):
            if kind == "person":
                present = draw.chance(0.85) * (draw.chance(0.5) if people else 1)
                layer = self._person(draw, camera, reach)
                people += 1
            else:
                present = (shapes > shape_index).float()
                layer = self._shape(draw, camera, reach)
                shape_index += 1
            motion, colour_at, alpha_at = layer
            weight = present.view(-1, 1, 1, 1)
            covered = first.paint(colour_at(self._grid), alpha_at(self._grid) * weight, slot)
            flow = torch.where(covered[..., None], motion.forward(self._grid) - self._grid, flow)
            places = motion.backward(self._grid)
            second.paint(colour_at(places), alpha_at(places) * weight, slot)
        flow = self._barred(draw, first, second, flow)
        visible = self._visible(first.label, second.label, flow)
        shown = disturbed(draw.generator, first.colour / 255, second.colour / 255)
        frames = [(frame * 255).round().clamp(0, 255).to(torch.uint8) for frame in shown]
        return Pairs(frames[0], frames[1], flow.movedim(-1, 1).contiguous(), visible)

    def _visible(self, first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
        height, width = self.size
        target = (self._grid + flow).round().long()
        x, y = target.unbind(-1)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        landed = second.flatten(1).gather(1, (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).flatten(1))
        return inside & (landed.view_as(first) == first)

    def _barred(self, draw: "_Draws", first: _Canvas, second: _Canvas, flow: Tensor) -> Tensor:
        """The black, unmoving part of a crop that reaches past the frame's edge, in an eighth of the pairs."""
        height, width = self.size
        x, y = (self._grid[..., axis] for axis in (0, 1))
        from_edge = torch.stack([x / width, y / height, 1 - x / width, 1 - y / height], 1)  # (1, 4, H, W)
        side = from_edge[0][draw.integers(4)]
        depth = draw.uniform(0.05, 0.3) * draw.chance(0.12)
        bar = (side < depth.view(-1, 1, 1))[:, None].float()
        black = torch.zeros_like(first.colour)
        covered = first.paint(black, bar, len(_SLOTS) + 1)
        second.paint(black, bar, len(_SLOTS) + 1)
        return torch.where(covered[..., None], torch.zeros_like(flow), flow)

    def _camera(self, draw: "_Draws", reach: float) -> Tensor:
        moved = self._random_motion(
            draw, self._centre(draw.count), reach, distance=3.0, turn=2.0, growth=0.03, tilt=1.0
        )
        still = torch.eye(3, device=self.device).expand_as(moved)
        return torch.where(draw.chance(0.75).view(-1, 1, 1) > 0, moved, still)

    def _centre(self, count: int) -> Tensor:
        return torch.tensor([(self.size[1] - 1) / 2, (self.size[0] - 1) / 2], device=self.device).expand(count, 2)

    def _view(self, draw: "_Draws") -> Tensor:
        """Random place, scale and turn of a photo seen through the frame: photo_from_first."""
        scale = draw.uniform(0.6, 1.5)
        frame = torch.tensor(self.size[::-1], device=self.device)
        room = (self.textures.side - scale[:, None] * frame).clamp(min=0)
        corner = torch.stack([draw.uniform(0, 1), draw.uniform(0, 1)], -1) * room
        place = _affine(scale, torch.zeros_like(scale), corner)
        turned = _about(self._centre(draw.count), _similarity(draw.normal(15), torch.ones_like(scale)))
        return place @ turned

    def _person(self, draw: "_Draws", camera: Tensor, reach: float) -> tuple:
        chosen = draw.integers(len(self.textures.cutouts))
        cutout = self.textures.cutouts[chosen].float()
        extent = self.textures.extents[chosen].float()  # (B, 2): height, width
        height, width = self.size
        scale = height * draw.uniform(0.45, 1.1) / extent.amax(1)
        place = torch.stack([draw.uniform(0.2, 0.8) * width, draw.uniform(0.25, 0.75) * height], -1)
        upright = _affine(scale, torch.zeros_like(scale), place - scale[:, None] * extent.flip(1) / 2)
        mirror = torch.eye(3, device=self.device).repeat(draw.count, 1, 1)
        mirror[:, 0, 0] = -1
        mirror[:, 0, 2] = extent[:, 1] - 1
        upright = torch.where(draw.chance(0.5).view(-1, 1, 1) > 0, upright @ mirror, upright)
        turned = _about(place, _similarity(draw.normal(12), torch.ones_like(scale)))
        cutout_from_first = torch.linalg.inv(turned @ upright)
        own = self._random_motion(draw, place, reach, distance=5.0, turn=5.0, growth=0.04)
        motion = _Motion(camera @ own, self._bend(draw, reach * draw.uniform(1, 8) * draw.chance(0.8)))

        def seen(places: Tensor) -> Tensor:
            return _sampled(cutout, _mapped(cutout_from_first, places), "zeros")

        return motion, lambda places: seen(places)[:, :3], lambda places: seen(places)[:, 3:] / 255

    def _shape(self, draw: "_Draws", camera: Tensor, reach: float) -> tuple:
        """An ellipse, a blob or a limb-like bar with a photo's texture; bars swing about one end."""
        height, width = self.size
        photo = self.textures.photos[draw.integers(len(self.textures.photos))].float()
        view = self._view(draw)
        kind = draw.integers(3).view(-1, 1, 1)
        centre = torch.stack([draw.uniform(0.1, 0.9) * width, draw.uniform(0.1, 0.9) * height], -1)
        radius = min(self.size) * draw.uniform(0.06, 0.25)
        angle = draw.uniform(0, 2 * math.pi)
        along = torch.stack([angle.cos(), angle.sin()], -1)
        aspect = draw.uniform(0.3, 1.0)
        waves = [(draw.uniform(0, 0.25), draw.uniform(0, 2 * math.pi)) for _ in range(4)]
        is_bar = (kind.flatten() == 2).float()
        pivot = centre + (2 * radius * is_bar)[:, None] * along
        own = self._random_motion(draw, pivot, reach, distance=5.0, turn=6.0 + 8.0 * is_bar, growth=0.04)
        motion = _Motion(camera @ own, self._bend(draw, reach * draw.uniform(0.5, 4) * draw.chance(0.4)))

        def alpha(places: Tensor) -> Tensor:
            away = places - centre[:, None, None]
            u = (away * along[:, None, None]).sum(-1)
            v = away[..., 0] * -along[:, None, None, 1] + away[..., 1] * along[:, None, None, 0]
            r, a = radius.view(-1, 1, 1), aspect.view(-1, 1, 1)
            ellipse = r - (u.square() + (v / a).square()).sqrt()
            theta = torch.atan2(v, u)
            rim = 1 + sum(
                size.view(-1, 1, 1) * (order * theta + phase.view(-1, 1, 1)).cos()
                for order, (size, phase) in enumerate(waves, start=2)
            )
            blob = r * rim - (u.square() + v.square()).sqrt()
            nearest = torch.minimum(u.clamp(min=0), 2 * r)
            bar = r * a / 2 - ((u - nearest).square() + v.square()).sqrt()
            inside = torch.where(kind == 0, ellipse, torch.where(kind == 1, blob, bar))
            return (inside / _SHAPE_EDGE + 0.5).clamp(0, 1)[:, None]

        return motion, lambda places: _textured(photo, view, places), alpha

    def _random_motion(
        self,
        draw: "_Draws",
        pivot: Tensor,
        reach: float,
        *,
        distance: float,
        turn: Tensor | float,
        growth: float,
        tilt: float = 0.0,
    ) -> Tensor:
        """As train.flow.layer_motion.random_motion: (B, 3, 3)."""
        near = -distance * (1 - draw.uniform(0, 1)).clamp(min=1e-6).log()
        far = draw.uniform(0, 4 * distance)
        length = torch.where(draw.chance(0.8) > 0, near, far).clamp(max=_FARTHEST) * reach * self.size[0] / 192
        heading = draw.uniform(0, 2 * math.pi)
        motion = _about(pivot, _similarity(draw.normal(1.0) * turn * reach, (draw.normal(growth) * reach).exp()))
        motion[:, 0, 2] += length * heading.cos()
        motion[:, 1, 2] += length * heading.sin()
        perspective = torch.eye(3, device=self.device).repeat(draw.count, 1, 1)
        perspective[:, 2, 0] = draw.normal(tilt * reach * 1e-4)
        perspective[:, 2, 1] = draw.normal(tilt * reach * 1e-4)
        return motion @ perspective

    def _bend(self, draw: "_Draws", amplitude: Tensor) -> Tensor:
        """(B, 2, H, W): smooth displacement of about `amplitude` pixels, flattened until it folds nowhere."""
        parts = []
        for cells, own in zip(_KNOTS, amplitude.chunk(len(_KNOTS)), strict=False):
            shape = (len(own), 2, cells + 1, cells)
            knots = torch.randn(shape, generator=draw.generator, device=self.device) * own.view(-1, 1, 1, 1)
            parts.append(F.interpolate(knots, self.size, mode="bicubic", align_corners=False))
        bend = torch.cat(parts)
        down, across = (bend.diff(dim=axis).abs().amax((1, 2, 3)) for axis in (2, 3))
        steepest = torch.maximum(down, across).clamp(min=1e-6)
        return bend * (_STEEPEST_BEND / steepest).clamp(max=1).view(-1, 1, 1, 1)


class _Draws:
    """Random numbers for B pairs, each (B,)."""

    def __init__(self, count: int, device: torch.device, seed: int) -> None:
        self.count = count
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(self.count, generator=self.generator, device=self.device)

    def normal(self, deviation: float) -> Tensor:
        return deviation * torch.randn(self.count, generator=self.generator, device=self.device)

    def chance(self, probability: float) -> Tensor:
        """1 with this probability, else 0."""
        return (self.uniform(0, 1) < probability).float()

    def integers(self, below: int) -> Tensor:
        return torch.randint(below, (self.count,), generator=self.generator, device=self.device)


def _similarity(degrees: Tensor, scale: Tensor) -> Tensor:
    radians = torch.deg2rad(degrees)
    return _affine(scale * radians.cos(), scale * radians.sin(), torch.zeros((len(scale), 2), device=scale.device))


def _affine(cos: Tensor, sin: Tensor, shift: Tensor) -> Tensor:
    """(B, 3, 3): turn and growth, then a shift (B, 2)."""
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    rows = [cos, -sin, shift[:, 0], sin, cos, shift[:, 1], zero, zero, one]
    return torch.stack(rows, -1).view(-1, 3, 3)


def _about(pivot: Tensor, matrix: Tensor) -> Tensor:
    one, zero = torch.ones(len(pivot), device=pivot.device), torch.zeros(len(pivot), device=pivot.device)
    return _affine(one, zero, pivot) @ matrix @ _affine(one, zero, -pivot)


def _mapped(matrix: Tensor, points: Tensor) -> Tensor:
    """Points (B or 1, H, W, 2) through homographies (B, 3, 3)."""
    linear = torch.einsum("bij,bhwj->bhwi", matrix[:, :, :2], points.expand(len(matrix), -1, -1, -1))
    linear = linear + matrix[:, None, None, :, 2]
    return linear[..., :2] / linear[..., 2:]


def _sampled(picture: Tensor, places: Tensor, padding: str) -> Tensor:
    """(B, C, H, W) at places (B, h, w, 2) in its pixels, bilinear."""
    height, width = picture.shape[-2:]
    scale = torch.tensor([2 / (width - 1), 2 / (height - 1)], device=picture.device)
    grid = (places * scale - 1).expand(len(picture), -1, -1, -1)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode=padding, align_corners=True)


def _textured(photo: Tensor, photo_from_first: Tensor, places: Tensor) -> Tensor:
    return _sampled(photo, _mapped(photo_from_first, places), "reflection")

"""Synthetic pairs of frames whose optical flow is known exactly.

A pair is a stack of layers: a background under camera motion, people and shapes cut out
of other pictures above it, and sometimes the black bars of a crop that reaches past its frame. A layer lives
in the first frame's coordinates and moves by x2 = P(x1 + bend(x1)): a smooth bend (the limbs), then a
homography P. Its flow is that formula; the second frame is drawn through the inverse.
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from jmpose_core.drawing import Picture
from train.flow.cutouts import FlowSources
from train.flow.layer_motion import (
    Field,
    Matrix,
    Point,
    about,
    inverse,
    mapped,
    random_bend,
    random_motion,
    sampled,
    similarity,
    unbent,
)
from train.flow.photometry import disturb

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class FlowPair:
    """Two frames and the exact flow from the first to the second."""

    first: Picture  # (H, W, 3) RGB
    second: Picture
    flow: Field
    visible: npt.NDArray[np.bool_]  # (H, W): what the pixel shows is also in the second frame


@dataclass(frozen=True, slots=True)
class _Layer:
    picture: Picture
    picture_from_first: Matrix
    alpha: npt.NDArray[np.uint8] | None  # None: covers everything
    alpha_from_first: Matrix
    motion: Matrix
    bend: Field | None


def render_pair(
    rng: np.random.Generator, sources: FlowSources, size: tuple[int, int], *, reach: float = 1.0
) -> FlowPair:
    """Draw one pair of frames of `size` (height, width). `reach` scales all motion; 1 is that of people in video."""
    layers = _layers(rng, sources, size, reach)
    grid = _pixel_grid(size)
    first, first_label, flow = _draw_first(layers, grid)
    second, second_label = _draw_second(layers, grid)
    height, width = size
    target = np.rint(grid + flow).astype(np.int32)
    inside = ((target >= 0) & (target < (width, height))).all(axis=-1)
    landed = second_label[target[..., 1].clip(0, height - 1), target[..., 0].clip(0, width - 1)]
    first, second = disturb(rng, first, second)
    return FlowPair(first, second, flow, inside & (landed == first_label))


class FlowBatches(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """Item n is batch n: first and second (B, 3, H, W) uint8, flow (B, 2, H, W) float32, visible (B, H, W) bool.

    Batch n is a function of the seed and n alone, so that a resumed training sees what an unbroken one would.
    """

    def __init__(self, sources: FlowSources, *, size: tuple[int, int], batch: int, seed: int, warm_up: int) -> None:
        """`warm_up`: batches over which the motion grows from 0.4 of its reach to all of it."""
        self.sources, self.size, self.batch = sources, size, batch
        self.seed, self.warm_up = seed, warm_up

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        reach = min(1.0, 0.4 + 0.6 * index / max(self.warm_up, 1))
        rng = np.random.default_rng((self.seed, index))
        return collate([render_pair(rng, self.sources, self.size, reach=reach) for _ in range(self.batch)])


def collate(pairs: list[FlowPair]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Stack pairs into (B, 3, H, W) uint8 twice, flow (B, 2, H, W) and visible (B, H, W)."""

    def channels_first(arrays: list[npt.NDArray]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(np.stack(arrays).transpose(0, 3, 1, 2)))

    return (
        channels_first([pair.first for pair in pairs]),
        channels_first([pair.second for pair in pairs]),
        channels_first([pair.flow for pair in pairs]),
        torch.from_numpy(np.stack([pair.visible for pair in pairs])),
    )


# --- the scene ---------------------------------------------------------------------------------


def _layers(rng: np.random.Generator, sources: FlowSources, size: tuple[int, int], reach: float) -> list[_Layer]:
    camera = np.eye(3)
    if rng.random() < 0.75:
        camera = random_motion(rng, size, _centre(size), reach, distance=3.0, turn=2.0, growth=0.03, tilt=1.0)
    layers = [_background(rng, sources, size, camera, reach)]
    for _ in range(rng.integers(1, 3)):
        if sources.cutouts and rng.random() < 0.85:
            layers.append(_person(rng, sources, size, camera, reach))
    for _ in range(rng.integers(0, 4)):
        layers.insert(int(rng.integers(1, len(layers) + 1)), _shape(rng, sources, size, camera, reach))
    if rng.random() < 0.12:
        layers.append(_bars(rng, size))
    return layers


def _background(
    rng: np.random.Generator, sources: FlowSources, size: tuple[int, int], camera: Matrix, reach: float
) -> _Layer:
    photo = _choice(rng, sources.photos)
    bend = random_bend(rng, size, reach * rng.uniform(0.5, 5)) if rng.random() < 0.5 else None
    return _Layer(photo, _view(rng, photo, size), None, np.eye(3), camera, bend)


def _person(
    rng: np.random.Generator, sources: FlowSources, size: tuple[int, int], camera: Matrix, reach: float
) -> _Layer:
    cutout = _choice(rng, sources.cutouts)
    tall, wide = cutout.alpha.shape
    scale = size[0] * rng.uniform(0.45, 1.1) / max(tall, wide)
    place = np.array([rng.uniform(0.2, 0.8) * size[1], rng.uniform(0.25, 0.75) * size[0]])
    turn = about(place, similarity(rng.normal(0, 12), 1.0))
    upright = np.array([[scale, 0, place[0] - scale * wide / 2], [0, scale, place[1] - scale * tall / 2], [0, 0, 1.0]])
    if rng.random() < 0.5:
        upright = upright @ np.array([[-1, 0, wide - 1], [0, 1, 0], [0, 0, 1.0]])
    cutout_from_first = inverse(turn @ upright)
    motion = random_motion(rng, size, place, reach, distance=5.0, turn=5.0, growth=0.04)
    bend = random_bend(rng, size, reach * rng.uniform(1, 8)) if rng.random() < 0.8 else None
    return _Layer(cutout.picture, cutout_from_first, cutout.alpha, cutout_from_first, camera @ motion, bend)


def _shape(
    rng: np.random.Generator, sources: FlowSources, size: tuple[int, int], camera: Matrix, reach: float
) -> _Layer:
    """A polygon, ellipse or limb-like bar with another picture's texture; bars swing about one end."""
    photo = _choice(rng, sources.photos)
    alpha = np.zeros(size, np.uint8)
    centre = rng.uniform(0.1, 0.9, 2) * (size[1], size[0])
    radius = min(size) * rng.uniform(0.06, 0.25)
    pivot, turn = centre, 6.0
    kind = rng.integers(3)
    if kind == 0:
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
        rim = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        corners = centre + radius * rng.uniform(0.5, 1.5, (len(angles), 1)) * rim
        cv2.fillPoly(alpha, [np.rint(corners * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    elif kind == 1:
        axes = (int(radius), max(2, int(radius * rng.uniform(0.3, 1))))
        cv2.ellipse(alpha, _point(centre), axes, rng.uniform(0, 180), 0, 360, (255,), -1, cv2.LINE_AA)
    else:
        angle = rng.uniform(0, 2 * np.pi)
        pivot = centre + 2 * radius * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(alpha, _point(centre), _point(pivot), (255,), max(3, int(radius * rng.uniform(0.3, 0.8))), cv2.LINE_AA)
        turn = 14.0
    motion = random_motion(rng, size, pivot, reach, distance=5.0, turn=turn, growth=0.04)
    bend = random_bend(rng, size, reach * rng.uniform(0.5, 4)) if rng.random() < 0.4 else None
    return _Layer(photo, _view(rng, photo, size), alpha, np.eye(3), camera @ motion, bend)


def _bars(rng: np.random.Generator, size: tuple[int, int]) -> _Layer:
    """The black, unmoving part of a crop that reaches past the frame's edge."""
    alpha = np.zeros(size, np.uint8)
    depth = rng.uniform(0.05, 0.3)
    side = rng.integers(4)
    bar = alpha if side < 2 else alpha.T
    bar[: int(depth * bar.shape[0])] = 255
    if side % 2:
        alpha = np.ascontiguousarray(alpha[::-1, ::-1])
    return _Layer(np.zeros((*size, 3), np.uint8), np.eye(3), alpha, np.eye(3), np.eye(3), None)


def _centre(size: tuple[int, int]) -> Point:
    return np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])


def _view(rng: np.random.Generator, photo: Picture, size: tuple[int, int]) -> Matrix:
    """Random place, scale and turn of a photo seen through the frame: photo_from_first."""
    scale = rng.uniform(0.6, 1.5)
    room = np.maximum(np.array(photo.shape[1::-1]) - scale * np.array(size[::-1]), 0)
    corner = rng.uniform(0, 1, 2) * room
    place = np.array([[scale, 0, corner[0]], [0, scale, corner[1]], [0, 0, 1.0]])
    return place @ about(_centre(size), similarity(rng.normal(0, 15), 1.0))


# --- drawing -----------------------------------------------------------------------------------


def _draw_first(layers: list[_Layer], grid: Field) -> tuple[Picture, npt.NDArray[np.uint8], Field]:
    canvas, label, flow = None, np.zeros(grid.shape[:2], np.uint8), np.empty_like(grid)
    for index, layer in enumerate(layers):
        canvas, covered = _paint(canvas, layer, grid)
        label[covered] = index
        bent = grid if layer.bend is None else grid + layer.bend
        np.copyto(flow, mapped(layer.motion, bent) - grid, where=covered[..., None])
    assert canvas is not None
    return canvas, label, flow


def _draw_second(layers: list[_Layer], grid: Field) -> tuple[Picture, npt.NDArray[np.uint8]]:
    canvas, label = None, np.zeros(grid.shape[:2], np.uint8)
    for index, layer in enumerate(layers):
        canvas, covered = _paint(canvas, layer, unbent(mapped(inverse(layer.motion), grid), layer.bend))
        label[covered] = index
    assert canvas is not None
    return canvas, label


def _paint(canvas: Picture | None, layer: _Layer, first_grid: Field) -> tuple[Picture, npt.NDArray[np.bool_]]:
    """Put the layer, seen at these places of the first frame, over the canvas; say where it covers it."""
    places = mapped(layer.picture_from_first, first_grid)
    colour = sampled(layer.picture, places, cv2.BORDER_REFLECT_101)
    if layer.alpha is None or canvas is None:
        return colour, np.ones(first_grid.shape[:2], bool)
    places = mapped(layer.alpha_from_first, first_grid)
    alpha = sampled(layer.alpha, places, cv2.BORDER_CONSTANT)
    weight = (alpha.astype(np.uint16) + (alpha >> 7))[..., None]  # 0..256
    blended = (colour * weight + canvas * (256 - weight)) >> 8
    return blended.astype(np.uint8), alpha > 127


def _pixel_grid(size: tuple[int, int]) -> Field:
    return np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=-1).astype(np.float32)


def _point(xy: npt.NDArray[np.float64]) -> tuple[int, int]:
    x, y = np.rint(xy).astype(int)
    return int(x), int(y)


def _choice(rng: np.random.Generator, items: tuple[_Item, ...]) -> _Item:
    return items[int(rng.integers(len(items)))]

"""Training pictures for the person detector: crops and mosaics of the gathered sources, with pasted people.

Batch number n is the same whatever came before it, so that a resumed training
sees what an uninterrupted one would have.
"""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from jmpose_core.annotations import FloatArray
from train.detector.cell_loss import Targets
from train.detector.gathering import Source
from train.people import augment

_SHARES: Final = {"coco": 0.6, "video": 0.17, "lspe": 0.15, "background": 0.08}
_MOSAIC: Final = 0.4  # of the pictures
_PASTE: Final = 0.35
_LOW_LIGHT: Final = 0.08
_GREY: Final = 0.05
_SIDES: Final = (256, 320, 384)
_SIDE_ODDS: Final = (0.2, 0.45, 0.35)
_VIEW: Final = 384  # longest side at inference: scale 1 shows a source as the detector will see it
_VISIBLE: Final = 0.3  # part of a box that must stay in the picture, or it is ignored
_SMALLEST: Final = 10  # pixels high; smaller people are ignored

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture with its people; boxes xyxy in its pixels."""

    picture: Image  # (H, W, 3) RGB
    people: FloatArray  # (M, 4)
    weights: FloatArray  # (M,)
    ignored: FloatArray  # (K, 4)


@dataclass(frozen=True, slots=True)
class CutOut:
    """A person without surroundings."""

    picture: Image  # (h, w, 3) RGB
    mask: Image  # (h, w) 0..255


class DetectorBatches(Dataset[tuple[Tensor, Targets]]):
    """Item n is batch n: pictures (B, S, S, 3) uint8 RGB, S one of 256, 320 and 384, and their targets."""

    def __init__(self, sources: list[Source], *, batch: int, seed: int) -> None:
        self._scenes = {kind: [_scene(source) for source in sources if source.kind == kind] for kind in _SHARES}
        self._scenes = {kind: scenes for kind, scenes in self._scenes.items() if scenes}
        self._odds = np.array([_SHARES[kind] for kind in self._scenes])
        self._odds /= self._odds.sum()
        cut_outs = [_cut_out(source) for source in sources if source.mask]
        self._cut_outs = [cut_out for cut_out in cut_outs if _is_whole(cut_out)]
        self._batch, self._seed = batch, seed

    def __getitem__(self, index: int) -> tuple[Tensor, Targets]:
        rng = np.random.default_rng([self._seed, index])
        side = int(rng.choice(_SIDES, p=_SIDE_ODDS))
        scenes = [self._compose(rng, side) for _ in range(self._batch)]
        pictures = torch.from_numpy(np.stack([scene.picture for scene in scenes]))
        return pictures, Targets(
            _padded([scene.people for scene in scenes]),
            _padded([scene.weights[:, None] for scene in scenes])[..., 0],
            _padded([scene.ignored for scene in scenes]),
        )

    def _compose(self, rng: np.random.Generator, side: int) -> Scene:
        if rng.random() < _MOSAIC:
            scene = self._mosaic(rng, side)
        else:
            scene = _view(self._draw(rng), rng, side, side, _scale(rng, 0.45, 2.0))
        if self._cut_outs and rng.random() < _PASTE:
            for _ in range(rng.integers(1, 3)):
                scene = _paste(scene, self._cut_outs[rng.integers(len(self._cut_outs))], rng)
        if rng.random() < _GREY:
            grey = cv2.cvtColor(scene.picture, cv2.COLOR_RGB2GRAY)
            scene = replace(scene, picture=np.repeat(grey[..., None], 3, axis=2).astype(np.uint8, copy=False))
        picture = _dimmed(scene.picture, rng) if rng.random() < _LOW_LIGHT else scene.picture
        return replace(scene, picture=augment.degrade(picture, rng))

    def _draw(self, rng: np.random.Generator) -> Scene:
        scenes = self._scenes[str(rng.choice(list(self._scenes), p=self._odds))]
        return scenes[rng.integers(len(scenes))]

    def _mosaic(self, rng: np.random.Generator, side: int) -> Scene:
        """Four views about a point near the middle."""
        x, y = (int(side * value) for value in rng.uniform(0.3, 0.7, 2))
        picture = np.empty((side, side, 3), np.uint8)
        people, weights, ignored = [], [], []
        for left, top, right, bottom in ((0, 0, x, y), (x, 0, side, y), (0, y, x, side), (x, y, side, side)):
            tile = _view(self._draw(rng), rng, right - left, bottom - top, _scale(rng, 0.3, 1.2))
            picture[top:bottom, left:right] = tile.picture
            corner = np.array([left, top, left, top])
            people.append(tile.people + corner)
            weights.append(tile.weights)
            ignored.append(tile.ignored + corner)
        return Scene(picture, np.concatenate(people), np.concatenate(weights), np.concatenate(ignored))


def _dimmed(picture: Image, rng: np.random.Generator) -> Image:
    """As under little light: dark, and grainy for it."""
    grain = rng.standard_normal(picture.shape, np.float32) * rng.uniform(2, 8)
    return np.clip(picture * rng.uniform(0.2, 0.5) + grain, 0, 255).astype(np.uint8)


def _scale(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _view(scene: Scene, rng: np.random.Generator, width: int, height: int, scale: float) -> Scene:
    """A window of width x height at a random place of the scene, seen at `scale` times its size at inference."""
    rows, columns = scene.picture.shape[:2]
    factor = scale * _VIEW / max(rows, columns)
    stretch = _scale(rng, 0.9, 1.1)
    factor_x, factor_y = factor * stretch, factor / stretch
    flip = rng.random() < 0.5
    shift_x = _place(rng, columns * factor_x, width)
    shift_y = _place(rng, rows * factor_y, height)
    matrix = np.array([[factor_x, 0, shift_x], [0, factor_y, shift_y]])
    if flip:
        matrix[0] = [-factor_x, 0, width - 1 - shift_x]
    picture = _warped(scene.picture, matrix, width, height, border=rng.integers(0, 256, 3).tolist())
    people, kept, cut = _clipped(_moved(scene.people, matrix), width, height)
    ignored, partly, _ = _clipped(_moved(scene.ignored, matrix), width, height, visible=0.0)
    return Scene(
        picture,
        people[kept],
        scene.weights[kept],
        np.concatenate([people[cut], ignored[partly]]),
    )


def _warped(picture: Image, matrix: FloatArray, width: int, height: int, *, border: list[int]) -> Image:
    if matrix[1, 1] < 0.6:  # the warp does not average over cells: halve first, against aliasing
        picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        matrix = np.column_stack([matrix[:, :2] * 2, matrix[:, 2] + matrix[:, :2].sum(axis=1) / 2])
    warped = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=border)
    return warped.astype(np.uint8, copy=False)


def _place(rng: np.random.Generator, length: float, window: int) -> float:
    """Where a strip of `length` starts in a window: anywhere inside, or so that it covers the window."""
    slack = window - length
    return float(rng.uniform(min(slack, 0.0), max(slack, 0.0)))


def _moved(boxes: FloatArray, matrix: FloatArray) -> FloatArray:
    """Boxes under a map without rotation, mirrored or not."""
    corners = boxes.reshape(-1, 2, 2) * matrix[[0, 1], [0, 1]] + matrix[:, 2]
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def _clipped(
    boxes: FloatArray, width: int, height: int, *, visible: float = _VISIBLE
) -> tuple[FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Boxes cut to the picture; which of them show enough; which show something but not enough."""
    clipped = np.clip(boxes, -0.5, np.array([width, height, width, height]) - 0.5)
    shown = _areas(clipped)
    enough = (shown >= visible * _areas(boxes)) & (clipped[:, 3] - clipped[:, 1] >= _SMALLEST) & (shown > 0)
    return clipped, enough, ~enough & (shown > 0)


def _areas(boxes: FloatArray) -> FloatArray:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def _paste(scene: Scene, cut_out: CutOut, rng: np.random.Generator) -> Scene:
    """The scene with one more person in front; people mostly hidden by it are ignored."""
    side = scene.picture.shape[0]
    height = side * _scale(rng, 0.12, 0.9)
    factor = height / cut_out.mask.shape[0]
    columns, rows = max(4, round(cut_out.mask.shape[1] * factor)), round(height)
    if columns >= side:
        return scene
    flags = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    person = cv2.resize(cut_out.picture, (columns, rows), interpolation=flags)
    mask = cv2.resize(cut_out.mask, (columns, rows), interpolation=flags)
    if rng.random() < 0.5:
        person, mask = person[:, ::-1], mask[:, ::-1]
    left, top = int(rng.integers(0, side - columns)), int(rng.integers(0, side - rows))
    picture = scene.picture.copy()
    window = picture[top : top + rows, left : left + columns]
    alpha = mask[..., None].astype(np.float32) / 255
    window[:] = (alpha * person + (1 - alpha) * window).astype(np.uint8)
    box = np.array([left, top, left + columns, top + rows]) - 0.5
    hidden = _covered(scene.people, box) > 0.6
    return Scene(
        picture,
        np.concatenate([scene.people[~hidden], box[None]]),
        np.append(scene.weights[~hidden], 1.0),
        np.concatenate([scene.ignored, scene.people[hidden]]),
    )


def _covered(boxes: FloatArray, by: FloatArray) -> FloatArray:
    """Part of each box that lies in the box `by`."""
    shared = np.clip(np.minimum(boxes[:, 2:], by[2:]) - np.maximum(boxes[:, :2], by[:2]), 0, None).prod(axis=1)
    return shared / np.maximum(_areas(boxes), 1e-6)


def _scene(source: Source) -> Scene:
    boxes = np.array(source.people, float).reshape(-1, 4)
    picture = cv2.imdecode(np.frombuffer(source.picture, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert picture is not None  # the gathered file holds what imencode wrote
    return Scene(
        picture.astype(np.uint8, copy=False),
        boxes,
        np.array(source.weights, float),
        np.array(source.ignored, float).reshape(-1, 4),
    )


def _cut_out(source: Source) -> CutOut:
    scene = _scene(source)
    mask = cv2.imdecode(np.frombuffer(source.mask, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    rows, columns = np.flatnonzero(mask.max(axis=1) > 127), np.flatnonzero(mask.max(axis=0) > 127)
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return CutOut(scene.picture[window], mask[window].astype(np.uint8, copy=False))


def _is_whole(cut_out: CutOut) -> bool:
    """Whether it is likely to show most of a person: upright and not tiny, where a lone hand is neither."""
    rows, columns = cut_out.mask.shape
    return rows >= 80 and rows >= 1.2 * columns


def _padded(parts: list[FloatArray]) -> Tensor:
    """Arrays (n, C) as one (B, largest n, C), filled up with zeros."""
    padded = np.zeros((len(parts), max(1, *(len(part) for part in parts)), parts[0].shape[1]), np.float32)
    for index, part in enumerate(parts):
        padded[index, : len(part)] = part
    return torch.from_numpy(padded)

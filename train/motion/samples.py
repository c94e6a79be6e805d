"""Training clips, one a number: of real motion where every frame is labelled, and of stills set in motion."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from jmpose_core import geometry
from jmpose_core.estimation.clip import DELTA, cut, window_of
from jmpose_core.geometry import Affine
from train.motion.degradation import Degradation, degraded, dense_flow, drawn
from train.motion.jhmdb import DecodedClips
from train.motion.stills import Still
from train.people import augment
from train.people.augment import CropAugmentation
from train.people.clips import moved

FRAMES: Final = 2 * DELTA + 1
FLOW_SIZE: Final = (192, 144)  # height, width of the crops as flow sees them
AUGMENTATION: Final = CropAugmentation(
    rotation_deg=25.0, rotation_probability=0.4, scale=0.25, shift=0.06, half_body_probability=0.0, flip_probability=0.5
)
AS_LABELLED: Final = CropAugmentation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_STRETCHED: Final = 0.2  # share of training clips in which a stretch is spoilt
_KEY_SPOILT: Final = 0.45  # in which the key frame alone is; the rest is as it was filmed
_TWO_FAULTS: Final = 0.25

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A clip as a network is shown it, and what is true of its key frame.

    crops: (T, H, W, 3) uint8 RGB. flow: (T - 1, 2, 192, 144) between neighbours by dense inverse search, in
    pixels of that size. joints: (15, 2) in heatmap cells. weight: (15,). boxes: (T, 4) the person's, cells.
    witness: (15, 3) joints of the key frame as MultiPose sees them, in cells, with confidence; 0 where it sees none.
    spoilt: the key frame has a fault. image_from_cells: (2, 3).
    """

    crops: Image
    flow: npt.NDArray[np.float32]
    joints: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]
    witness: npt.NDArray[np.float32]
    spoilt: bool
    image_from_cells: npt.NDArray[np.float32]

    def tensors(self) -> dict[str, Tensor]:
        return {
            "crops": torch.from_numpy(self.crops),
            "flow": torch.from_numpy(self.flow.astype(np.float16)),
            "joints": torch.from_numpy(self.joints),
            "weight": torch.from_numpy(self.weight),
            "boxes": torch.from_numpy(self.boxes),
            "witness": torch.from_numpy(self.witness),
            "spoilt": torch.tensor(self.spoilt),
            "image_from_cells": torch.from_numpy(self.image_from_cells),
        }


class MovingPeople(Dataset[dict[str, Tensor]]):
    """An endless row of training clips; clip n depends on the seed and on n alone.

    Args:
        clips: of real motion, decoded.
        people: stills; none for real motion alone.
        crop_size: height, width.
        seed: of the row.
        real: share of clips that are real where there are stills as well.
    """

    def __init__(
        self,
        clips: DecodedClips,
        people: Sequence[Still],
        *,
        crop_size: tuple[int, int],
        seed: int,
        real: float = 0.6,
    ) -> None:
        self.clips, self.people, self.crop_size, self.seed = clips, people, crop_size, seed
        self.real = real if people else 1.0

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, number])
        while True:
            made = self._real(rng) if rng.random() < self.real else self._still(rng)
            if (made.weight > 0).sum() >= 4:
                return made.tensors()

    def _real(self, rng: np.random.Generator) -> Sample:
        clips = self.clips.clips
        clip = int(rng.integers(len(clips)))
        key = int(rng.integers(len(clips[clip])))
        step = 2 if rng.random() < 0.2 else 1  # as from a video of half the rate
        patch = _random_frame(self.clips, rng)
        return real_sample(
            self.clips, clip, key, self.crop_size, rng, step=step, faults=_faults(rng), patch=patch, vary=AUGMENTATION
        )

    def _still(self, rng: np.random.Generator) -> Sample:
        still = self.people[int(rng.integers(len(self.people)))]
        patch = _random_frame(self.clips, rng)
        return still_sample(still, self.crop_size, rng, faults=_faults(rng), patch=patch, vary=AUGMENTATION)


def real_sample(
    decoded: DecodedClips,
    clip: int,
    key: int,
    crop_size: tuple[int, int],
    rng: np.random.Generator,
    *,
    step: int = 1,
    faults: Sequence[Degradation] = (),
    patch: Image,
    vary: CropAugmentation = AS_LABELLED,
    reach: int = DELTA,
) -> Sample:
    """A key frame of a real clip with its neighbours, all cropped by the key frame's box as the paper does.

    Frames beyond the clip's ends repeat the last one, as in the program.
    """
    labelled = decoded.clips[clip]
    crop_from_image, flip = augment.random_crop(labelled.box(key), crop_size, vary, rng)
    places = window_of(key, reach, len(labelled), step=step)
    crops = np.stack([cut(decoded.frame(clip, place), crop_from_image, crop_size) for place in places])
    crop = _Crop(crop_from_image, crop_size, flip)
    joints = crop.of(labelled.keypoints[key], labelled.weight[key])
    return crop.sample(crops, joints, labelled.bbox_xyxy[places], labelled.witness[key], faults, patch, rng)


def still_sample(
    still: Still,
    crop_size: tuple[int, int],
    rng: np.random.Generator,
    *,
    faults: Sequence[Degradation] = (),
    patch: Image,
    vary: CropAugmentation = AS_LABELLED,
) -> Sample:
    """A still set in motion."""
    cropped = augment.random_crop(still.person.bbox_xyxy, crop_size, vary, rng)
    clip = moved(still.person, crop_size, rng, *cropped)
    boxes = np.tile(np.array(still.person.bbox_xyxy, np.float32), (FRAMES, 1))
    joints = clip.keypoints, clip.weight
    return _Crop(cropped[0], crop_size, cropped[1]).sample(clip.crops, joints, boxes, still.witness, faults, patch, rng)


def flow_between(crops: Image) -> npt.NDArray[np.float32]:
    """Dense inverse search between neighbours of (T, H, W, 3) at FLOW_SIZE: (T - 1, 2, *FLOW_SIZE), its pixels."""
    size = FLOW_SIZE[::-1]
    small = [np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8) for crop in crops]
    fields = [dense_flow(first, second) for first, second in itertools.pairwise(small)]
    return np.ascontiguousarray(np.stack(fields).transpose(0, 3, 1, 2))


@dataclass(frozen=True, slots=True)
class _Crop:
    """How a crop was cut: what it takes to bring labels along."""

    from_image: Affine
    size: tuple[int, int]
    flip: bool

    def of(
        self, points: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Joints (15, 2) in crop pixels, and their weights (15,), 0 outside it."""
        return augment.warp_keypoints(points, weight.reshape(-1), self.from_image, self.size, flip=self.flip)

    def sample(
        self,
        crops: Image,
        joints: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
        boxes: npt.NDArray[np.float32],
        witness: npt.NDArray[np.float32],
        faults: Sequence[Degradation],
        patch: Image,
        rng: np.random.Generator,
    ) -> Sample:
        """Crops, with their faults, beside joints in crop pixels; boxes (T, 4) and witness (15, 3) of the image."""
        for fault in faults:
            crops = degraded(crops, fault, patch, rng)
        seen, confidence = self.of(witness[:, :2], witness[:, 2])
        cells_from_image = geometry.compose(geometry.HEATMAP_FROM_CROP, self.from_image)
        corners = geometry.apply(cells_from_image, boxes[:, [0, 1, 2, 1, 0, 3, 2, 3]].reshape(-1, 2)).reshape(-1, 4, 2)
        return Sample(
            crops=crops,
            flow=flow_between(crops),
            joints=geometry.apply(geometry.HEATMAP_FROM_CROP, joints[0]).astype(np.float32),
            weight=joints[1].astype(np.float32),
            boxes=np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32),
            witness=np.column_stack([geometry.apply(geometry.HEATMAP_FROM_CROP, seen), confidence]).astype(np.float32),
            spoilt=bool(faults),
            image_from_cells=geometry.inverse(cells_from_image).astype(np.float32),
        )


def _faults(rng: np.random.Generator) -> list[Degradation]:
    chance = rng.random()
    if chance >= _KEY_SPOILT + _STRETCHED:
        return []
    extent = "key" if chance < _KEY_SPOILT else "stretch"
    return [drawn(rng, extent) for _ in range(2 if rng.random() < _TWO_FAULTS else 1)]


def _random_frame(decoded: DecodedClips, rng: np.random.Generator) -> Image:
    clip = int(rng.integers(len(decoded.clips)))
    return decoded.frame(clip, int(rng.integers(len(decoded.clips[clip]))))

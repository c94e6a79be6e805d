"""PoseTrack17, 18 and 21 folders as training data: labelled people, with the real images before and after.

The images lie where the annotation files' own names say, counted from a folder above
them: `images/bonn_5sec/000342_mpii/00000001.jpg` in PoseTrack17 (eight digits, from 1),
`images/val/000342_mpii_test/000000.jpg` in PoseTrack18 and 21 (six digits, from 0).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from jmpose_core import geometry
from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.errors import FormatError
from jmpose_core.estimation.clip import DELTA, ENLARGE, cut, window_of
from jmpose_core.evaluation.regions import inside_any
from jmpose_core.formats.document import ImageRecord, PoseTrackDocument
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.posetrack_folder import PoseTrackSequence, open_posetrack_folder
from jmpose_core.geometry import Affine
from jmpose_core.video.image_files import read_image
from jmpose_core.video.image_folder import natural_key
from train.people.augment import half_body, turned_crop, warp_keypoints

_STRIDE: Final = 4  # crop pixels a heatmap cell
_HALF_BODY_ENLARGE: Final = 1.5 / ENLARGE  # the field's half-body crop is 1.5 times the joints' extent


@dataclass(frozen=True, slots=True)
class PoseTrackAugmentation:
    """The paper's augmentations with its family's numbers (docs/model.md); all frames of a clip share one draw."""

    rotation_deg: float = 45.0  # standard deviation
    rotation_limit_deg: float = 90.0
    rotation_probability: float = 0.6
    scale: float = 0.35  # standard deviation about 1, and limit
    flip_probability: float = 0.5
    half_body_probability: float = 0.3  # "truncation"; of people with more than eight labelled joints


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPose:
    """One person of a labelled frame.

    images: all frames of the video, in the order of time; `images[place]` is the labelled one.
    weight: (15,) 1 where the joint is labelled and outside the ignore regions.
    """

    person: Annotation
    weight: npt.NDArray[np.float32]
    images: tuple[Path, ...]
    place: int

    def window(self, delta: int) -> list[Path]:
        """The images from `delta` before to `delta` after, clamped at the video's ends."""
        return [self.images[place] for place in window_of(self.place, delta, len(self.images))]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSequence:
    """One annotation file and the people in it that can be learnt from or judged."""

    annotations: Path
    document: PoseTrackDocument
    poses: tuple[LabelledPose, ...]


def read_posetrack(roots: Sequence[Path], split: str, *, delta: int = DELTA) -> list[LabelledSequence]:
    """The labelled people of one split ("train" or "val") of PoseTrack folders; nobody where they have no such split.

    Left out: unlabelled frames, joints in ignore regions, people without a labelled
    joint or whose box has no area. A folder that names no split counts as "train".

    Raises:
        FormatError: a folder without annotations, a broken file, or an image that a clip needs and that is not there.
    """
    return [
        _read(sequence, delta)
        for root in roots
        for sequence in open_posetrack_folder(root)
        if (sequence.split or "train") == split
    ]


def _read(sequence: PoseTrackSequence, delta: int) -> LabelledSequence:
    document = sequence.read()
    videos = _videos(sequence, document)
    poses = []
    for person in annotations_of(document, origin=Origin.VERIFIED):
        image = document.images[person.frame_index]
        weight = _weight(person, image)
        left, top, right, bottom = person.bbox_xyxy
        if image.is_labeled is False or not weight.any() or not (right > left and bottom > top):
            continue
        folder = PurePosixPath(image.file_name).parent
        images, place_of = videos[folder]
        poses.append(LabelledPose(person, weight, images, place_of[PurePosixPath(image.file_name).name]))
    _check_images(sequence.annotations, poses, delta)
    return LabelledSequence(sequence.annotations, document, tuple(poses))


def _weight(person: Annotation, image: ImageRecord) -> npt.NDArray[np.float32]:
    labelled = person.visibility != Visibility.ABSENT
    return (labelled & ~inside_any(person.keypoints, image.ignore_regions or ())).astype(np.float32)


def _videos(
    sequence: PoseTrackSequence, document: PoseTrackDocument
) -> dict[PurePosixPath, tuple[tuple[Path, ...], dict[str, int]]]:
    """Of each folder that the file names: its images in the order of time, and each name's place among them.

    Files on disk that the annotations do not list are frames too: some makes list labelled frames alone.
    """
    listed: dict[PurePosixPath, list[str]] = {}
    for image in document.images:
        name = PurePosixPath(image.file_name)
        listed.setdefault(name.parent, []).append(name.name)
    videos = {}
    for folder, names in listed.items():
        place = _image_folder(sequence, folder / names[0])
        like = PurePosixPath(names[0])
        on_disk = {entry.name for entry in place.glob(f"*{like.suffix}") if len(entry.name) == len(like.name)}
        ordered = sorted({*names, *on_disk}, key=natural_key)
        videos[folder] = tuple(place / name for name in ordered), {name: n for n, name in enumerate(ordered)}
    return videos


def _image_folder(sequence: PoseTrackSequence, first: PurePosixPath) -> Path:
    folder = sequence.image_folder(str(first))
    if folder is None:
        raise FormatError(
            f"{sequence.annotations}: {first} is in no folder above it; put PoseTrack's `images` beside the folder of "
            "annotations"
        )
    return folder


def _check_images(annotations: Path, poses: Sequence[LabelledPose], delta: int) -> None:
    """Every image that a clip will need is there now, not an hour into the training."""
    present: dict[Path, set[Path]] = {}
    for path in {path for pose in poses for path in pose.window(delta)}:
        if path.parent not in present:
            present[path.parent] = set(path.parent.iterdir())
        if path not in present[path.parent]:
            raise FormatError(
                f"{path}: missing; {annotations.name} lists it within {delta} frames of a labelled one. Extract the "
                "data set's images again, all frames of each video"
            )


class PoseTrackClips(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Clips of labelled people: crops (T, H, W, 3) uint8 RGB, joints in heatmap cells (15, 2), weights (15,).

    One affine for all frames of a clip; joints outside the crop have weight 0. A
    clip depends on the seed, the epoch and its index alone, so that a training
    that is resumed sees what an uninterrupted one would have seen.

    Args:
        poses: the people.
        crop_size: height, width.
        delta: supporting frames on either side; 0 for single frames.
        augmentation: None: the labelled box, enlarged by 25 %, as it is.
    """

    def __init__(
        self,
        poses: Sequence[LabelledPose],
        crop_size: tuple[int, int],
        *,
        delta: int = DELTA,
        augmentation: PoseTrackAugmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.poses = list(poses)
        self.crop_size = crop_size
        self.delta = delta
        self.augmentation = augmentation
        self.seed = seed
        self.epoch = 0  # set before each epoch's loader is made

    def __len__(self) -> int:
        return len(self.poses)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        pose = self.poses[index]
        crop_from_image, flip = geometry.crop_from_image(pose.person.bbox_xyxy, self.crop_size, enlarge=ENLARGE), False
        if self.augmentation is not None:
            rng = np.random.default_rng([self.seed, self.epoch, index])
            crop_from_image, flip = random_crop(pose, self.crop_size, self.augmentation, rng)
        crops = np.stack(list(self._crops(pose, crop_from_image)))
        keypoints = pose.person.keypoints.astype(np.float32)
        joints, weight = warp_keypoints(keypoints, pose.weight, crop_from_image, self.crop_size, flip=flip)
        cells = geometry.apply(geometry.scaled(1 / _STRIDE), joints).astype(np.float32)
        return torch.from_numpy(crops), torch.from_numpy(cells), torch.from_numpy(weight)

    def _crops(self, pose: LabelledPose, crop_from_image: Affine) -> Iterator[npt.NDArray[np.uint8]]:
        cut_before: dict[Path, npt.NDArray[np.uint8]] = {}
        for path in pose.window(self.delta):
            if path not in cut_before:  # at a video's ends a frame stands in for its missing neighbours
                cut_before[path] = cut(read_image(path), crop_from_image, self.crop_size)
            yield cut_before[path]


def random_crop(
    pose: LabelledPose, crop_size: tuple[int, int], augmentation: PoseTrackAugmentation, rng: np.random.Generator
) -> tuple[Affine, bool]:
    """crop_from_image as the family's training draws it, and whether it mirrors."""
    bbox = pose.person.bbox_xyxy
    if rng.random() < augmentation.half_body_probability:
        keypoints = pose.person.keypoints.astype(np.float32)
        bbox = half_body(keypoints, pose.weight, rng, enlarge=_HALF_BODY_ENLARGE) or bbox
    scale = float(np.clip(rng.normal(1, augmentation.scale), 1 - augmentation.scale, 1 + augmentation.scale))
    angle = 0.0
    if rng.random() < augmentation.rotation_probability:
        limit = augmentation.rotation_limit_deg
        angle = float(np.clip(rng.normal(0, augmentation.rotation_deg), -limit, limit))
    flip = bool(rng.random() < augmentation.flip_probability)
    return turned_crop(bbox, crop_size, enlarge=ENLARGE * scale, angle_deg=angle, flip=flip), flip

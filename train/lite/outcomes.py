"""Where a network was right about the joints of labelled people, and what its heatmaps had said."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jmpose_core import geometry
from jmpose_core.devices import as_images, autocast
from jmpose_core.estimation.clip import cut
from jmpose_core.evaluation.pck import torso_sizes
from jmpose_core.model import heatmaps
from jmpose_core.model.calibration import HEAD_PER_SEGMENT, HEAD_PER_TORSO, RawPeak, evidence
from jmpose_core.model.network import PoseNetwork
from jmpose_core.skeleton import JOINT_INDEX
from train.lite.refinement import encoded
from train.people.clips import Clip
from train.people.poses import LabelledPerson

CLOSE: Final = 0.5  # head sizes within which a joint counts as correct
_BATCH: Final = 16
_SURE_LABEL: Final = 0.999  # weights below are a teacher's opinion

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
# Heatmaps (B, 15, h, w), the true joints in cells (B, 15, 2), and which of them are labelled (B, 15).
Batch: TypeAlias = tuple[Tensor, Floats, Flags]


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """M labelled joints of held-out people, flat: what spoke for each, and whether it was correct.

    evidence: (M, 3). raw: (M,) the peak held in 0..1. joint: (M,) index. correct: (M,).
    half: (M,) 0 or 1, the same for all people of an image. condition: (M,) what kind of picture it was.
    """

    evidence: Floats
    raw: Floats
    joint: npt.NDArray[np.int64]
    correct: Flags
    half: npt.NDArray[np.int64]
    condition: npt.NDArray[np.str_]

    def chosen(self, which: Flags) -> "Outcomes":
        return Outcomes(*(getattr(self, name)[which] for name in self.__slots__))

    @staticmethod
    def joined(parts: Sequence["Outcomes"]) -> "Outcomes":
        return Outcomes(*(np.concatenate([getattr(part, name) for part in parts]) for name in Outcomes.__slots__))


def head_sizes(joints: npt.NDArray[np.floating], labelled: Flags, *, head_per_torso: float = HEAD_PER_TORSO) -> Floats:
    """Head sizes (N,) of people (N, 15, 2) with labels (N, 15), in the joints' unit; NaN where neither way is open.

    PoseTrack's head size is 0.6 times the head box's diagonal. No box is given here, so it is
    HEAD_PER_SEGMENT times the distance head_bottom to head_top, which on PoseTrack's own labels is
    within 20 % of it for nine heads in ten. People without both (all of COCO's) get
    `head_per_torso` times the distance left shoulder to right hip, or the other diagonal.
    """
    joints = np.asarray(joints, np.float64)
    bottom, top = JOINT_INDEX["head_bottom"], JOINT_INDEX["head_top"]
    sizes = HEAD_PER_SEGMENT * np.linalg.norm(joints[:, top] - joints[:, bottom], axis=1)
    sizes[~(labelled[:, bottom] & labelled[:, top]) | (sizes <= 0)] = np.nan
    return np.where(np.isnan(sizes), head_per_torso * torso_sizes(joints, labelled), sizes)


def median_head_per_torso(people: Sequence[LabelledPerson]) -> float:
    """Median ratio of head size to torso of people with both labelled."""
    joints = np.stack([person.keypoints for person in people])
    labelled = np.stack([person.weight > _SURE_LABEL for person in people])
    ratio = head_sizes(joints, labelled, head_per_torso=np.nan) / torso_sizes(joints, labelled)
    return float(np.median(ratio[np.isfinite(ratio)]))


def stills(network: PoseNetwork, people: Sequence[LabelledPerson]) -> Iterator[Batch]:
    """Initial heatmaps of single crops, as at inference."""
    device = network.mean.device
    for start in range(0, len(people), _BATCH):
        part = people[start : start + _BATCH]
        crop_from_image = [geometry.crop_from_image(person.bbox_xyxy, network.crop_size) for person in part]
        crops = [
            cut(person.image(), crop, network.crop_size) for person, crop in zip(part, crop_from_image, strict=True)
        ]
        images = as_images(torch.from_numpy(np.stack(crops)), device)
        with torch.inference_mode(), autocast(device):
            maps = network.of_frames(images).heatmaps
        heatmap_from_crop = geometry.scaled(maps.shape[-2] / network.crop_size[0])
        cells = [
            geometry.apply(geometry.compose(heatmap_from_crop, crop), person.keypoints)
            for person, crop in zip(part, crop_from_image, strict=True)
        ]
        yield maps, np.stack(cells), np.stack([person.weight > _SURE_LABEL for person in part])


def refined(network: PoseNetwork, clips: Iterable[Clip]) -> Iterator[Batch]:
    """Refined heatmaps of the clips' key frames, one clip at a time."""
    device = network.mean.device
    for clip in clips:
        part = encoded(network, clip)
        maps = part.maps.for_refiner(network.refiner).to(device, torch.float32)
        with torch.inference_mode(), autocast(device):
            found = network.refiner(maps).refined
        yield found, part.cells.double().numpy(), part.weight.numpy() > _SURE_LABEL


def outcomes(batches: Iterator[Batch], people: Sequence[LabelledPerson], condition: str) -> Outcomes:
    """What the heatmaps of `people`, batch by batch and in their order, say of every joint whose error is known.

    Joints labelled outside the crop are left out with the unlabelled, as are people whose head size is unknown.
    """
    columns: list[tuple[Floats, Floats, Flags, Flags]] = []
    for maps, cells, labelled in batches:
        maps = maps.float().cpu()
        distance = np.linalg.norm(heatmaps.decode(maps, blur_sigma=1.0)[0].numpy() - cells, axis=2)
        sizes = head_sizes(cells, labelled)[:, None]
        inside = ((cells > -0.5) & (cells < np.array(maps.shape[:-3:-1]) - 0.5)).all(axis=2)
        columns.append(
            (
                evidence(maps).double().numpy(),
                RawPeak()(maps).double().numpy(),
                distance <= CLOSE * sizes,
                labelled & inside & np.isfinite(sizes),
            )
        )
    found, raw, correct, counted = (np.concatenate(column) for column in zip(*columns, strict=True))
    person, joint = np.nonzero(counted)
    sources = np.array([f"{condition} {one.source}" for one in people])
    return Outcomes(found[counted], raw[counted], joint, correct[counted], halves(people)[person], sources[person])


def halves(people: Sequence[LabelledPerson]) -> npt.NDArray[np.int64]:
    """0 or 1 for each person, the same for all people of an image."""
    images = [f"{person.source} {person.image_id:012d}" for person in people]
    return np.unique(images, return_inverse=True)[1] % 2

"""Single images and their joints: what a backbone learns from, its loss, and its figures."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from jmpose_core import geometry
from jmpose_core.devices import autocast
from jmpose_core.estimation.clip import cut
from jmpose_core.evaluation.pck import pck
from jmpose_core.model import heatmaps
from train.loop.training import Loss
from train.objectives.heatmap_losses import spatial_cross_entropy
from train.people import augment
from train.people.augment import CropAugmentation
from train.people.poses import LabelledPerson

_CPU = torch.device("cpu")


class RandomCrops(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """An endless row of crops: RGB uint8 (H, W, 3), joints in heatmap cells (15, 2), weights (15,).

    Crop n depends on the seed and on n alone.

    Args:
        draws: how often a person of each source is drawn.
        occluder_probability: of a piece of another person's picture over the crop.
    """

    def __init__(
        self,
        people: Sequence[LabelledPerson],
        *,
        crop_size: tuple[int, int],
        augmentation: CropAugmentation,
        occluder_probability: float,
        draws: Mapping[str, float],
        seed: int,
    ) -> None:
        self.people, self.crop_size, self.augmentation = people, crop_size, augmentation
        self.occluder_probability, self.seed = occluder_probability, seed
        odds = np.array([draws[person.source] for person in people])
        self._cumulative = np.cumsum(odds) / odds.sum()

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([self.seed, index])
        return self._crop(self._draw(rng), self._draw(rng), rng)

    def _draw(self, rng: np.random.Generator) -> LabelledPerson:
        return self.people[int(np.searchsorted(self._cumulative, rng.random()))]

    def _crop(
        self, person: LabelledPerson, other: LabelledPerson, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        how, bbox = self.augmentation, person.bbox_xyxy
        if rng.random() < how.half_body_probability:
            bbox = augment.half_body(person.keypoints, person.weight, rng) or bbox
        crop_from_image, flip = augment.random_crop(bbox, self.crop_size, how, rng)
        image = cut(person.image(), crop_from_image, self.crop_size)
        joints, weight = augment.warp_keypoints(
            person.keypoints, person.weight, crop_from_image, self.crop_size, flip=flip
        )
        image = augment.degrade(image, rng)
        if rng.random() < self.occluder_probability:
            image = augment.occlude(image, other.image(), rng)
        cells = geometry.apply(geometry.scaled(1 / 4), joints).astype(np.float32)
        return torch.from_numpy(image), torch.from_numpy(cells), torch.from_numpy(weight)


def backbone_loss(network: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Loss:
    """Cross entropy of the heatmaps of a batch of RandomCrops."""
    images, cells, weight = batch
    with autocast(_CPU):
        output = network(normalised(images))
    loss = spatial_cross_entropy(output.logits, cells, weight, heatmaps.SIGMA_LITE)
    return Loss(loss, {"loss": loss})


def validate(network: nn.Module, people: Sequence[LabelledPerson], crop_size: tuple[int, int]) -> dict[str, float]:
    """PCK@0.2 of the torso per source, ground-truth boxes, no flip test."""
    figures = {}
    for source in sorted({person.source for person in people}):
        chosen = [person for person in people if person.source == source]
        predicted = np.concatenate([predict(network, chosen[i : i + 32], crop_size) for i in range(0, len(chosen), 32)])
        truth = np.stack([person.keypoints for person in chosen])
        labelled = np.stack([person.weight > 0.999 for person in chosen])
        figures[f"PCK@0.2 {source}"] = float(pck(predicted, truth, labelled, threshold=0.2).total)
    return figures


@torch.inference_mode()
def predict(
    network: nn.Module, people: Sequence[LabelledPerson], crop_size: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Joints (N, 15, 2) in image pixels. The network must be in evaluation mode."""
    height, width = crop_size
    maps = [geometry.crop_from_image(person.bbox_xyxy, crop_size) for person in people]
    crops = [
        cv2.warpAffine(person.image(), crop_from_image, (width, height))
        for person, crop_from_image in zip(people, maps, strict=True)
    ]
    with autocast(_CPU):
        output = network(normalised(torch.from_numpy(np.stack(crops))))
    cells, _ = heatmaps.decode(output.heatmaps, blur_sigma=1.0)
    return np.stack(
        [
            geometry.apply(geometry.compose(geometry.inverse(crop_from_image), geometry.scaled(4)), joints)
            for crop_from_image, joints in zip(maps, cells.numpy(), strict=True)
        ]
    )


def normalised(images: Tensor) -> Tensor:
    """RGB uint8 (B, H, W, 3) -> (B, 3, H, W) in [-1, 1], channels last in memory."""
    return images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)

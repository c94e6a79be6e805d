"""Corrected people as clips of their real videos: what fine-tuning learns from."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from jmpose_core import geometry
from jmpose_core.annotations import Annotation
from jmpose_core.errors import Cancelled
from jmpose_core.estimation.clip import cut
from jmpose_core.model.network import PoseNetwork
from jmpose_core.video import Video, open_video
from train.labels import LabelledVideo, trusted_joints
from train.people.augment import CropAugmentation, random_crop, warp_keypoints
from train.people.cached_clips import CachedClips, encode


def labelled_clips(
    network: PoseNetwork,
    labels: Sequence[LabelledVideo],
    variants: Sequence[CropAugmentation | None],
    should_stop: Callable[[], bool],
) -> CachedClips | None:
    """Each labelled person as clips of the real video, one a variant of the crop; None without people."""
    rng = np.random.default_rng(0)
    parts: list[CachedClips] = []
    for label in labels:
        with open_video(label.video_path) as video:
            for person in label.people:
                if should_stop():
                    raise Cancelled("training stopped; no weights were changed")
                for variant in variants:
                    crops, cells, weight = _clip(video, person, network, variant, rng)
                    parts.append(encode(network, crops[None], cells[None], weight[None]))
    return CachedClips.joined(parts) if parts else None


def _clip(
    video: Video,
    person: Annotation,
    network: PoseNetwork,
    variant: CropAugmentation | None,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Crops (T, H, W, 3), the person's joints in heatmap cells, and their weights: 1 where a person placed them."""
    crop_size, delta = network.crop_size, network.delta
    if variant is None:
        crop_from_image = geometry.crop_from_image(person.bbox_xyxy, crop_size)
    else:
        crop_from_image, _ = random_crop(person.bbox_xyxy, crop_size, variant, rng)
    around = range(person.frame_index - delta, person.frame_index + delta + 1)
    frames = [min(max(index, 0), video.frame_count - 1) for index in around]
    crops = np.stack([cut(video.frame(index), crop_from_image, crop_size) for index in frames])
    joints, weight = warp_keypoints(
        person.keypoints.astype(np.float32),
        trusted_joints(person).astype(np.float32),
        crop_from_image,
        crop_size,
        flip=False,
    )
    cells = geometry.apply(geometry.scaled(1 / 4), joints).astype(np.float32)
    return torch.from_numpy(crops), torch.from_numpy(cells), torch.from_numpy(weight)

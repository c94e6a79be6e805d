"""Corrected people as clips of their real videos: what fine-tuning learns from."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from jmpose_core import geometry
from jmpose_core.annotations import Annotation
from jmpose_core.errors import Cancelled, VideoError
from jmpose_core.estimation.clip import cut, window_of
from jmpose_core.frame_numbers import frame_number
from jmpose_core.model.network import PoseNetwork
from jmpose_core.training_messages import LeftOut, Message, Preparing
from jmpose_core.video import Video, open_video
from train.labels import LabelledVideo, trusted_joints
from train.people.augment import CropAugmentation, random_crop, warp_keypoints
from train.people.cached_clips import CachedClips, encode


class ClipReading:
    """Makes clips of labelled people, and tells how far it is.

    Args:
        total: clips that will be asked for.
    """

    def __init__(
        self,
        network: PoseNetwork,
        on_message: Callable[[Message], None],
        should_stop: Callable[[], bool],
        *,
        total: int,
    ) -> None:
        self._network, self._on_message, self._should_stop = network, on_message, should_stop
        self._total, self._done = total, 0

    def clips(self, labels: Sequence[LabelledVideo], variants: Sequence[CropAugmentation | None]) -> CachedClips | None:
        """Each person as clips of the real video, one for each variant of the crop; None where nobody is left.

        A person whose box has no area, or whose frames cannot be read, is left out with a message.

        Raises:
            Cancelled: should_stop returned true.
            VideoError: a video cannot be opened at all.
        """
        rng = np.random.default_rng(0)
        parts: list[CachedClips] = []
        for label in labels:
            with open_video(label.video_path) as video:
                for person in label.people:
                    if self._should_stop():
                        raise Cancelled("training stopped; no weights were changed")
                    parts += self._of_person(video, person, variants, rng)
        return CachedClips.joined(parts) if parts else None

    def _of_person(
        self,
        video: Video,
        person: Annotation,
        variants: Sequence[CropAugmentation | None],
        rng: np.random.Generator,
    ) -> list[CachedClips]:
        fault = fault_of(person, video)
        parts: list[CachedClips] = []
        if not fault:
            try:
                clips = [_clip(video, person, self._network, variant, rng) for variant in variants]
                parts = [encode(self._network, crops[None], cells[None], own[None]) for crops, cells, own in clips]
            except VideoError as error:  # a damaged frame must not stop the learning from all others
                fault = str(error)
        if fault:
            self._on_message(
                LeftOut(
                    f"{video.path.name}, frame {frame_number(person.frame_index)}, person {person.track_id}: {fault}"
                )
            )
        self._done += len(variants)
        self._on_message(Preparing("reading corrected people", self._done, self._total))
        return parts


def fault_of(person: Annotation, video: Video) -> str:
    """Why a person cannot be learnt from; empty where nothing is wrong."""
    left, top, right, bottom = person.bbox_xyxy
    if not (np.isfinite(person.bbox_xyxy).all() and right > left and bottom > top):
        return "the box has no area; draw it again"
    if not 0 <= person.frame_index < video.frame_count:
        return f"the video has only {video.frame_count} frames"
    if not np.isfinite(person.keypoints[trusted_joints(person)]).all():
        return "a joint has no position; place it again"
    return ""


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
    frames = window_of(person.frame_index, delta, video.frame_count)
    crops = np.stack([cut(video.frame(index), crop_from_image, crop_size) for index in frames])
    joints, weight = warp_keypoints(
        person.keypoints.astype(np.float32),
        trusted_joints(person).astype(np.float32),
        crop_from_image,
        crop_size,
        flip=False,
    )
    cells = geometry.apply(geometry.HEATMAP_FROM_CROP, joints).astype(np.float32)
    return torch.from_numpy(crops), torch.from_numpy(cells), torch.from_numpy(weight)

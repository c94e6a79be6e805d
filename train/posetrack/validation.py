"""mAP of a network on a PoseTrack split with ground-truth boxes: one pass, no flipped second one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from jmpose_core import geometry
from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.devices import as_images, autocast
from jmpose_core.errors import Cancelled
from jmpose_core.estimation.clip import ENLARGE
from jmpose_core.evaluation.average_precision import average_precision
from jmpose_core.evaluation.sequences import FramePair, Source, cleaned, paired
from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.people import document_from
from jmpose_core.model import heatmaps
from jmpose_core.model.network import PoseNetwork
from jmpose_core.skeleton import NUM_JOINTS
from train.loop.items import start_worker
from train.posetrack.dataset import LabelledPose, LabelledSequence, PoseTrackClips

_BLUR_SIGMA = 1.0  # as PoseEstimator decodes


class GroundTruthBoxValidation:
    """poseval's mAP, in percent, of a network's refined and initial heatmaps; of the fifteen joints' mean.

    Made before the training, so that a ground truth that cannot be judged is found then.

    Raises:
        FormatError: poseval could not judge the ground truth; names file, place and cure.
    """

    def __init__(
        self,
        sequences: Sequence[LabelledSequence],
        *,
        at_once: int,
        workers: int,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.sequences = [sequence for sequence in sequences if sequence.poses]
        self.poses = [pose for sequence in self.sequences for pose in sequence.poses]
        self.at_once = at_once
        self.workers = workers
        self.should_stop = should_stop
        for sequence in self.sequences:
            _frames(sequence, sequence.document)

    def figures(self, network: PoseNetwork) -> dict[str, float]:
        """{"mAP", "mAP initial"}, the first alone for a single-frame network; none without ground truth.

        Raises:
            Cancelled: should_stop returned true.
        """
        if not self.poses:
            return {}
        network.eval()
        refined, initial = (self._mean_ap(people) for people in zip(*self._people(network), strict=True))
        return {"mAP": refined} if network.delta == 0 else {"mAP": refined, "mAP initial": initial}

    def _people(self, network: PoseNetwork) -> Iterator[tuple[Annotation, Annotation]]:
        """Each of `poses` as the refined and as the initial heatmaps have it."""
        loader: DataLoader[Any] = DataLoader(
            PoseTrackClips(self.poses, network.crop_size, delta=network.delta),
            batch_size=self.at_once,
            num_workers=self.workers,
            worker_init_fn=start_worker,
        )
        poses = iter(self.poses)
        for crops, _, _ in loader:
            if self.should_stop():
                raise Cancelled("training stopped; go on with --resume")
            own = list(islice(poses, len(crops)))
            stages = (_decoded(own, maps, network.crop_size) for maps in _heatmaps(network, crops))
            yield from zip(*stages, strict=True)

    def _mean_ap(self, people: Iterable[Annotation]) -> float:
        """Of predictions in the order of `poses`."""
        left = iter(people)
        frames = []
        for sequence in self.sequences:
            own = list(islice(left, len(sequence.poses)))
            frames += _frames(sequence, document_from(own, template=sequence.document))
        return float(np.nanmean(average_precision(frames).ap))


@torch.inference_mode()
def _heatmaps(network: PoseNetwork, crops: Tensor) -> tuple[Tensor, Tensor]:
    """Refined and initial heatmaps (B, K, h, w) of the key frames of crops (B, T, H, W, 3)."""
    device = network.mean.device
    with autocast(device):
        output = network(as_images(crops, device))
    return output.refined.refined.float().cpu(), output.maps.key_initial.float().cpu()


def _decoded(poses: Sequence[LabelledPose], maps: Tensor, crop_size: tuple[int, int]) -> list[Annotation]:
    cells, peaks = heatmaps.decode(maps, blur_sigma=_BLUR_SIGMA)
    confidence = peaks.clamp(0, 1).double().numpy()
    crop_from_heatmap = geometry.scaled(crop_size[0] / maps.shape[-2])
    people = []
    for pose, own_cells, sure in zip(poses, cells.numpy(), confidence, strict=True):
        crop_from_image = geometry.crop_from_image(pose.person.bbox_xyxy, crop_size, enlarge=ENLARGE)
        image_from_heatmap = geometry.compose(geometry.inverse(crop_from_image), crop_from_heatmap)
        people.append(
            replace(
                pose.person,
                keypoints=geometry.apply(image_from_heatmap, own_cells),
                visibility=np.full(NUM_JOINTS, Visibility.VISIBLE, np.uint8),
                confidence=sure,
                origin=np.full(NUM_JOINTS, Origin.PREDICTED, np.uint8),
            )
        )
    return people


def _frames(sequence: LabelledSequence, predicted: PoseTrackDocument) -> list[FramePair]:
    """poseval's frames: those whose ground truth has anyone, without what lies in ignore regions."""
    truth, estimate = (Source(document, sequence.annotations) for document in (sequence.document, predicted))
    return [
        cleaned(frame, regions)
        for video in paired(truth, estimate)
        for frame, regions in zip(video.frames, video.regions, strict=True)
        if len(frame.truth)
    ]

"""What a pose network sees of one person in one frame, for the eyes of the annotator."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jmpose_core import geometry
from jmpose_core.devices import autocast
from jmpose_core.estimation.clip import ENLARGE, cut, window_of
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.estimation.witness import Look, witnessed_people
from jmpose_core.geometry import Affine, Xyxy
from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.warping import forward_backward_error
from jmpose_core.video import Video


@dataclass(frozen=True, slots=True)
class ProbedPerson:
    """What the network sees of one person in one frame.

    crop_rgb: (H, W, 3) uint8. initial, refined: (15, h, w) heatmaps. flow: (2, H, W) crop pixels, from the key frame
    to the next; flow_error: (H, W) crop pixels, by which it and the flow back miss each other; both None for a
    system without flow. crop_from_image: (2, 3).
    """

    crop_rgb: npt.NDArray[np.uint8]
    initial: npt.NDArray[np.float32]
    flow: npt.NDArray[np.float32] | None
    flow_error: npt.NDArray[np.float32] | None
    refined: npt.NDArray[np.float32]
    crop_from_image: Affine


@torch.inference_mode()
def probe(
    estimator: PoseEstimator, video: Video, frame_index: int, bbox_xyxy: Xyxy, *, look: Look | None = None
) -> ProbedPerson:
    """Initial heatmaps, flow and refined heatmaps of one person in one frame, cropped as the paper does.

    `look` as in `PoseEstimator.estimate`.

    Raises:
        ValueError: the box has no area.
    """
    network, streaming = estimator.network, estimator.streaming
    size = network.crop_size
    crop_from_image = geometry.crop_from_image(bbox_xyxy, size, enlarge=ENLARGE)
    delta = max(1, network.delta)  # flow is to the next frame, also of a system that sees one alone
    frames = window_of(frame_index, delta, video.frame_count)
    pictures = {index: video.nearest_frame(index) for index in set(frames)}
    crops = np.stack([cut(pictures[index], crop_from_image, size) for index in frames])
    seen = [witnessed_people({0: bbox_xyxy}, look(index, pictures[index]))[0] for index in frames] if look else []
    images = streaming.images(crops)
    same = len(frames)
    people = estimator.in_crops(seen, np.array([bbox_xyxy] * same), np.stack([crop_from_image] * same))
    backbone = streaming.of_frames(images, people)
    flow, flow_error = _flow_in_pixels(estimator, images[delta], images[delta + 1])
    return ProbedPerson(
        crop_rgb=crops[delta],
        initial=backbone.heatmaps[delta].float().cpu().numpy(),
        flow=flow,
        flow_error=flow_error,
        refined=_refined_key(estimator, backbone, images, delta).float().cpu().numpy(),
        crop_from_image=crop_from_image,
    )


def _refined_key(estimator: PoseEstimator, backbone: BackboneOutput, images: Tensor, key: int) -> Tensor:
    delta = estimator.network.delta
    return estimator.streaming.refined(backbone, images, [range(key - delta, key + delta + 1)])[0]


def _flow_in_pixels(
    estimator: PoseEstimator, first: Tensor, second: Tensor
) -> tuple[npt.NDArray[np.float32] | None, npt.NDArray[np.float32] | None]:
    """Flow (2, H, W) between two crops and its error (H, W)."""
    if estimator.network.flow is None:
        return None, None
    with autocast(estimator.device):
        both = estimator.network.flow.flow_in_pixels(torch.stack([first, second]), torch.stack([second, first]))
    forward, backward = both.float().split(1)
    return forward[0].cpu().numpy(), forward_backward_error(forward, backward)[0].cpu().numpy()

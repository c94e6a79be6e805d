"""A whole pose network: backbone, flow and refiner as one module, and its named builders."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from jmpose_core.errors import WeightsError
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.flow import Flow, raft_large_flow, raft_small_flow
from jmpose_core.model.hrnet import hrnet_w48
from jmpose_core.model.jmpose import JMPose, JMPoseOutput, jmpose_lite_refiner, jmpose_w48_refiner
from jmpose_core.weights import load_into, read_weights

_IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
_IMAGENET_STD: Final = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class PoseOutput:
    """What a pose network says of B clips: initial (B, T, K, h, w), flow (B, T - 1, 2, h, w), and the refiner's."""

    initial: Tensor
    flow: Tensor
    refiner: JMPoseOutput


class PoseNetwork(nn.Module):
    """Clips of crops -> heatmaps. The backbone and RAFT are held fixed; the refiner is what JM-Pose trains.

    Its three parts are also called one by one: streaming passes each frame
    through the backbone and each frame pair through RAFT once.

    Args:
        crop_size: height, width of the crops.
        mean, std: of the backbone's input, per channel, for RGB in [0, 1].
    """

    def __init__(
        self,
        *,
        backbone: nn.Module,
        flow: Flow,
        refiner: JMPose,
        crop_size: tuple[int, int],
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.flow = flow
        self.refiner = refiner
        self.crop_size = crop_size
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def initial(self, images: Tensor) -> Tensor:
        """RGB in [0, 1], (N, 3, H, W) -> initial heatmaps (N, K, h, w)."""
        normalised = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return self.backbone(normalised).heatmaps

    def forward(self, clips: Tensor) -> PoseOutput:
        """Clips (B, T, 3, H, W), RGB in [0, 1], in the order of time; the key frame is the middle one."""
        batch, frames = clips.shape[:2]
        initial = self.initial(clips.flatten(0, 1)).unflatten(0, (batch, frames))
        flow = self.flow(clips[:, :-1].flatten(0, 1), clips[:, 1:].flatten(0, 1)).unflatten(0, (batch, frames - 1))
        return PoseOutput(initial, flow, self.refiner(initial, flow))


def jmpose_lite() -> PoseNetwork:
    """The bundled variant: EfficientNet-Lite0 backbone, 256x192 crops, raft_small on adjacent frames (eq. 1)."""
    return PoseNetwork(
        backbone=CompactBackbone(),
        flow=raft_small_flow(),
        refiner=jmpose_lite_refiner(),
        crop_size=(256, 192),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )


def jmpose_w48() -> PoseNetwork:
    """The paper's: HRNet-W48, 384x288 crops, raft_large."""
    return PoseNetwork(
        backbone=hrnet_w48(),
        flow=raft_large_flow(),
        refiner=jmpose_w48_refiner(),
        crop_size=(384, 288),
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
    )


POSE_NETWORKS: Final[dict[str, Callable[[], PoseNetwork]]] = {"jmpose_lite": jmpose_lite, "jmpose_w48": jmpose_w48}


def load_pose_network(weights: str | Path) -> PoseNetwork:
    """The network that a weights file was made for, with its weights.

    Raises:
        WeightsError: no such file, not a pose network's, or a tensor does not fit.
    """
    state, card = read_weights(weights)
    if card.variant not in POSE_NETWORKS:
        raise WeightsError(f"{weights}: holds {card.variant}, not one of {', '.join(POSE_NETWORKS)}")
    network = POSE_NETWORKS[card.variant]()
    load_into(network, state, place=str(weights))
    return network.to(memory_format=torch.channels_last)

"""A whole pose network: backbone, flow and refiner as one module, and its named builders."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeAlias

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


FlowPairs: TypeAlias = tuple[tuple[int, int], ...]  # (from, to) in frames from the key frame

# Equation 1 as printed: each adjacent pair serves every window that contains it, so it passes RAFT once.
ADJACENT_PAIRS: Final[FlowPairs] = ((-2, -1), (-1, 0), (0, 1), (1, 2))
# As the authors' code runs it: every field lives on the key frame's grid, as the aggregated heatmaps do.
KEY_TO_SUPPORTING_PAIRS: Final[FlowPairs] = ((0, -2), (0, -1), (0, 1), (0, 2))


@dataclass(frozen=True)
class PoseOutput:
    """What a pose network says of B clips: initial (B, T, K, h, w), flow (B, 4, 2, h, w), and the refiner's."""

    initial: Tensor
    flow: Tensor
    refiner: JMPoseOutput


class PoseNetwork(nn.Module):
    """Clips of crops -> heatmaps. The backbone and RAFT are held fixed; the refiner is what JM-Pose trains.

    Its three parts are also called one by one: streaming passes each frame
    through the backbone and each frame pair through RAFT once.

    Args:
        crop_size: height, width of the crops.
        flow_pairs: between which frames of a window the refiner sees flow.
        mean, std: of the backbone's input, per channel, for RGB in [0, 1].
    """

    def __init__(
        self,
        *,
        backbone: nn.Module,
        flow: Flow,
        refiner: JMPose,
        crop_size: tuple[int, int],
        flow_pairs: FlowPairs,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.flow = flow
        self.refiner = refiner
        self.crop_size = crop_size
        self.flow_pairs = flow_pairs
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Training mode for the refiner alone: the backbone's batch statistics stay as they are."""
        super().train(mode)
        self.backbone.eval()
        return self

    def initial(self, images: Tensor) -> Tensor:
        """RGB in [0, 1], (N, 3, H, W) -> initial heatmaps (N, K, h, w)."""
        normalised = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return self.backbone(normalised).heatmaps

    def forward(self, clips: Tensor) -> PoseOutput:
        """Clips (B, T, 3, H, W), RGB in [0, 1], in the order of time; the key frame is the middle one."""
        batch, frames = clips.shape[:2]
        initial = self.initial(clips.flatten(0, 1)).unflatten(0, (batch, frames))
        flow = self.flow_of(clips)
        return PoseOutput(initial, flow, self.refiner(initial, flow))

    def flow_of(self, clips: Tensor) -> Tensor:
        """Clips (B, T, 3, H, W) -> the flow that the refiner sees, (B, 4, 2, h, w) in heatmap cells."""
        batch, key = len(clips), clips.shape[1] // 2
        first = clips[:, [key + start for start, _ in self.flow_pairs]].flatten(0, 1)
        second = clips[:, [key + end for _, end in self.flow_pairs]].flatten(0, 1)
        return self.flow(first, second).unflatten(0, (batch, len(self.flow_pairs)))


def jmpose_lite() -> PoseNetwork:
    """The bundled variant: EfficientNet-Lite0 backbone, 256x192 crops, raft_small on adjacent frames."""
    return PoseNetwork(
        backbone=CompactBackbone(),
        flow=raft_small_flow(),
        refiner=jmpose_lite_refiner(),
        crop_size=(256, 192),
        flow_pairs=ADJACENT_PAIRS,
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
        flow_pairs=KEY_TO_SUPPORTING_PAIRS,
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

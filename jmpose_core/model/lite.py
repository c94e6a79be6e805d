"""What every network of the lite size shares; apart from `systems`, so that trainings need no reader of weights."""

from torch import nn

from jmpose_core.model.clip_maps import Refiner
from jmpose_core.model.flow import Flow
from jmpose_core.model.heatmaps import SIGMA_LITE
from jmpose_core.model.network import PoseNetwork, consecutive_pairs


def lite_network(backbone: nn.Module, flow: Flow | None, refiner: Refiner) -> PoseNetwork:
    """Behind a compact backbone: 256x192 crops in [-1, 1], 64x48 softmax heatmaps, flow between adjacent frames."""
    return PoseNetwork(
        backbone=backbone,
        flow=flow,
        refiner=refiner,
        crop_size=(256, 192),
        flow_pairs=consecutive_pairs(refiner),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        heatmap_sigma=SIGMA_LITE,
        softmax=True,
    )

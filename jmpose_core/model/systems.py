"""Every system by name: the builders that put backbone, flow and refiner together, with the numbers in them."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Literal, Unpack

import torch
from torch import Tensor

from jmpose_core.errors import WeightsError
from jmpose_core.model.calibration import without_calibrations
from jmpose_core.model.clip_maps import Refiner
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.dcpose import dcpose_lite_refiner, dcpose_w48_refiner
from jmpose_core.model.famipose import famipose_lite_refiner, famipose_w48_refiner
from jmpose_core.model.flow import LiteFlow, lite_flow, raft_large_flow
from jmpose_core.model.heatmaps import SIGMA_PAPER
from jmpose_core.model.hrnet import HRNet, SlotHRNet, hrnet_w32, hrnet_w48
from jmpose_core.model.jmpose import Switches, jmpose_lite_refiner, jmpose_w48_refiner
from jmpose_core.model.lite import lite_network
from jmpose_core.model.network import KEY_TO_SUPPORTING_PAIRS, PoseNetwork, consecutive_pairs
from jmpose_core.model.single_frame import SingleFrame
from jmpose_core.model.tdmi import tdmi_lite_refiner, tdmi_w48_refiner
from jmpose_core.skeleton import NUM_JOINTS
from jmpose_core.weights.base import completed
from jmpose_core.weights.files import WeightsCard, load_into, read_weights

_IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
_IMAGENET_STD: Final = (0.229, 0.224, 0.225)


def jmpose_lite(*, prior: bool = False, flow: LiteFlow = "raft_small", **switches: Unpack[Switches]) -> PoseNetwork:
    """The bundled variant: compact backbone, 256x192 crops, flow between adjacent frames.

    Args:
        flow: how it is found; raft_small, as weights files had it that do not name the option.
        prior: whether the backbone takes a person prior; off, as weights files had it that do not name the option.
        switches: of `jmpose_lite_refiner`, for the ablations and what lies beyond the paper.
    """
    return _lite(jmpose_lite_refiner(**switches), prior=prior, flow=flow)


def jmpose_w48(*, consecutive_flow: bool = False, **switches: Unpack[Switches]) -> PoseNetwork:
    """The paper's: HRNet-W48, 384x288 crops, raft_large.

    Args:
        consecutive_flow: equation 1 as printed, from frame to frame; else from the key frame, as the authors' code.
        switches: of `jmpose_w48_refiner`, for the ablations and what lies beyond the paper.

    Raises:
        ValueError: a switch that needs consecutive flow, without it.
    """
    if not consecutive_flow and (switches.get("align") or switches.get("occlusion")):
        raise ValueError("align and occlusion read flow from frame to frame: they need consecutive_flow")
    return _paper(hrnet_w48(), jmpose_w48_refiner(**switches), consecutive_flow=consecutive_flow)


def compact_lite(*, prior: bool = False) -> PoseNetwork:
    """The compact backbone alone: jmpose_lite's initial stage as a system of its own."""
    return _lite(SingleFrame(), prior=prior)


def dcpose_lite(*, prior: bool = False) -> PoseNetwork:
    """DCPose behind the compact backbone."""
    return _lite(dcpose_lite_refiner(), prior=prior)


def famipose_lite(*, prior: bool = False) -> PoseNetwork:
    """FAMI-Pose behind the compact backbone."""
    return _lite(famipose_lite_refiner(), prior=prior)


def tdmi_lite(*, spatio_temporal: bool = False, prior: bool = False) -> PoseNetwork:
    """TDMI, or TDMI-ST, behind the compact backbone."""
    return _lite(tdmi_lite_refiner(spatio_temporal=spatio_temporal), prior=prior)


def hrnet_w48_pose() -> PoseNetwork:
    """HRNet-W48 alone at 384x288."""
    return _paper(hrnet_w48(), SingleFrame())


def hrnet_w32_pose() -> PoseNetwork:
    """HRNet-W32 alone at 384x288."""
    return _paper(hrnet_w32(), SingleFrame())


def dcpose_w48(*, joints: Literal[15, 17] = 15) -> PoseNetwork:
    """DCPose as published, behind HRNet-W48 at 384x288.

    Args:
        joints: maps inside; 17 as the published weights, of which the program's 15 joints come out.
    """
    backbone = hrnet_w48() if joints == NUM_JOINTS else SlotHRNet(width=48)
    return _paper(backbone, dcpose_w48_refiner(joints=joints))


def famipose_w48() -> PoseNetwork:
    """FAMI-Pose as published, behind HRNet-W48 at 384x288."""
    return _paper(hrnet_w48(), famipose_w48_refiner())


def tdmi_w48(*, spatio_temporal: bool = False) -> PoseNetwork:
    """TDMI, or TDMI-ST, behind HRNet-W48 at 384x288."""
    return _paper(hrnet_w48(), tdmi_w48_refiner(spatio_temporal=spatio_temporal))


def _lite(refiner: Refiner, *, prior: bool, flow: LiteFlow = "raft_small") -> PoseNetwork:
    return lite_network(CompactBackbone(prior=prior), lite_flow(flow) if refiner.uses_flow else None, refiner)


def _paper(backbone: HRNet, refiner: Refiner, *, consecutive_flow: bool = False) -> PoseNetwork:
    return PoseNetwork(
        backbone=backbone,
        flow=raft_large_flow() if refiner.uses_flow else None,
        refiner=refiner,
        crop_size=(384, 288),
        flow_pairs=consecutive_pairs(refiner) if consecutive_flow else KEY_TO_SUPPORTING_PAIRS,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        heatmap_sigma=SIGMA_PAPER,
        softmax=False,
    )


# Every system by the name that weights files and the command line use.
POSE_NETWORKS: Final[dict[str, Callable[..., PoseNetwork]]] = {
    "jmpose_lite": jmpose_lite,
    "compact_lite": compact_lite,
    "dcpose_lite": dcpose_lite,
    "famipose_lite": famipose_lite,
    "tdmi_lite": tdmi_lite,
    "tdmi_st_lite": partial(tdmi_lite, spatio_temporal=True),
    "jmpose_w48": jmpose_w48,
    "jmpose_star_w48": partial(jmpose_w48, motion="difference"),
    "jmpose_without_cjl_w48": partial(jmpose_w48, cjl=False),
    "jmpose_without_jmml_w48": partial(jmpose_w48, jmml=False),
    "jmpose_without_jmib_w48": partial(jmpose_w48, jmib=False),
    "hrnet_w48": hrnet_w48_pose,
    "hrnet_w32": hrnet_w32_pose,
    "dcpose_w48": dcpose_w48,
    "famipose_w48": famipose_w48,
    "tdmi_w48": tdmi_w48,
    "tdmi_st_w48": partial(tdmi_w48, spatio_temporal=True),
}


def load_pose_network(weights: str | Path) -> PoseNetwork:
    """The network that a weights file was made for, with its weights.

    Raises:
        WeightsError: no such file, not a pose network's, or a tensor does not fit.
    """
    state, card = read_weights(weights)
    return pose_network(state, card, place=str(weights))


def pose_network(state: Mapping[str, Tensor], card: WeightsCard, *, place: str) -> PoseNetwork:
    """The network that tensors and card of a weights file describe.

    Raises:
        WeightsError: not a pose network's, or a tensor does not fit.
    """
    if card.variant not in POSE_NETWORKS:
        raise WeightsError(f"{place}: holds {card.variant}, not one of {', '.join(POSE_NETWORKS)}")
    network = POSE_NETWORKS[card.variant](**card.options)
    own = without_calibrations(state)
    load_into(network, completed(own, card, needed=network.state_dict(), place=place), place=place)
    return network.to(memory_format=torch.channels_last)

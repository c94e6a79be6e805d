"""A whole pose network: backbone, flow and refiner as one module."""

from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import torch
from torch import Tensor, nn

from jmpose_core.devices import backbone_precision
from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.clip_maps import ClipMaps, Refined, Refiner
from jmpose_core.model.flow import Flow

FlowPairs: TypeAlias = tuple[tuple[int, int], ...]  # (from, to) in frames from the key frame


def adjacent_pairs(reach: int) -> FlowPairs:
    """Equation 1 as printed: each adjacent pair serves every window that contains it, so it passes RAFT once."""
    return tuple((step, step + 1) for step in range(-reach, reach))


def consecutive_pairs(refiner: Refiner) -> FlowPairs:
    """The adjacent pairs of a refiner's window, and the same backwards for one that compares the two."""
    forward = adjacent_pairs(refiner.frames // 2)
    backward = tuple((end, start) for start, end in forward)
    return (forward + backward)[: refiner.flow_fields]


# As the authors' code runs it: every field lives on the key frame's grid, as the aggregated heatmaps do.
KEY_TO_SUPPORTING_PAIRS: Final[FlowPairs] = ((0, -2), (0, -1), (0, 1), (0, 2))


@dataclass(frozen=True)
class PoseOutput:
    """What a pose network says of B clips.

    maps: what the fixed parts made of them: initial heatmaps, features, flow.
    refined: the refiner's own output, with `refined` heatmaps and `logits` at least.
    """

    maps: ClipMaps
    refined: Refined


class PoseNetwork(nn.Module):
    """Clips of crops -> heatmaps. The backbone and RAFT are held fixed; the refiner is what training changes.

    Its three parts are also called one by one: streaming passes each frame
    through the backbone and each frame pair through RAFT once.

    Args:
        flow: RAFT; None for a refiner that uses none.
        refiner: of the family; `SingleFrame` for the backbone alone.
        crop_size: height, width of the crops.
        flow_pairs: between which frames of a window the refiner sees flow.
        mean, std: of the backbone's input, per channel, for RGB in [0, 1].
        heatmap_sigma: of the Gaussians that it is trained to, in cells.
        softmax: heatmaps are spatial softmaxes, not regressed.
    """

    def __init__(
        self,
        *,
        backbone: nn.Module,
        flow: Flow | None,
        refiner: Refiner,
        crop_size: tuple[int, int],
        flow_pairs: FlowPairs = (),
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        heatmap_sigma: float,
        softmax: bool,
    ) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.flow = flow
        self.refiner: Refiner = refiner
        self.crop_size = crop_size
        self.flow_pairs = flow_pairs
        self.heatmap_sigma = heatmap_sigma
        self.softmax = softmax
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.train(self.training)

    @property
    def delta(self) -> int:
        """Supporting frames on either side of the key frame."""
        return self.refiner.frames // 2

    def train(self, mode: bool = True) -> Self:
        """Training mode for the refiner alone: the backbone's batch statistics stay as they are."""
        super().train(mode)
        self.backbone.eval()
        return self

    @property
    def takes_prior(self) -> bool:
        """Whether its backbone takes a person prior and was trained with one."""
        return getattr(self.backbone, "prior", None) is not None

    def of_frames(self, images: Tensor, prior: Tensor | None = None) -> BackboneOutput:
        """RGB in [0, 1], (N, 3, H, W) -> the backbone's initial heatmaps (N, K, h, w) and features.

        Args:
            images: the crops.
            prior: (N, PRIOR_CHANNELS, h, w) of `person_prior`, one a crop; None where nothing is known.

        Raises:
            ValueError: a prior for a network that takes none.
        """
        if prior is not None and not self.takes_prior:
            raise ValueError("this network takes no person prior; its weights were trained without one")
        normalised = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        with backbone_precision(images.device):
            found = self.backbone(normalised) if prior is None else self.backbone(normalised, prior)
        return found.in_single_precision()

    def maps_of(self, clips: Tensor, priors: Tensor | None = None) -> ClipMaps:
        """Clips (B, T, 3, H, W), RGB in [0, 1], in the order of time -> what the fixed parts make of them.

        Args:
            clips: the crops.
            priors: (B, T, PRIOR_CHANNELS, h, w), one a frame; None where nothing is known.
        """
        shape = clips.shape[:2]
        frames = self.of_frames(clips.flatten(0, 1), None if priors is None else priors.flatten(0, 1))
        features = frames.features if self.refiner.uses_features else ()
        return ClipMaps(
            frames.heatmaps.unflatten(0, shape),
            tuple(feature.unflatten(0, shape) for feature in features),
            self.flow_of(clips) if self.refiner.uses_flow else None,
        )

    def forward(self, clips: Tensor, priors: Tensor | None = None) -> PoseOutput:
        """Clips (B, T, 3, H, W), RGB in [0, 1], in the order of time; the key frame is the middle one.

        Args:
            clips: the crops.
            priors: (B, T, PRIOR_CHANNELS, h, w), one a frame; None where nothing is known.
        """
        maps = self.maps_of(clips, priors)
        return PoseOutput(maps, self.refiner(maps))

    def flow_of(self, clips: Tensor) -> Tensor:
        """Clips (B, T, 3, H, W) -> the flow that the refiner sees, (B, P, 2, h, w) in heatmap cells."""
        if self.flow is None:
            raise ValueError("this network has no flow")
        batch, key = len(clips), clips.shape[1] // 2
        first = clips[:, [key + start for start, _ in self.flow_pairs]].flatten(0, 1)
        second = clips[:, [key + end for _, end in self.flow_pairs]].flatten(0, 1)
        return self.flow(first, second).unflatten(0, (batch, len(self.flow_pairs)))

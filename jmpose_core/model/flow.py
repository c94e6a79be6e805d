"""Optical flow between two crops of one person, for JM-Pose and for the flow panel.

Flow (u, v) at pixel p of the first crop says that its content lies at p + (u, v) in the second: with the key
crop first, every field lies on the key frame's grid. Three ways to find it, alike to whoever asks:

- `RaftFlow`: RAFT (Teed and Deng, ECCV 2020) as torchvision implements it, the paper's.
- `SearchFlow`: OpenCV's dense inverse search. It learns nothing and takes a few milliseconds of a CPU.
- `GuidedFlow`: a RAFT that starts from that search's answer, in few updates.
"""

import copy
from abc import abstractmethod
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.optical_flow import RAFT, raft_large, raft_small
from torchvision.models.optical_flow._utils import make_coords_grid, upsample_flow

from jmpose_core.model.dense_inverse_search import DenseInverseSearch
from jmpose_core.model.guided_raft import FrameFeatures, GuidedRaft, guided_raft_lite, guided_raft_small

HEATMAP_FLOW_LIMIT = 24.0  # heatmap cells; a quarter of a 96-cell heatmap in one frame step
RAFT_STRIDE = 8
RAFT_MINIMUM = 128  # below it the correlation pyramid's last level has a single cell

_AT_ONCE = 16  # images or pairs a pass
_LITE_SIZE: Final = (192, 144)  # height, width
_LITE_HEATMAP: Final = (64, 48)

Pair: TypeAlias = tuple[int, int]  # from one image to another, by their places
LiteFlow: TypeAlias = Literal["raft_small", "dis", "guided_small", "guided_lite"]
LITE_FLOWS: Final[tuple[LiteFlow, ...]] = get_args(LiteFlow)


class Flow(nn.Module):
    """A way to find flow, held fixed: always in eval mode, without gradients, whatever the model around it does.

    Args:
        size: height, width in pixels at which the flow is computed, multiples of 8 of at least 128.
        heatmap_size: height, width of the grid that `forward` answers on; divides `size` by one whole number.

    Raises:
        ValueError: sizes that the method or the heatmap grid cannot have.
    """

    multiple = RAFT_STRIDE  # of both sides of the frames that `at_own_size` takes

    def __init__(self, *, size: tuple[int, int], heatmap_size: tuple[int, int]) -> None:
        super().__init__()
        if any(side % RAFT_STRIDE or side < RAFT_MINIMUM for side in size):
            raise ValueError(f"flow size {size}: both sides must be multiples of 8 and at least 128")
        self.pixels_per_cell = _pixels_per_cell(size, heatmap_size)
        self.size = size
        self.heatmap_size = heatmap_size

    @property
    @abstractmethod
    def steps(self) -> str:
        """What it does between two frames, in words."""

    def on_grid(self, heatmap_size: tuple[int, int]) -> "Flow":
        """The same flow, its weights shared, answering on another grid.

        Raises:
            ValueError: the grid does not divide `size` by one whole number.
        """
        other = copy.copy(self)
        other.pixels_per_cell, other.heatmap_size = _pixels_per_cell(self.size, heatmap_size), heatmap_size
        return other

    def searching(self) -> "SearchFlow":
        """Dense inverse search in this flow's place, of the same sizes."""
        return SearchFlow(size=self.size, heatmap_size=self.heatmap_size)

    def train(self, mode: bool = True) -> "Flow":
        """Stay in eval mode: a model in training keeps its flow fixed (raft_large's BatchNorm would drift)."""
        return super().train(False)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow on the heatmap grid.

        Args:
            first, second: (B, 3, H, W) RGB in [0, 1], crops in the aspect of `size`.

        Returns:
            (B, 2, h, w), in heatmap cells, u to the right and v down, within +-24.

        Raises:
            ValueError: crops of other or unequal shapes.
        """
        return self._in_cells(self._flow(first, second))

    @torch.no_grad()
    def between(self, images: Tensor, pairs: Sequence[Pair]) -> Tensor:
        """Flow on the heatmap grid for pairs of several images; each image is encoded once, however many pairs have it.

        Args:
            images: (N, 3, H, W) RGB in [0, 1], crops in the aspect of `size`.
            pairs: P of them, by places in `images`; an image with itself has no flow.

        Returns:
            (P, 2, h, w), in heatmap cells, u to the right and v down, within +-24.
        """
        moving = [pair for pair in pairs if pair[0] != pair[1]]
        found = images.new_zeros((len(pairs), 2, *self.heatmap_size))
        if moving:
            flow = self._in_cells(self._between(self._resized(images), moving))
            found[[index for index, pair in enumerate(pairs) if pair[0] != pair[1]]] = flow.to(found)
        return found

    def flow_in_pixels(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow at the crops' own resolution, (B, 2, H, W) in crop pixels, for people to look at."""
        flow = self._flow(first, second)
        height, width = first.shape[-2:]
        scale = flow.new_tensor([width / self.size[1], height / self.size[0]]).view(1, 2, 1, 1)
        return F.interpolate(flow, (height, width), mode="bilinear", align_corners=False) * scale

    @torch.no_grad()
    def at_own_size(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow of whole frames, (B, 2, H, W) in their pixels.

        Args:
            first, second: (B, 3, H, W) RGB in [0, 1], both sides of `multiple` and at least 128.

        Raises:
            ValueError: frames of unequal shapes.
        """
        _check_pair(first, second)
        return self._of_pair(first, second)

    @abstractmethod
    def _of_pair(self, first: Tensor, second: Tensor) -> Tensor:
        """Images (B, 3, H, W) RGB in [0, 1] -> (B, 2, H, W), in their pixels."""

    def _between(self, images: Tensor, pairs: Sequence[Pair]) -> Tensor:
        """Images (N, 3, *size) in [0, 1] -> (P, 2, *size), in their pixels."""
        batches = [pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE)]
        return torch.cat(
            [self._of_pair(*(images[list(side)] for side in zip(*batch, strict=True))) for batch in batches]
        )

    def _in_cells(self, flow: Tensor) -> Tensor:
        """Flow at `size` in its pixels -> on the heatmap grid in cells."""
        flow = F.avg_pool2d(flow, self.pixels_per_cell) / self.pixels_per_cell
        return flow.clamp(-HEATMAP_FLOW_LIMIT, HEATMAP_FLOW_LIMIT)

    def _flow(self, first: Tensor, second: Tensor) -> Tensor:
        """(B, 2, *size), in pixels of that size."""
        _check_pair(first, second)
        return self.at_own_size(self._resized(first), self._resized(second))

    def _resized(self, crop: Tensor) -> Tensor:
        if tuple(crop.shape[-2:]) == tuple(self.size):
            return crop
        return F.interpolate(crop, self.size, mode="bilinear", align_corners=False, antialias=True)


class SearchFlow(Flow):
    """Dense inverse search, on the CPU wherever the images are. No parameters.

    Args:
        size, heatmap_size: of `Flow`.
        fine: about three times slower, and finer.
    """

    def __init__(self, *, size: tuple[int, int], heatmap_size: tuple[int, int], fine: bool = False) -> None:
        super().__init__(size=size, heatmap_size=heatmap_size)
        self._search = DenseInverseSearch(fine=fine)
        self.eval()

    @property
    def steps(self) -> str:
        return "dense inverse search"

    def _of_pair(self, first: Tensor, second: Tensor) -> Tensor:
        return self._search.between(first, second)


class RaftFlow(Flow):
    """torchvision's RAFT.

    Args:
        raft: called as raft(first, second, num_flow_updates=n) with RGB in [-1, 1]; its last answer counts.
        updates: recurrent updates; more is slower and finer.
        size, heatmap_size: of `Flow`.

    Raises:
        ValueError: sizes that RAFT or the heatmap grid cannot have, or no update.
    """

    def __init__(self, raft: nn.Module, *, updates: int, size: tuple[int, int], heatmap_size: tuple[int, int]) -> None:
        super().__init__(size=size, heatmap_size=heatmap_size)
        self.raft = raft.requires_grad_(False)
        self.updates = _checked(updates)
        self.eval()

    @property
    def steps(self) -> str:
        return f"{self.updates} updates"

    def _of_pair(self, first: Tensor, second: Tensor) -> Tensor:
        return self.raft(first * 2 - 1, second * 2 - 1, num_flow_updates=self.updates)[-1]

    def _between(self, images: Tensor, pairs: Sequence[Pair]) -> Tensor:
        return _raft_between(cast(RAFT, self.raft), images * 2 - 1, pairs, self.updates)


class GuidedFlow(Flow):
    """A RAFT that starts from fine dense inverse search.

    Args:
        raft: given frames' features and a start.
        updates: recurrent updates, as it was trained with.
        size, heatmap_size: of `Flow`.

    Raises:
        ValueError: sizes that RAFT or the heatmap grid cannot have, or no update.
    """

    def __init__(self, raft: GuidedRaft, *, updates: int, size: tuple[int, int], heatmap_size: tuple[int, int]) -> None:
        super().__init__(size=size, heatmap_size=heatmap_size)
        self.raft = raft.requires_grad_(False)
        self.multiple = raft.multiple
        self.updates = _checked(updates)
        self._search = DenseInverseSearch(fine=True)
        self.eval()

    @property
    def steps(self) -> str:
        return f"dense inverse search and {self.updates} updates"

    def _of_pair(self, first: Tensor, second: Tensor) -> Tensor:
        start = self._search.between(first, second)
        return self.raft(first * 2 - 1, second * 2 - 1, start, self.updates)[-1]

    def _between(self, images: Tensor, pairs: Sequence[Pair]) -> Tensor:
        starts = self._search.of_pairs(images, pairs)
        features = FrameFeatures.joined([self.raft.encode(part * 2 - 1) for part in images.split(_AT_ONCE)])
        flows = []
        for start in range(0, len(pairs), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            firsts, seconds = (list(side) for side in zip(*pairs[part], strict=True))
            flows.append(self.raft.between(features[firsts], features[seconds], starts[part], self.updates)[-1])
        return torch.cat(flows)


def lite_flow(kind: LiteFlow) -> Flow:
    """For jmpose_lite: 256x192 crops, 64x48 heatmaps, flow at 192x144. Untrained.

    Raises:
        ValueError: no such kind.
    """
    if kind == "dis":
        return SearchFlow(size=_LITE_SIZE, heatmap_size=_LITE_HEATMAP)
    if kind == "guided_small":
        return GuidedFlow(guided_raft_small(), updates=3, size=_LITE_SIZE, heatmap_size=_LITE_HEATMAP)
    if kind == "guided_lite":
        return GuidedFlow(guided_raft_lite(), updates=3, size=_LITE_SIZE, heatmap_size=_LITE_HEATMAP)
    if kind == "raft_small":
        return raft_small_flow()
    raise ValueError(f"flow {kind!r}: not one of {', '.join(LITE_FLOWS)}")


def raft_small_flow() -> RaftFlow:
    """For jmpose_lite: torchvision's raft_small, 0.99 M parameters, untrained."""
    return RaftFlow(raft_small(weights=None), updates=6, size=_LITE_SIZE, heatmap_size=_LITE_HEATMAP)


def raft_large_flow() -> RaftFlow:
    """For jmpose_w48: 384x288 crops, 96x72 heatmaps, flow at 192x144. 5.26 M parameters, untrained."""
    return RaftFlow(raft_large(weights=None), updates=12, size=(192, 144), heatmap_size=(96, 72))


def _pixels_per_cell(size: tuple[int, int], heatmap_size: tuple[int, int]) -> int:
    cell = size[0] // heatmap_size[0]
    if (heatmap_size[0] * cell, heatmap_size[1] * cell) != tuple(size):
        raise ValueError(f"heatmap size {heatmap_size} does not divide flow size {size} by one whole number")
    return cell


def _checked(updates: int) -> int:
    if updates < 1:
        raise ValueError(f"updates is {updates}; RAFT needs at least one")
    return updates


def _check_pair(first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape or first.ndim != 4 or first.shape[1] != 3:
        raise ValueError(f"flow needs two B x 3 x H x W images, got {tuple(first.shape)} and {tuple(second.shape)}")


def _raft_between(raft: RAFT, images: Tensor, pairs: Sequence[Pair], updates: int) -> Tensor:
    """What `raft` says of pairs of images (N, 3, H, W) in [-1, 1]: (P, 2, H, W), in pixels.

    torchvision's RAFT.forward, but for two things: an image in several pairs is encoded once, and the flow is brought
    to the images' size after the last update alone.
    """
    firsts = sorted({first for first, _ in pairs})
    place = {index: row for row, index in enumerate(firsts)}
    features = _in_batches(raft.feature_encoder, images)
    contexts = _in_batches(raft.context_encoder, images[firsts])
    flows = []
    for start in range(0, len(pairs), _AT_ONCE):
        batch = pairs[start : start + _AT_ONCE]
        raft.corr_block.build_pyramid(
            features[[first for first, _ in batch]], features[[second for _, second in batch]]
        )
        context = contexts[[place[first] for first, _ in batch]]
        state, context = context.split(
            [raft.update_block.hidden_state_size, context.shape[1] - raft.update_block.hidden_state_size], dim=1
        )
        state, context = state.tanh(), context.relu()
        grid = make_coords_grid(len(batch), context.shape[-2], context.shape[-1]).to(images.device)
        moved = grid
        for _ in range(updates):
            correlation = raft.corr_block.index_pyramid(centroids_coords=moved)
            state, change = raft.update_block(state, context, correlation, moved - grid)
            moved = moved + change
        mask = None if raft.mask_predictor is None else raft.mask_predictor(state)
        flows.append(upsample_flow(flow=moved - grid, up_mask=mask))
    return torch.cat(flows)


def _in_batches(encoder: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([encoder(part) for part in images.split(_AT_ONCE)])

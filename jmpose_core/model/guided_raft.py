"""RAFT that starts from a flow already known, as dense inverse search finds one, and merges its answer with it.

RAFT (Teed and Deng, ECCV 2020) is built from torchvision's parts. What is ours: the recurrence starts at the given
flow in place of zero, so that few updates do; and `Merge` joins the two flows at half size, because RAFT's
own answer lies on a grid of 8 pixels and loses limbs that the given flow may have.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.optical_flow import raft_small
from torchvision.models.optical_flow.raft import (
    BottleneckBlock,
    CorrBlock,
    FeatureEncoder,
    FlowHead,
    MotionEncoder,
    RecurrentBlock,
    UpdateBlock,
)

from jmpose_core.model.warping import sampled_at

STRIDE: Final = 8  # of RAFT's features


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """What one frame contributes to every pair that it is in.

    matching: (N, C, H/8, W/8), correlated with the other frame's.
    context: (N, hidden + context, H/8, W/8), of a pair's first frame.
    shrunk: (N, 3, H/s, W/s), the frame itself in [-1, 1], s the stride of `Merge`.
    """

    matching: Tensor
    context: Tensor
    shrunk: Tensor

    def __getitem__(self, chosen: Tensor | slice | list[int]) -> "FrameFeatures":
        return FrameFeatures(self.matching[chosen], self.context[chosen], self.shrunk[chosen])

    @staticmethod
    def joined(parts: "Sequence[FrameFeatures]") -> "FrameFeatures":
        """Those of several passes, one after another."""
        return FrameFeatures(
            torch.cat([part.matching for part in parts]),
            torch.cat([part.context for part in parts]),
            torch.cat([part.shrunk for part in parts]),
        )


class Merge(nn.Module):
    """Two flows of one pair -> one: which of them to believe where, and what both miss.

    Args:
        hidden: channels of RAFT's hidden state.
        width: channels of its own.
        stride: frame pixels a cell of its grid.
    """

    def __init__(self, hidden: int, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.squeeze = nn.Conv2d(hidden, width // 2, 1)
        self.layers = nn.Sequential(
            nn.Conv2d(3 * 3 + 2 * 2 + width // 2, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=2, dilation=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=4, dilation=4),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.answer = nn.Conv2d(width, 3, 3, padding=1)
        nn.init.zeros_(self.answer.weight)  # it starts as the mean of the two flows
        assert self.answer.bias is not None
        nn.init.zeros_(self.answer.bias)

    def forward(self, first: Tensor, second: Tensor, start: Tensor, found: Tensor, hidden: Tensor) -> Tensor:
        """Merge `start` and `found`.

        Args:
            first, second: (B, 3, h, w), the shrunk frames.
            start, found: (B, 2, h, w), flows in cells of this grid.
            hidden: (B, hidden, H/8, W/8).

        Returns:
            (B, 2, h, w), in cells.
        """
        misses = [first - sampled_at(second, flow) for flow in (start, found)]
        state = F.interpolate(self.squeeze(hidden), first.shape[-2:], mode="bilinear")
        seen = torch.cat([first, *misses, start / STRIDE, found / STRIDE, state], dim=1)
        choice, correction = self.answer(self.layers(seen)).split([1, 2], dim=1)
        trust = choice.sigmoid()
        return trust * found + (1 - trust) * start + correction


class GuidedRaft(nn.Module):
    """Flow between two frames from a start.

    Args:
        feature_encoder: (N, 3, H, W) in [-1, 1] -> (N, C, H/8, W/8), C the matching features; without a context
            encoder they are followed by the context.
        context_encoder: the same, for a pair's first frame; None where the feature encoder gives both.
        update_block, corr_block: torchvision's.
        merge_width, merge_stride: of `Merge`.
    """

    def __init__(
        self,
        *,
        feature_encoder: FeatureEncoder,
        context_encoder: FeatureEncoder | None,
        corr_block: CorrBlock,
        update_block: UpdateBlock,
        context_channels: int,
        merge_width: int,
        merge_stride: int,
    ) -> None:
        super().__init__()
        self.feature_encoder = feature_encoder
        self.context_encoder = context_encoder
        self.corr_block = corr_block
        self.update_block = update_block
        self.context_channels = context_channels
        self.merge = Merge(update_block.hidden_state_size, merge_width, merge_stride)
        self.multiple = math.lcm(STRIDE, merge_stride)  # of both sides of the frames

    def encode(self, frames: Tensor) -> FrameFeatures:
        """Frames (N, 3, H, W) in [-1, 1], sides of `multiple` -> what every pair with them needs."""
        shrunk = F.avg_pool2d(frames, self.merge.stride)
        matching = self.feature_encoder(frames)
        if self.context_encoder is not None:
            return FrameFeatures(matching, self.context_encoder(frames), shrunk)
        of_context = self.context_channels + self.update_block.hidden_state_size
        matching, context = matching.split([matching.shape[1] - of_context, of_context], dim=1)
        return FrameFeatures(matching, context, shrunk)

    def between(self, first: FrameFeatures, second: FrameFeatures, start: Tensor, updates: int) -> list[Tensor]:
        """Flow from frames to frames.

        Args:
            start: (B, 2, H, W), pixels.
            updates: of RAFT's recurrence, at least one.

        Returns:
            (B, 2, H, W) flows in pixels: one of every update in training, then the merged one, which is the answer.
        """
        self.corr_block.build_pyramid(first.matching.float(), second.matching.float())
        hidden, context = first.context.split([self.update_block.hidden_state_size, self.context_channels], dim=1)
        hidden, context = hidden.tanh(), context.relu()
        flow = F.avg_pool2d(start.float(), STRIDE) / STRIDE
        places = _grid(flow)
        answers = []
        for _ in range(updates):
            flow = flow.detach()  # as RAFT: each update learns from its own error alone
            correlation = self.corr_block.index_pyramid(centroids_coords=places + flow)
            hidden, change = self.update_block(hidden, context, correlation, flow)
            flow = flow + change.float()
            if self.training:
                answers.append(_enlarged(flow, start.shape[-2:]))
        shrunk_start = F.avg_pool2d(start.float(), self.merge.stride) / self.merge.stride
        found = _enlarged(flow.detach(), shrunk_start.shape[-2:])
        merged = self.merge(first.shrunk, second.shrunk, shrunk_start, found, hidden)
        return [*answers, _enlarged(merged.float(), start.shape[-2:])]

    def forward(self, first: Tensor, second: Tensor, start: Tensor, updates: int) -> list[Tensor]:
        """Frames (B, 3, H, W) in [-1, 1] and a start (B, 2, H, W) in pixels -> flows as `between` gives them."""
        both = self.encode(torch.cat([first, second]))
        return self.between(both[: len(first)], both[len(first) :], start, updates)


def guided_raft_small() -> GuidedRaft:
    """torchvision's raft_small, its parameters by its names, with a start and a merge. 1.0 M parameters, untrained."""
    raft = raft_small(weights=None)
    hidden = raft.update_block.hidden_state_size
    return GuidedRaft(
        feature_encoder=raft.feature_encoder,
        context_encoder=raft.context_encoder,
        corr_block=raft.corr_block,
        update_block=raft.update_block,
        context_channels=raft.context_encoder.output_dim - hidden,
        merge_width=32,
        merge_stride=2,
    )


def guided_raft_lite() -> GuidedRaft:
    """A narrower RAFT for a CPU: one encoder with batch norm for both of its uses, three levels. Untrained."""
    matching, hidden, context = 64, 48, 32
    encoder = FeatureEncoder(
        block=BottleneckBlock,  # type: ignore[arg-type] - torchvision's annotation names its other block alone
        layers=(24, 24, 48, 64, matching + hidden + context),
        norm_layer=nn.BatchNorm2d,
    )
    corr_block = CorrBlock(num_levels=3, radius=3)
    motion_encoder = MotionEncoder(
        in_channels_corr=corr_block.out_channels, corr_layers=(64,), flow_layers=(32, 16), out_channels=40
    )
    recurrent = RecurrentBlock(input_size=40 + context, hidden_size=hidden, kernel_size=(3,), padding=(1,))
    update_block = UpdateBlock(
        motion_encoder=motion_encoder,
        recurrent_block=recurrent,
        flow_head=FlowHead(in_channels=hidden, hidden_size=64),
    )
    return GuidedRaft(
        feature_encoder=encoder,
        context_encoder=None,
        corr_block=corr_block,
        update_block=update_block,
        context_channels=context,
        merge_width=24,
        merge_stride=3,
    )


def _grid(flow: Tensor) -> Tensor:
    """(B, 2, h, w), the x and y of each cell."""
    height, width = flow.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=flow.device, dtype=flow.dtype),
        torch.arange(width, device=flow.device, dtype=flow.dtype),
        indexing="ij",
    )
    return torch.stack([x, y]).expand(len(flow), -1, -1, -1)


def _enlarged(flow: Tensor, size: tuple[int, ...]) -> Tensor:
    """A flow on a finer grid, in its cells. Cell centres meet; torchvision's way shifts a field by half a cell."""
    return F.interpolate(flow, size, mode="bilinear", align_corners=False) * (size[-1] / flow.shape[-1])

"""A backbone by itself: HRNet as the paper compares it, and the base that every refiner starts from."""

from dataclasses import dataclass

from torch import Tensor

from jmpose_core.model.clip_maps import ClipMaps, Refiner


@dataclass(frozen=True, slots=True)
class SingleFrameOutput:
    """The initial heatmaps (B, K, h, w) as they are."""

    refined: Tensor
    logits: Tensor


class SingleFrame(Refiner):
    """Refines nothing: the key frame's initial heatmaps are the answer. No parameters."""

    frames = 1
    uses_features = False
    uses_flow = False

    def forward(self, clips: ClipMaps) -> SingleFrameOutput:
        return SingleFrameOutput(clips.key_initial, clips.key_initial)

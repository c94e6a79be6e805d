"""Confidence as a probability: that a joint lies within half a head size of the truth.

A softmax heatmap's peak says how sharp a network's opinion is, not how often it is
right, and "right" depends on the person's size in the crop. So three pieces of evidence,
each read from the heatmaps alone, are mapped to a probability by a logistic model that
`train.lite.calibration` fits on held-out people (Platt, 1999). It is kept with the weights,
one for each stage, under `calibration.<stage>.`; weights without one give the raw peak.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import torch
from torch import Tensor, nn

from jmpose_core.errors import WeightsError
from jmpose_core.model.stages import Stage
from jmpose_core.skeleton import JOINT_INDEX, NUM_JOINTS

EVIDENCE: Final = ("log peak", "mass near the peak", "lead over the second peak")
HEAD_PER_SEGMENT: Final = 0.75  # PoseTrack's head size by |head_top - head_bottom|: median of 9,010 labelled heads
HEAD_PER_TORSO: Final = 0.33  # head size by shoulder to opposite hip: median of LSP-Extended's training people
_PREFIX: Final = "calibration."
_PEAKS: Final = (0.01, 2.0)  # outside, the peak's logarithm says no more
_HEADS: Final = (1 / 32, 1 / 5)  # of the map's height; estimates outside are of a pose gone wrong
_SPANS: Final = (
    ("head_bottom", "head_top", HEAD_PER_SEGMENT),
    ("left_shoulder", "right_hip", HEAD_PER_TORSO),
    ("right_shoulder", "left_hip", HEAD_PER_TORSO),
)


class RawPeak(nn.Module):
    """The confidence of weights that were never calibrated: (N, K, h, w) -> the peak held in 0..1, (N, K)."""

    def forward(self, heatmaps: Tensor) -> Tensor:
        return heatmaps.float().amax(dim=(-2, -1)).clamp(0, 1)


class PeakCalibration(nn.Module):
    """Heatmaps (N, 15, h, w) -> probability (N, 15) that each joint lies within half a head size of the truth.

    The more the peak's own cell holds, all else unchanged, the higher the probability: every slope is at least 0.
    """

    def __init__(self, slopes: Tensor | None = None, offsets: Tensor | None = None) -> None:
        """Slopes of the evidence (3,), and each joint's log odds at none (15,). By default every probability is 0.5."""
        super().__init__()
        self.slopes: Tensor
        self.offsets: Tensor
        self.register_buffer("slopes", torch.zeros(len(EVIDENCE)) if slopes is None else slopes.float())
        self.register_buffer("offsets", torch.zeros(NUM_JOINTS) if offsets is None else offsets.float())

    def forward(self, heatmaps: Tensor) -> Tensor:
        return self.probability(evidence(heatmaps))

    def probability(self, found: Tensor) -> Tensor:
        """Evidence (N, 15, 3) -> probability (N, 15)."""
        # A sum, not a matrix product: autocast would round that to bfloat16.
        return torch.sigmoid((found * self.slopes).sum(dim=-1) + self.offsets)


def evidence(heatmaps: Tensor) -> Tensor:
    """What speaks for each joint of (N, 15, h, w), in the order of EVIDENCE, more being surer: (N, 15, 3).

    The logarithm of the peak; the share of the map's mass within half a head of the peak; the peak's
    lead over whatever is highest more than one head away, as a share of the peak. Every value depends on
    the other joints only through the head size that the pose suggests.
    """
    maps = heatmaps.float().clamp_min(0)
    height, width = maps.shape[-2:]
    peak, index = maps.flatten(2).max(dim=2)
    row, column = torch.div(index, width, rounding_mode="floor"), index % width
    head = _head_in_cells(torch.stack([column, row], dim=2).float())
    head = head.clamp(height * _HEADS[0], height * _HEADS[1])[:, None, None, None]
    distance = _distance(maps, row, column)
    near = (head / 2 + 0.5 - distance).clamp(0, 1)  # a disc whose edge is one cell wide
    share = (maps * near).sum(dim=(2, 3)) / maps.sum(dim=(2, 3)).clamp_min(1e-6)
    second = (maps * (distance > head)).amax(dim=(2, 3))
    lead = (peak - second) / peak.clamp_min(1e-6)
    return torch.stack([peak.clamp(_PEAKS[0], _PEAKS[1]).log(), share, lead], dim=2)


def confidence_of(state: Mapping[str, Tensor], stage: Stage, *, place: str) -> nn.Module:
    """How the stage's heatmaps (N, 15, h, w) become confidences (N, 15): calibrated where the weights say how.

    Args:
        state: all tensors of a weights file.
        place: the file's name, for messages.

    Raises:
        WeightsError: the calibration is not one of this program's.
    """
    prefix = f"{_PREFIX}{stage}."
    own = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    if not own:
        return RawPeak()
    calibration = PeakCalibration()
    shapes = {name: tensor.shape for name, tensor in calibration.state_dict().items()}
    if {name: tensor.shape for name, tensor in own.items()} != shapes:
        raise WeightsError(f"{place}: {prefix}* is no calibration of this program; fit one with train.lite.calibration")
    calibration.load_state_dict(own)
    return calibration


def with_calibrations(state: Mapping[str, Tensor], calibrations: Mapping[Stage, PeakCalibration]) -> dict[str, Tensor]:
    """The network's tensors and the calibrations', as one weights file holds them; earlier calibrations give way."""
    tensors = without_calibrations(state)
    for stage, calibration in calibrations.items():
        tensors |= {f"{_PREFIX}{stage}.{name}": tensor for name, tensor in calibration.state_dict().items()}
    return tensors


def calibrations_in(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The calibrations' tensors alone."""
    return {name: tensor for name, tensor in state.items() if name.startswith(_PREFIX)}


def is_calibrated(names: Iterable[str]) -> bool:
    """Whether there is a calibration among the tensors of these names."""
    return any(name.startswith(_PREFIX) for name in names)


def without_calibrations(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's own tensors."""
    return {name: tensor for name, tensor in state.items() if not name.startswith(_PREFIX)}


def _head_in_cells(peaks: Tensor) -> Tensor:
    """Head size (N,) of poses (N, 15, 2): the median of three estimates, so that one lost joint does not spoil it."""
    estimates = [
        factor * (peaks[:, JOINT_INDEX[first]] - peaks[:, JOINT_INDEX[second]]).norm(dim=1)
        for first, second, factor in _SPANS
    ]
    return torch.stack(estimates).median(dim=0).values


def _distance(maps: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Cells from (row, column), each (N, K), to every cell of maps (N, K, h, w)."""
    y = torch.arange(maps.shape[-2], device=maps.device) - row[..., None]
    x = torch.arange(maps.shape[-1], device=maps.device) - column[..., None]
    return (y.square()[..., :, None] + x.square()[..., None, :]).float().sqrt()

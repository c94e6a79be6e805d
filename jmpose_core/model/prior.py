"""The person prior: what is known beforehand about the person that a crop is made for, as maps beside its pixels.

A crop of a crowd shows several people, and a heatmap network that sees pixels alone must guess which
of them is meant. The prior says it: where the person's box lies, where a *witness* sees this person's joints, and
where it sees the joints of the others. The witness is the detector, which regresses all joints from a
person's centre and so cannot change over to the neighbour limb by limb. It is coarse; the heatmaps are fine.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jmpose_core.model import heatmaps
from jmpose_core.model.mobilenet import Additions
from jmpose_core.skeleton import NUM_JOINTS

PRIOR_CHANNELS: Final = 1 + 2 * NUM_JOINTS  # the box, the person's own joints, the others' joints
OWN_JOINTS: Final = slice(1, 1 + NUM_JOINTS)  # their channels
PRIOR_SIGMA: Final = 3.0  # cells; about as far as the witness errs
_BOX_EDGE: Final = 1.0  # cells over which the box fades
_EMBEDDED: Final = 32  # channels of the embedding


def person_prior(
    bbox_in_cells: Tensor,
    joints_in_cells: Tensor,
    confidence: Tensor,
    size: tuple[int, int],
    *,
    others_in_cells: Tensor | None = None,
    others_confidence: Tensor | None = None,
) -> Tensor:
    """What is known about N people in their own crops: (N, PRIOR_CHANNELS, h, w), values in 0..1.

    Channel 0 is the person's box with soft edges; 1 to 15 are Gaussians about the person's joints as the
    witness sees them, in the order of JOINTS, each as high as its confidence; 16 to 30 are the same of all
    other people in the crop together. All-zero maps say that nothing is known.

    Args:
        bbox_in_cells: (N, 4) xyxy in cells of the crop's maps (centres on whole numbers); a box without area gives
            a zero mask.
        joints_in_cells: (N, 15, 2) x first. Where the confidence is 0, any finite value will do.
        confidence: (N, 15) in 0..1; 0 where the witness says nothing.
        size: height, width of the maps, a quarter of the crop's.
        others_in_cells: (N, M, 15, 2) of M other people, where any are known.
        others_confidence: (N, M, 15); needed beside others_in_cells. 0 fills up where there are fewer people.

    Raises:
        ValueError: one of the two arguments about the others lacks the other one.
    """
    if (others_in_cells is None) != (others_confidence is None):
        raise ValueError("others_in_cells and others_confidence belong together: give both or neither")
    own = heatmaps.encode(joints_in_cells, size, PRIOR_SIGMA) * confidence[..., None, None]
    others = torch.zeros_like(own)
    if others_in_cells is not None and others_confidence is not None and others_in_cells.shape[1] > 0:
        seen = heatmaps.encode(others_in_cells, size, PRIOR_SIGMA) * others_confidence[..., None, None]
        others = seen.amax(dim=1)
    return torch.cat([_soft_box(bbox_in_cells, size)[:, None], own, others], dim=1)


class PriorEmbedding(nn.Module):
    """Person priors (N, PRIOR_CHANNELS, h, w) -> what is added inside the backbone that they guide.

    No convolution has a bias, so an all-zero prior adds exactly nothing. The last ones start at
    zero (Zhang et al., "Adding Conditional Control", ICCV 2023), so a backbone whose prior is untrained answers
    as it did without.

    Args:
        trunk_channels, sum_channels: of the backbone's features and of its decoder's sums at strides 4, 8 and 16.
        joints: maps of the backbone.
    """

    def __init__(self, *, trunk_channels: tuple[int, ...], sum_channels: tuple[int, ...], joints: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(PRIOR_CHANNELS, _EMBEDDED, 3, padding=1, bias=False)
        self.to_trunk = nn.ModuleList(_starting_at_zero(channels) for channels in trunk_channels)
        self.to_sums = nn.ModuleList(_starting_at_zero(channels) for channels in sum_channels)
        self.to_logits = _starting_at_zero(joints)

    def forward(self, prior: Tensor) -> tuple[Additions, Tensor]:
        """Additions to trunk and sums, finest first, and to the logits (N, joints, h, w)."""
        finest = F.relu(self.embed(prior))
        pyramid = [finest, F.avg_pool2d(finest, 2), F.avg_pool2d(finest, 4)]
        trunk = tuple(layer(y) for layer, y in zip(self.to_trunk, pyramid, strict=True))
        sums = tuple(layer(y) for layer, y in zip(self.to_sums, pyramid, strict=True))
        return Additions(trunk, sums), self.to_logits(finest)


def _starting_at_zero(channels: int) -> nn.Conv2d:
    layer = nn.Conv2d(_EMBEDDED, channels, 1, bias=False)
    nn.init.zeros_(layer.weight)
    return layer


def _soft_box(bbox: Tensor, size: tuple[int, int]) -> Tensor:
    """1 inside boxes (N, 4), 0 outside, 1/2 on the edge: (N, h, w)."""
    height, width = size
    left, top, right, bottom = (side[:, None] for side in bbox.unbind(dim=1))
    x = torch.arange(width, device=bbox.device, dtype=bbox.dtype)
    y = torch.arange(height, device=bbox.device, dtype=bbox.dtype)
    across = torch.sigmoid((x - left) / _BOX_EDGE) * torch.sigmoid((right - x) / _BOX_EDGE)
    down = torch.sigmoid((y - top) / _BOX_EDGE) * torch.sigmoid((bottom - y) / _BOX_EDGE)
    mask = down[:, :, None] * across[:, None, :]
    return mask * ((right > left) & (bottom > top))[..., None]

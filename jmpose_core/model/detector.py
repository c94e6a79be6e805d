"""A one-class person detector small enough for a CPU: people as centre points, and a witness of their joints.

Zhou et al., "Objects as Points" (2019), in the size of MoveNet MultiPose: each cell of stride 4 says how
sure it is to be a person's centre, where exactly the centre lies, and how large the person's box is. The
logit is trained to be the quality of the cell's own box (train/detector/cell_loss.py), so it ranks boxes by itself.

A centre also says where each of its person's joints lies (section 4.2 there). Coarse as that is, it is this person's
joint and not the neighbour's, which a heatmap alone cannot know; the peak nearest to it in the picture's heatmap makes
it finer.
"""

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jmpose_core.model.mobilenet import TopDownNet, prediction

STRIDE: Final = 4
COCO_JOINTS: Final = 17
_REACH: Final = (
    0.3  # squared distance at which a peak's weight falls by e, in parts of the map's shorter side (MoveNet)
)


class PersonNet(TopDownNet):
    """(B, 3, H, W) RGB in [-1, 1], sides multiples of 32 -> person logits (B, N) and boxes (B, N, 4).

    N counts the cells, row by row; boxes are xyxy in input pixels (centres on
    whole numbers), in float32 whatever the autocast.

    Args:
        joints: whether it has the heads of the witness.
    """

    def __init__(self, *, joints: bool = True) -> None:
        super().__init__(width=1.5)
        self.center = prediction(1)
        self.box_scale = prediction(2)
        self.box_offset = prediction(2)
        self.witness = Witness() if joints else None

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.people(*self.heads(self.decoded(image)))

    def heads(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of the decoder's features (B, C, h, w): centres (B, 1, h, w), boxes' sizes and offsets (B, 2, h, w)."""
        return self.center(features), self.box_scale(features), self.box_offset(features)

    @staticmethod
    def people(center: Tensor, box_scale: Tensor, box_offset: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and boxes of what `heads` found."""
        # Cells count from the upper left corner of the picture; row first, as in MoveNet.
        size, offset = (maps.float().flatten(2).mT.flip(-1) for maps in (box_scale, box_offset))
        corner = cell_corners(center.shape[-2], center.shape[-1], device=center.device)
        half = size.clamp_min(0) / 2
        centre = corner + offset
        return center.flatten(1).float(), torch.cat([centre - half, centre + half], dim=-1) * STRIDE - 0.5


class Witness(nn.Module):
    """Whose joint is where: COCO's 17 joints of people whose centre cells are known.

    MoveNet MultiPose's heads and decoding: of a joint's heatmap the cell in the person's box counts that is likely
    and near to where the person's centre has the joint.
    """

    def __init__(self) -> None:
        super().__init__()
        self.heatmap = prediction(COCO_JOINTS)
        self.regression = prediction(2 * COCO_JOINTS)
        self.offset = prediction(2 * COCO_JOINTS)

    def forward(self, features: Tensor, cells: Tensor, boxes: Tensor) -> Tensor:
        """Joints (M, 17, 3) as x, y in input pixels and confidence 0..1.

        Args:
            features: (C, h, w) of one picture.
            cells: (M,) numbers of the people's centre cells, row by row.
            boxes: (M, 4) of the same people, xyxy in input pixels.
        """
        width = features.shape[-1]
        if not len(cells):
            return features.new_zeros((0, COCO_JOINTS, 3), dtype=torch.float32)
        centre = torch.stack([cells % width, cells // width], dim=-1)
        from_centre = _at(self.regression, features, centre).unflatten(1, (COCO_JOINTS, 2)).flip(-1)
        regressed = centre[:, None] + from_centre
        chosen, confidence = self._likeliest(features, regressed, (boxes + 0.5) / STRIDE)
        people, joints = torch.meshgrid(
            torch.arange(len(cells), device=cells.device),
            torch.arange(COCO_JOINTS, device=cells.device),
            indexing="ij",
        )
        offsets = _at(self.offset, features, chosen.flatten(0, 1)).unflatten(1, (COCO_JOINTS, 2)).flip(-1)
        place = chosen + offsets.unflatten(0, chosen.shape[:2])[people, joints, joints]
        return torch.cat([place * STRIDE - 0.5, confidence[..., None]], dim=-1)

    def _likeliest(self, features: Tensor, regressed: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Of each joint the best cell (M, 17, 2) about its regressed place, x first, and how likely it is (M, 17)."""
        height, width = features.shape[-2:]
        heat = self.heatmap(features[None])[0].float().sigmoid()
        squared = _REACH * min(height, width)
        reach = math.ceil(math.sqrt(5 * squared))  # beyond it a peak weighs less than e^-5
        steps = torch.arange(-reach, reach + 1, device=features.device)
        middle = regressed.round().long()
        x = (middle[..., 0, None] + steps).clamp(0, width - 1)[..., None, :].expand(-1, -1, len(steps), -1)
        y = (middle[..., 1, None] + steps).clamp(0, height - 1)[..., None].expand(-1, -1, -1, len(steps))
        away = (x - regressed[..., 0, None, None]).square() + (y - regressed[..., 1, None, None]).square()
        left, top, right, bottom = (side[:, None, None, None] for side in boxes.unbind(1))
        inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
        joint = torch.arange(COCO_JOINTS, device=features.device)[None, :, None, None]
        weighted = (heat[joint, y, x] * torch.exp(-away / squared) * inside).flatten(2)
        best, index = weighted.max(dim=-1)
        column, row = (axis.flatten(2).gather(2, index[..., None])[..., 0] for axis in (x, y))
        return torch.stack([column, row], dim=-1), best


def _at(head: nn.Module, features: Tensor, cells: Tensor) -> Tensor:
    """A head's answer at some cells (M, 2), x first, of features (C, h, w) alone: (M, channels).

    Its one 3x3 convolution sees three by three cells, so it is run on these.
    """
    padded = F.pad(features, (1, 1, 1, 1))
    around = torch.arange(3, device=features.device)
    rows, columns = (cells[:, side, None] + around for side in (1, 0))
    patches = padded[:, rows[:, :, None], columns[:, None, :]].movedim(0, 1)
    return head(patches)[:, :, 1, 1].float()


def cell_corners(rows: int, columns: int, *, device: torch.device | None = None) -> Tensor:
    """Upper left corners (rows * columns, 2) in cells, x first, row by row."""
    y, x = torch.meshgrid(
        torch.arange(rows, device=device, dtype=torch.float32),
        torch.arange(columns, device=device, dtype=torch.float32),
        indexing="ij",
    )
    return torch.stack([x.flatten(), y.flatten()], dim=-1)


def all_cell_centres(height: int, width: int, *, device: torch.device | None = None) -> Tensor:
    """Input pixels (N, 2), x first, in the middle of each cell of an input of this size, in PersonNet's order."""
    return (cell_corners(height // STRIDE, width // STRIDE, device=device) + 0.5) * STRIDE - 0.5

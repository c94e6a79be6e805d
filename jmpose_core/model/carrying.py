"""Maps and flow of one crop as another crop of the same video would have them.

Every frame of a track passes the networks in the crop of its own box. A window about a key frame then needs all
of it on one grid, the key frame's: both crops are known affine maps of the image, so the way between them is too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from jmpose_core.model.flow import HEATMAP_FLOW_LIMIT


def carried_maps(maps: Tensor, source_from_target: Tensor) -> Tensor:
    """Heatmaps or features of source crops on the grids of target crops, bilinear; zero outside the source crop.

    Args:
        maps: (N, C, h, w).
        source_from_target: (N, 2, 3), affine maps between cells, x first, cell centres on whole numbers.
    """
    places = _places(source_from_target, maps)
    return F.grid_sample(maps, _normalised(places, maps).to(maps.dtype), padding_mode="zeros", align_corners=True)


def carried_flow(flow: Tensor, first_from_target: Tensor, target_from_second: Tensor) -> Tensor:
    """Flow between two crops as motion in a third: the crops' own motion taken out, in the third's cells.

    A cell p of the first crop is seen at p + flow(p) in the second. In the target crop, which stands still in the
    image, that is a motion from `target_from_first` p to `target_from_second` (p + flow(p)).

    Args:
        flow: (N, 2, h, w) in cells, from first crops to second crops, u to the right and v down.
        first_from_target, target_from_second: (N, 2, 3), affine maps between cells.

    Returns:
        (N, 2, h, w) on the target crops' grids, within +-24 cells; outside the first crop it is that of its nearest
        cell.
    """
    start = _places(first_from_target, flow)
    moved = F.grid_sample(flow, _normalised(start, flow), padding_mode="border", align_corners=True)
    end = _applied(target_from_second, start + moved.movedim(1, -1))
    identity = torch.eye(2, 3, device=flow.device, dtype=flow.dtype).expand(len(flow), -1, -1)
    motion = (end - _places(identity, flow)).movedim(-1, 1)
    return motion.clamp(-HEATMAP_FLOW_LIMIT, HEATMAP_FLOW_LIMIT)


def _places(affine: Tensor, like: Tensor) -> Tensor:
    """Where each cell of a grid as large as `like` (N, C, h, w) goes: (N, h, w, 2)."""
    height, width = like.shape[-2:]
    x = torch.arange(width, device=affine.device, dtype=affine.dtype).expand(height, width)
    y = torch.arange(height, device=affine.device, dtype=affine.dtype)[:, None].expand(height, width)
    return _applied(affine, torch.stack([x, y], dim=-1).expand(len(affine), -1, -1, -1))


def _applied(affine: Tensor, points: Tensor) -> Tensor:
    """Affine maps (N, 2, 3) on points (N, h, w, 2)."""
    return torch.einsum("nij,nhwj->nhwi", affine[..., :2], points) + affine[:, None, None, :, 2]


def _normalised(places: Tensor, source: Tensor) -> Tensor:
    """Cells (N, h, w, 2) of `source` as grid_sample counts them with align_corners."""
    height, width = source.shape[-2:]
    return places * 2 / places.new_tensor([width - 1, height - 1]) - 1

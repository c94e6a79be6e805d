"""What a pose network is trained to: squared error on regressed heatmaps, cross entropy on softmax ones.

Both take joints in heatmap cells, (B, K, 2) x first, and weights (B, K): 0 for a joint that is not labelled.
"""

from torch import Tensor

from jmpose_core.model.blocks import spatial_log_softmax
from jmpose_core.model.heatmaps import encode
from jmpose_core.model.network import PoseNetwork


def heatmap_loss(network: PoseNetwork, logits: Tensor, cells: Tensor, weight: Tensor) -> Tensor:
    """The loss that the network's kind of heatmaps is trained with."""
    loss = spatial_cross_entropy if network.softmax else heatmap_l2
    return loss(logits, cells, weight, network.heatmap_sigma)


def heatmap_l2(heatmaps: Tensor, cells: Tensor, weight: Tensor, sigma: float) -> Tensor:
    """Squared error of (B, K, h, w) against Gaussians of peak 1, mean over all maps and cells (docs/model.md).

    The weight scales both sides, hence acts squared; an unlabelled joint
    still counts in the mean, so that the loss of a joint does not depend on the others.
    """
    target = _gaussians(heatmaps, cells, sigma)
    return (weight[..., None, None] * (heatmaps.float() - target)).square().mean()


def spatial_cross_entropy(logits: Tensor, cells: Tensor, weight: Tensor, sigma: float) -> Tensor:
    """Cross entropy, in nats, of the spatial softmax of (B, K, h, w) against Gaussians that sum to 1, mean by weight.

    It leaves the all-zero plateau at once where squared error on heatmaps takes epochs.
    """
    target = _gaussians(logits, cells, sigma).flatten(-2)
    target = target / target.sum(dim=-1, keepdim=True).clamp_min(1e-6)
    per_joint = -(target * spatial_log_softmax(logits)).sum(dim=-1)
    return (per_joint * weight).sum() / weight.sum().clamp_min(1)


def _gaussians(like: Tensor, cells: Tensor, sigma: float) -> Tensor:
    return encode(cells, (like.shape[-2], like.shape[-1]), sigma)

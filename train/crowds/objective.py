"""What a backbone learns from people among people: its own joints, and not the neighbours'."""

from typing import Final

import torch
from torch import Tensor, nn

from jmpose_core.devices import autocast
from jmpose_core.model import heatmaps
from jmpose_core.model.blocks import spatial_log_softmax
from train.crowds.batches import CrowdBatch
from train.loop.training import Loss
from train.objectives.heatmap_losses import spatial_cross_entropy

NEIGHBOUR_SHARE: Final = 0.3  # weight of the neighbours' term beside the cross entropy
_APART: Final = 6.0  # cells beyond which a neighbour's joint counts as another place than the person's own


def people_loss(network: nn.Module, batch: CrowdBatch) -> Loss:
    """Cross entropy of the heatmaps, and what of them lies on the neighbours' joints of the same name."""
    with autocast(batch.images.device):
        output = network(batch.images, batch.prior)
    own = spatial_cross_entropy(output.logits, batch.cells, batch.weight, heatmaps.SIGMA_LITE)
    neighbours = neighbour_mass_loss(output.logits, batch)
    return Loss(own + NEIGHBOUR_SHARE * neighbours, {"loss": own, "neighbours": neighbours})


def neighbour_mass_loss(logits: Tensor, batch: CrowdBatch) -> Tensor:
    """-log(1 - m), mean by weight; m is the probability within a Gaussian about a neighbour's joint.

    Joints too near to the person's own to tell apart are left out.
    """
    size = (logits.shape[-2], logits.shape[-1])
    probability = spatial_log_softmax(logits).exp()[:, None]
    about = heatmaps.encode(batch.others, size, heatmaps.SIGMA_LITE).flatten(-2)
    mass = (probability * about).sum(dim=-1).clamp_max(0.999)
    apart = (batch.others - batch.cells[:, None]).norm(dim=-1) > _APART
    weight = batch.others_weight * (apart | (batch.weight == 0)[:, None])
    return (-torch.log1p(-mass) * weight).sum() / weight.sum().clamp_min(1)

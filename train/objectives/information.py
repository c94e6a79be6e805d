"""The information orthogonality (IO) objective of JM-Pose, and three ways to estimate it (docs/model.md).

Joint feature J and motion feature M may share what the heatmaps H say, and
should share nothing else: I(M;J|H) is minimised. The paper's eq. 13 splits it,
exactly, by the chain rule:

    I(M;J|H) = I(M;J) - I(J;H) + I(J;H|M)
             = relevancy + complement + redundancy

H is a target: no gradient reaches it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jmpose_core.model.blocks import spatial_log_softmax

FAMILY_TEMPERATURE = 0.05


@dataclass(frozen=True)
class IOTerms:
    """Scalars. `total` is the loss; the three terms sum to it, are for the log, and carry their own gradients."""

    total: Tensor
    relevancy: Tensor
    complement: Tensor
    redundancy: Tensor

    def __add__(self, other: "IOTerms") -> "IOTerms":
        return IOTerms(
            self.total + other.total,
            self.relevancy + other.relevancy,
            self.complement + other.complement,
            self.redundancy + other.redundancy,
        )


# Joint feature (B, C, h, w), motion feature (B, C, h, w), aggregated heatmaps (B, K, h, w) -> terms.
Estimator = Callable[[Tensor, Tensor, Tensor], IOTerms]


def information_orthogonality(
    estimate: Estimator,
    joint_features: Sequence[Tensor],
    motion_features: Sequence[Tensor],
    aggregated: Tensor,
) -> IOTerms:
    """Eq. 13 summed over the layers of JMML; zero where there are none."""
    zero = aggregated.new_zeros(())
    terms = [estimate(j, m, aggregated) for j, m in zip(joint_features, motion_features, strict=True)]
    return reduce(IOTerms.__add__, terms, IOTerms(zero, zero, zero, zero))


class GaussianInformation:
    """The default: J, M and H at one cell taken as jointly Gaussian, in nats per channel.

    Rows are random cells of every sample. It respects the identity, so only
    overlap beyond H costs; it sees linear dependence within a cell alone.

    Args:
        cells: rows drawn from each sample, fewer where the maps have fewer.
        shrinkage: added to the diagonal of the joint covariance of standardised
            variables, once, which keeps the identity exact.
    """

    def __init__(self, *, cells: int = 1024, shrinkage: float = 1e-2) -> None:
        self.cells = cells
        self.shrinkage = shrinkage

    def __call__(self, joint: Tensor, motion: Tensor, heatmaps: Tensor) -> IOTerms:
        # Log-determinants need single precision at least.
        with torch.autocast(joint.device.type, enabled=False):
            channels = joint.shape[1]
            rows = random_rows([joint, motion, heatmaps.detach()], self.cells)
            return gaussian_terms(*rows, shrinkage=self.shrinkage, unit=channels)


def gaussian_terms(joint: Tensor, motion: Tensor, heatmaps: Tensor, *, shrinkage: float, unit: float = 1.0) -> IOTerms:
    """Eq. 13 of Gaussian variables from samples (R, a), (R, b), (R, c), in nats divided by `unit`."""
    variables = torch.cat([standardised(joint), standardised(motion), standardised(heatmaps)], dim=1)
    covariance = variables.T @ variables / len(variables)
    covariance = covariance + shrinkage * torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    sizes = (joint.shape[1], motion.shape[1], heatmaps.shape[1])
    j, m, h = torch.arange(sum(sizes), device=covariance.device).split(sizes)

    def half_log_det(*parts: Tensor) -> Tensor:
        index = torch.cat(parts)
        # Without the check, for which a GPU would be waited for: the shrinkage keeps every part positive definite.
        factor = torch.linalg.cholesky_ex(covariance[index[:, None], index]).L
        return factor.diagonal().log().sum() / unit

    mh, jh, jmh, of_h = half_log_det(m, h), half_log_det(j, h), half_log_det(j, m, h), half_log_det(h)
    of_j, of_m, jm = half_log_det(j), half_log_det(m), half_log_det(j, m)
    return orthogonality_terms(j=of_j, m=of_m, h=of_h, jm=jm, jh=jh, mh=mh, jmh=jmh)


def orthogonality_terms(*, j: Tensor, m: Tensor, h: Tensor, jm: Tensor, jh: Tensor, mh: Tensor, jmh: Tensor) -> IOTerms:
    """Eq. 13 from the entropies of J, M and H, of their pairs and of all three, whatever their distribution.

    For Gaussians half log-determinants of covariances serve: their other terms go with the dimensions and cancel.
    """
    return IOTerms(
        total=mh + jh - jmh - h,
        relevancy=j + m - jm,
        complement=-(j + h - jh),
        redundancy=jm + mh - jmh - m,
    )


class VariationalInformation(nn.Module):
    """Proxies in the manner of variational self-distillation (Tian et al., CVPR 2021), with the signs of eq. 13.

    1x1 probes read heatmaps out of each stream. The features are judged
    through frozen probes; `probe_loss` trains these on frozen features. Otherwise the
    complement, a cross entropy, would teach the probe and not the feature. The
    complement lacks the constant entropy of H; terms are not consistent as those of `GaussianInformation` are.
    """

    def __init__(self, *, channels: int, joints: int) -> None:
        super().__init__()
        # Without bias: a constant per map is nothing to a spatial softmax.
        self.joint_probe = nn.Conv2d(channels, joints, 1, bias=False)
        self.motion_probe = nn.Conv2d(channels, joints, 1, bias=False)
        self.both_probe = nn.Conv2d(2 * channels, joints, 1, bias=False)

    def forward(self, joint: Tensor, motion: Tensor, heatmaps: Tensor) -> IOTerms:
        log_j = _read_out(joint, self.joint_probe.weight.detach())
        log_m = _read_out(motion, self.motion_probe.weight.detach())
        log_both = _read_out(torch.cat([joint, motion], dim=1), self.both_probe.weight.detach())
        relevancy = math.log(2) - _jensen_shannon(log_m, log_j)
        complement = _cross_entropy(heatmaps, log_j)
        redundancy = (_cross_entropy(heatmaps, log_m) - _cross_entropy(heatmaps, log_both)).clamp_min(0)
        total = relevancy + complement + redundancy
        return IOTerms(total, relevancy, complement, redundancy)

    def probe_loss(self, joint: Tensor, motion: Tensor, heatmaps: Tensor) -> Tensor:
        """Cross entropies of the three probes; reaches the probes alone."""
        joint, motion = joint.detach(), motion.detach()
        return (
            _cross_entropy(heatmaps, _read_out(joint, self.joint_probe.weight))
            + _cross_entropy(heatmaps, _read_out(motion, self.motion_probe.weight))
            + _cross_entropy(heatmaps, _read_out(torch.cat([joint, motion], dim=1), self.both_probe.weight))
        )


class FamilyInformation:
    """The estimator as FAMI-Pose's and JM-Pose's code has it, for comparison: not a mutual information.

    `kl_div` is handed probabilities in place of log-probabilities; the value is
    the mean over cells of q log q - q p, an entropy term of q. Features meet
    the heatmaps through the backbone's fixed 1x1 final layer. The family drops the redundancy.

    Args:
        final_weight: (K, C, 1, 1), of that layer.
    """

    def __init__(self, final_weight: Tensor) -> None:
        self.final_weight = final_weight.detach()

    def __call__(self, joint: Tensor, motion: Tensor, heatmaps: Tensor) -> IOTerms:
        relevancy = (coded_kl(motion, joint) + coded_kl(joint, motion)) / 2
        complement = -coded_kl(heatmaps, F.conv2d(joint, self.final_weight))
        redundancy = torch.zeros_like(relevancy)
        return IOTerms(relevancy + complement, relevancy, complement, redundancy)


def coded_kl(first: Tensor, second: Tensor, *, fix_first: bool = True) -> Tensor:
    """Mean of q log q - q p over all cells, with p, q the spatial softmaxes of first (fixed by default) and second."""
    p = spatial_log_softmax(first.detach() if fix_first else first, FAMILY_TEMPERATURE).exp()
    log_q = spatial_log_softmax(second, FAMILY_TEMPERATURE)
    q = log_q.exp()
    return (q * log_q - q * p).mean()


def random_rows(maps: Sequence[Tensor], cells: int) -> list[Tensor]:
    """Maps (B, C, h, w), each with its C, at the same `cells` random places of every sample -> (B * cells, C) each.

    All cells, where the maps have fewer.
    """
    batch, _, height, width = maps[0].shape
    scores = torch.rand(batch, height * width, device=maps[0].device)
    chosen = scores.topk(min(cells, height * width)).indices
    return [_rows(each, chosen) for each in maps]


def _rows(maps: Tensor, cells: Tensor) -> Tensor:
    """Maps (B, C, h, w) at cells (B, n) -> (B * n, C), in single precision at least."""
    flat = maps.flatten(2)
    picked = flat.gather(2, cells[:, None].expand(-1, flat.shape[1], -1))
    rows = picked.transpose(1, 2).flatten(0, 1)
    return rows if rows.dtype == torch.float64 else rows.float()


def standardised(rows: Tensor) -> Tensor:
    """Mean 0 and variance 1 a column; a constant column becomes 0."""
    centred = rows - rows.mean(dim=0)
    return centred * (centred.square().mean(dim=0) + 1e-6).rsqrt()


def _read_out(features: Tensor, weight: Tensor) -> Tensor:
    return spatial_log_softmax(F.conv2d(features, weight))


def _cross_entropy(heatmaps: Tensor, log_q: Tensor) -> Tensor:
    """Of sharpened heatmaps (B, K, h, w) and log-probabilities (B, K, cells), each joint weighed by its peak."""
    heatmaps = heatmaps.detach()
    p = spatial_log_softmax(heatmaps, FAMILY_TEMPERATURE).exp()
    weight = heatmaps.flatten(-2).amax(dim=-1).clamp(0, 1)
    return -(weight * (p * log_q).sum(dim=-1)).mean()


def _jensen_shannon(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Divergence of distributions over the last axis, mean over the others: 0 to log 2."""
    log_mean = torch.logaddexp(log_p, log_q) - math.log(2)
    to_mean = log_p.exp() * (log_p - log_mean) + log_q.exp() * (log_q - log_mean)
    return to_mean.sum(dim=-1).mean() / 2

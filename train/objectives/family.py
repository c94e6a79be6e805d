"""The mutual information objectives of FAMI-Pose and TDMI, as their code has them and corrected (docs/model.md).

As coded, every estimate is `coded_kl`, which is no mutual information (train/information.py), and
the label is the prediction itself. Corrected, variables at one cell are taken
as jointly Gaussian, the label is the truth, and conditional terms are whole: the code replaces
I(y; a | b) by I(y; a) - I(a; b), which lacks I(a; b | y).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from jmpose_core.model.famipose import FAMIPoseOutput
from jmpose_core.model.tdmi import TDMIOutput
from train.objectives.information import coded_kl, random_rows, standardised

ALPHA, BETA = 0.5, 0.1  # of FAMI-Pose's code
_SHRINKAGE = 1e-2
_CELLS = 1024  # rows drawn from each sample

# The backbone's own fixed layers from its last feature (B, C, h, w) to heatmaps (B, K, h, w).
ReadOut = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class MITerms:
    """Scalars. `total` is the loss; `named` are its parts without weights or signs, for the log, without gradient."""

    total: Tensor
    named: dict[str, Tensor]


class JointGaussian:
    """Mutual information of groups of columns of one Gaussian, in nats divided by `unit`; gradients pass.

    Its chain rule is exact, since every term is a log-determinant of a block of the same covariance.

    Args:
        groups: rows (R, columns) by name, about standardised. A column that is
            scaled down instead loses what it tells, against the shrinkage as noise.
        shrinkage: added to the covariance's diagonal.
    """

    def __init__(self, groups: dict[str, Tensor], *, unit: float = 1.0, shrinkage: float = _SHRINKAGE) -> None:
        variables = torch.cat(list(groups.values()), dim=1)
        variables = variables - variables.mean(dim=0)
        covariance = variables.T @ variables / len(variables)
        noise = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
        self._covariance = covariance + shrinkage * noise
        columns = torch.arange(len(covariance), device=covariance.device)
        parts = columns.split([rows.shape[1] for rows in groups.values()])
        self._columns = dict(zip(groups, parts, strict=True))
        self._unit = unit

    def information(self, first: str, second: str, *, given: str | None = None) -> Tensor:
        """I(first; second), or I(first; second | given)."""
        known = [] if given is None else [given]
        apart = self._half_log_det(first, *known) + self._half_log_det(second, *known)
        together = self._half_log_det(first, second, *known)
        return (apart - together - (self._half_log_det(*known) if known else 0)) / self._unit

    def _half_log_det(self, *names: str) -> Tensor:
        index = torch.cat([self._columns[name] for name in names])
        return torch.linalg.cholesky(self._covariance[index[:, None], index]).diagonal().log().sum()


def famipose_coded(output: FAMIPoseOutput, read_out: ReadOut) -> MITerms:
    """FAMI-Pose's six terms as published. `read_out` is not changed, and sees no gradient."""
    label, key, merged, fused = output.refined, output.key, output.merged, output.fused
    named = {
        "I(y;fused)": _coded_label(fused, label, read_out),
        "I(key;fused)": coded_kl(key, fused),
        "I(y;merged)": _coded_label(merged, label, read_out),
        "I(merged;fused)": coded_kl(merged, fused),
        "I(y;key)": _coded_label(key, label, read_out),
    }
    gain = named["I(y;fused)"] - named["I(key;fused)"]
    lost = named["I(y;merged)"] - named["I(merged;fused)"] + named["I(y;key)"] - named["I(key;fused)"]
    return _terms(ALPHA * (lost - BETA * gain), named)


def famipose_corrected(output: FAMIPoseOutput, truth: Tensor) -> MITerms:
    """What the six terms stand for: z-tilde tells of the label beyond z_t, and all that z-bar and z_t tell.

    Args:
        truth: (B, K, h, w) heatmaps of the label, 0 for a joint that is not labelled.
    """
    with torch.autocast(truth.device.type, enabled=False):
        # The sources are fixed: forgetting the label must not count as handing it on.
        maps = [truth, output.key.detach(), output.merged.detach(), output.fused]
        rows = [standardised(each) for each in random_rows(maps, _CELLS)]
        joint = JointGaussian(dict(zip(("y", "key", "merged", "fused"), rows, strict=True)), unit=output.fused.shape[1])
        named = {
            "I(y;fused|key)": joint.information("y", "fused", given="key"),
            "I(y;merged|fused)": joint.information("y", "merged", given="fused"),
            "I(y;key|fused)": joint.information("y", "key", given="fused"),
        }
    gain, lost = named["I(y;fused|key)"], named["I(y;merged|fused)"] + named["I(y;key|fused)"]
    return _terms(ALPHA * (lost - BETA * gain), named)


def tdmi_coded(output: TDMIOutput, read_out: ReadOut) -> MITerms:
    """TDMI's terms as published, all of weight 1; only the first passes a gradient to both of its arguments."""
    useful, appearance, fused = output.useful, output.appearance, output.fused
    named = {
        "I(useful;noisy)": coded_kl(useful, output.noisy, fix_first=False),
        "I(motion;useful)": coded_kl(output.motion, useful),
        "I(useful;appearance)": coded_kl(useful, appearance),
        "I(useful;fused)": coded_kl(useful, fused),
        "I(appearance;fused)": coded_kl(appearance, fused),
        "I(y;useful)": _coded_label(useful, output.refined, read_out),
        "I(y;appearance)": _coded_label(appearance, output.refined, read_out),
    }
    handed_on = named["I(useful;fused)"] + named["I(appearance;fused)"]
    told_apart = 2 * named["I(useful;noisy)"] - named["I(motion;useful)"]
    total = told_apart + named["I(useful;appearance)"] + named["I(y;useful)"] + named["I(y;appearance)"] - 2 * handed_on
    return _terms(total, named)


def tdmi_corrected(output: TDMIOutput, truth: Tensor) -> MITerms:
    """Useful and noisy motion share nothing, useful motion tells of the label, and F-tilde keeps what it was told.

    Both motion features are scaled as the motion feature that they are gated from: if each had
    its own scale, a gate that closes a channel would change nothing.

    Args:
        truth: (B, K, h, w) heatmaps of the label, 0 for a joint that is not labelled.
    """
    with torch.autocast(truth.device.type, enabled=False):
        maps = [truth, output.motion, output.useful, output.noisy, output.appearance.detach(), output.fused]
        truth_rows, motion, useful, noisy, appearance, fused = random_rows(maps, _CELLS)
        scale = (motion.detach().var(dim=0, correction=0) + 1e-6).rsqrt()
        label = standardised(truth_rows)
        unit = output.fused.shape[1]
        gated = JointGaussian({"y": label, "useful": useful * scale, "noisy": noisy * scale}, unit=unit)
        # The sources are fixed: forgetting the label must not count as handing it on.
        sources = {"useful": standardised(useful.detach()), "appearance": standardised(appearance)}
        handed_on = JointGaussian({"y": label, "fused": standardised(fused), **sources}, unit=unit)
        named = {
            "I(useful;noisy)": gated.information("useful", "noisy"),
            "I(y;useful)": gated.information("y", "useful"),
            "I(y;useful|fused)": handed_on.information("y", "useful", given="fused"),
            "I(y;appearance|fused)": handed_on.information("y", "appearance", given="fused"),
        }
    lost = named["I(y;useful|fused)"] + named["I(y;appearance|fused)"]
    return _terms(named["I(useful;noisy)"] - named["I(y;useful)"] + lost, named)


def _coded_label(feature: Tensor, prediction: Tensor, read_out: ReadOut) -> Tensor:
    with torch.no_grad():
        read = read_out(feature)
    return coded_kl(read, prediction)


def _terms(total: Tensor, named: dict[str, Tensor]) -> MITerms:
    return MITerms(total, {name: value.detach() for name, value in named.items()})

"""How much the information objective weighs: alpha from its share of the gradient that reaches the features.

The paper prints no alpha. Set by the size of the losses it is arbitrary: beside a cross entropy of some nats the same
alpha weighs three thousand times less than beside a squared error. So alpha is set such that the gradient of alpha
times the objective, at the joint and motion features of all layers, is a given share of that of the heatmap loss.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from train.objectives.information import IOTerms

_KEPT: Final = 0.8  # of the earlier alpha at each measurement
_LARGEST: Final = 100.0


class GradientShare:
    """Sets alpha and tells what each term weighs.

    Args:
        share: of the heatmap loss's gradient that the objective's shall have, as 0.05.
        fixed: an alpha that is kept whatever its share; 0 leaves the objective out. None sets it by the share.
    """

    def __init__(self, share: float, fixed: float | None = None) -> None:
        self.share = share
        self.fixed = fixed
        self.alpha = 0.0 if fixed is None else fixed
        self._shares: dict[str, float] = {}

    def measure(self, fit: Tensor, terms: IOTerms, features: Sequence[Tensor]) -> None:
        """Measure on one batch, before its graph is used up; costs a backward pass down to the features a loss.

        Args:
            fit: the heatmap loss.
            terms: the objective, its terms with their gradient.
            features: joint and motion features of all layers.
        """
        of_fit = _norm(fit, features)
        named = {
            "objective": terms.total,
            "relevancy": terms.relevancy,
            "complement": terms.complement,
            "redundancy": terms.redundancy,
        }
        norms = {name: _norm(term, features) for name, term in named.items()}
        if self.fixed is None and norms["objective"] > 0:
            wanted = min(self.share * of_fit / norms["objective"], _LARGEST)
            self.alpha = wanted if self.alpha == 0 else self.alpha**_KEPT * wanted ** (1 - _KEPT)
        self._shares = {name: self.alpha * norm / of_fit if of_fit > 0 else 0.0 for name, norm in norms.items()}

    def figures(self) -> dict[str, float]:
        """Alpha and the share of the objective and of each of its terms, for the log."""
        return {"alpha": self.alpha} | {f"{name}, share of the gradient": share for name, share in self._shares.items()}


def _norm(value: Tensor, features: Sequence[Tensor]) -> float:
    if not value.requires_grad:
        return 0.0
    found = torch.autograd.grad(value, list(features), retain_graph=True, allow_unused=True)
    squares = [gradient.float().square().sum() for gradient in found if gradient is not None]
    return float(torch.stack(squares).sum().sqrt()) if squares else 0.0

"""How far a confidence can be trusted: calibration error, ranking and Brier score.

All take probabilities (M,) in 0..1 and outcomes (M,) bool, flat over people and joints, and give NaN for M = 0.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Probabilities: TypeAlias = npt.NDArray[np.floating]
Outcomes: TypeAlias = npt.NDArray[np.bool_]

BINS = 15


def expected_calibration_error(
    probability: Probabilities, correct: Outcomes, *, bins: int = BINS, equal_mass: bool = True
) -> float:
    """Mean over all outcomes of |mean probability - share correct| in their bin (Naeini et al., AAAI 2015).

    Args:
        equal_mass: bins of equally many outcomes (Nguyen and O'Connor, EMNLP 2015), else of equal width over 0..1.
    """
    if not len(probability):
        return float("nan")
    parts = reliability(probability, correct, bins=bins, equal_mass=equal_mass)
    return float((parts[:, 2] * np.abs(parts[:, 0] - parts[:, 1])).sum() / len(probability))


def reliability(
    probability: Probabilities, correct: Outcomes, *, bins: int = BINS, equal_mass: bool = True
) -> npt.NDArray[np.float64]:
    """Points of the reliability diagram (B, 3): mean probability, share correct, count; without empty bins."""
    probability = np.asarray(probability, np.float64)
    order = np.argsort(probability, kind="stable")
    if equal_mass:
        parts = np.array_split(order, bins)
    else:
        parts = np.split(order, np.searchsorted(probability[order], np.arange(1, bins) / bins, side="right"))
    points = [(probability[part].mean(), correct[part].mean(), len(part)) for part in parts if len(part)]
    return np.array(points, np.float64).reshape(-1, 3)


def area_under_roc(probability: Probabilities, correct: Outcomes) -> float:
    """Chance that a correct outcome has more probability than a wrong one, a tie counting half; NaN without both kinds.

    This is the Mann-Whitney statistic (Hanley and McNeil, Radiology 1982).
    """
    positives = int(np.count_nonzero(correct))
    negatives = len(correct) - positives
    if not positives or not negatives:
        return float("nan")
    _, value, counts = np.unique(probability, return_inverse=True, return_counts=True)
    mid_ranks = np.cumsum(counts) - (counts - 1) / 2
    wins = mid_ranks[value][correct].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def brier_score(probability: Probabilities, correct: Outcomes) -> float:
    """Mean squared distance of probability and outcome (Brier, 1950): 0 for an oracle, 0.25 for a constant half."""
    if not len(probability):
        return float("nan")
    return float(np.mean((np.asarray(probability, np.float64) - correct) ** 2))

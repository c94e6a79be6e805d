"""The queue's error model: which joints are likely wrong, from what the prediction left.

    python -m train.recipes.queue --data ../shared/data [--out resources/queue.json]

Logistic regression (Newton's method, with a small ridge) on JHMDB's held-out films, which no network of ours has
learnt from, as predicted and with some labels set: a label must quieten the frames around it. The figures written
beside the weights are of films that their fold did not see.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from jmpose_core.errors import JMPoseError
from jmpose_core.evaluation.labelling import Tracklet
from jmpose_core.evaluation.reliability import area_under_roc, expected_calibration_error
from jmpose_core.fill.fill import fill_track
from jmpose_core.fill.track_frames import BoolArray, FloatArray, IntArray
from jmpose_core.queue.error_model import TERMS, ErrorModel
from jmpose_core.queue.features import features
from train.motion.tracklets import held_out_tracklets

FOLDS: Final = 5
STATES: Final = 3  # of each tracklet with labels set, beside the one as predicted
MOST_LABELS: Final = 6
WRONG_SHARE: Final = 0.7  # of the labels that are set where the prediction is wrong, as an annotator would
RIDGE: Final = 1.0
_ROUNDS: Final = 30
_SEED: Final = 6


class Samples:
    """Joints of several films: terms (M, F), whether wrong (M,), the film (M,), and whether it is as predicted (M,)."""

    def __init__(self, people: Sequence[tuple[int, Tracklet]]) -> None:
        terms, wrong, film, untouched = [], [], [], []
        for row, (number, person) in enumerate(people):
            for state, found in enumerate(_states(person, np.random.default_rng([_SEED, row]))):
                terms.append(found[0])
                wrong.append(found[1])
                film.append(np.full(len(found[1]), number))
                untouched.append(np.full(len(found[1]), state == 0))
        self.terms: FloatArray = np.concatenate(terms)
        self.wrong: BoolArray = np.concatenate(wrong)
        self.film: IntArray = np.concatenate(film)
        self.untouched: BoolArray = np.concatenate(untouched)


def _states(person: Tracklet, rng: np.random.Generator) -> Iterator[tuple[FloatArray, BoolArray]]:
    """Terms and outcomes of the joints that are not labelled, as predicted and with labels set."""
    for state in range(1 + STATES):
        track, shown = person.track, person.track.predicted
        if state:
            track = replace(track, labelled=_drawn(person, rng), labels=person.truth)
            shown = fill_track(track).points
        off = np.linalg.norm(shown - person.truth, axis=2) > person.tolerance[:, None]
        open_ = person.judged & ~track.labelled
        yield features(track, shown)[open_], off[open_]


def _drawn(person: Tracklet, rng: np.random.Generator) -> BoolArray:
    off = np.linalg.norm(person.track.predicted - person.truth, axis=2) > person.tolerance[:, None]
    wrong, right = np.argwhere(off & person.judged), np.argwhere(~off & person.judged)
    mask = np.zeros(off.shape, bool)
    for _ in range(int(rng.integers(1, MOST_LABELS + 1))):
        places = wrong if len(wrong) and rng.random() < WRONG_SHARE else right
        if len(places):
            row, joint = places[rng.integers(len(places))]
            mask[row, joint] = True
    return mask


def fitted(terms: FloatArray, wrong: BoolArray) -> ErrorModel:
    """The regression's weights, by Newton's method on standardised terms."""
    mean, scale = terms.mean(axis=0), terms.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    x = np.column_stack([(terms - mean) / scale, np.ones(len(terms))])
    ridge = RIDGE * np.r_[np.ones(len(mean)), 0]
    weights = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        share = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (share - wrong) + ridge * weights
        curvature = (x * (share * (1 - share))[:, None]).T @ x + np.diag(ridge + 1e-9)
        step = np.linalg.solve(curvature, slope)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    of_terms = weights[:-1] / scale
    return ErrorModel(of_terms, float(weights[-1] - of_terms @ mean))


def folds(samples: Samples) -> Iterator[tuple[BoolArray, ErrorModel]]:
    """For each fifth of the films: which joints are of it, and a model fitted without them."""
    films = np.random.default_rng(_SEED).permutation(np.unique(samples.film))
    for fold in range(FOLDS):
        held_out = np.isin(samples.film, films[fold::FOLDS])
        yield held_out, fitted(samples.terms[~held_out], samples.wrong[~held_out])


def measured(samples: Samples) -> dict[str, Any]:
    """Of joints as predicted, by models that did not see their films."""
    probability = np.zeros(len(samples.wrong))
    for held_out, model in folds(samples):
        probability[held_out] = 1 / (1 + np.exp(-(samples.terms[held_out] @ model.weights + model.bias)))
    probability, wrong = probability[samples.untouched], samples.wrong[samples.untouched]
    first = np.argsort(-probability, kind="stable")[: len(wrong) // 5]
    return {
        "joints": len(wrong),
        "wrong": round(float(wrong.mean()), 4),
        "expected_calibration_error": round(expected_calibration_error(probability, wrong), 4),
        "area_under_roc": round(area_under_roc(probability, wrong), 4),
        "errors_in_first_fifth": round(float(wrong[first].sum() / wrong.sum()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/jhmdb/")
    parser.add_argument("--out", type=Path, default=Path("resources/queue.json"))
    arguments = parser.parse_args()
    try:
        samples = Samples(held_out_tracklets(arguments.data / "videos" / "jhmdb"))
    except JMPoseError as error:
        sys.exit(str(error))
    model = fitted(samples.terms, samples.wrong)
    written = {
        "recipe": "python -m train.recipes.queue",
        "data": "JHMDB, held-out films, boxes of the ground truth",
        "measured": measured(samples),
        "bias": round(model.bias, 4),
        "weights": {term: round(float(weight), 4) for term, weight in zip(TERMS, model.weights, strict=True)},
    }
    arguments.out.write_text(json.dumps(written, indent=1) + "\n")
    sys.stdout.write(json.dumps(written["measured"]) + "\n")


if __name__ == "__main__":
    main()

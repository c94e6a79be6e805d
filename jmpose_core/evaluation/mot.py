"""CLEAR MOT and IDF1 per joint, as poseval feeds motmetrics (docs/posetrack.md)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Final

import motmetrics
import numpy as np
import numpy.typing as npt

from jmpose_core.evaluation.average_precision import HIT
from jmpose_core.evaluation.sequences import FramePair
from jmpose_core.skeleton import NUM_JOINTS

_DUMMY: Final = ([0], [0], [[np.nan]])  # poseval's entry for a frame where one side is empty


def _zeros() -> npt.NDArray[np.float64]:
    return np.zeros(NUM_JOINTS)


@dataclass(slots=True, eq=False)
class MotCounts:
    """Events per joint (15,), summed over frames and sequences."""

    misses: npt.NDArray[np.float64] = field(default_factory=_zeros)
    switches: npt.NDArray[np.float64] = field(default_factory=_zeros)
    false_positives: npt.NDArray[np.float64] = field(default_factory=_zeros)
    objects: npt.NDArray[np.float64] = field(default_factory=_zeros)
    detections: npt.NDArray[np.float64] = field(default_factory=_zeros)  # matches and switches
    matched_distance: npt.NDArray[np.float64] = field(default_factory=_zeros)  # of the detections, in head sizes
    logged_distance: npt.NDArray[np.float64] = field(default_factory=_zeros)  # of motmetrics' whole log
    idtp: npt.NDArray[np.float64] = field(default_factory=_zeros)
    idfp: npt.NDArray[np.float64] = field(default_factory=_zeros)
    idfn: npt.NDArray[np.float64] = field(default_factory=_zeros)

    @classmethod
    def summed(cls, parts: Iterable["MotCounts"]) -> "MotCounts":
        """The events of several sequences."""
        parts = list(parts)
        return cls(*(sum((getattr(part, entry.name) for part in parts), _zeros()) for entry in fields(cls)))

    def mota(self) -> npt.NDArray[np.float64]:
        """100 (1 - errors / objects); NaN without objects."""
        return 100 * (1 - _ratio(self.misses + self.switches + self.false_positives, self.objects))

    def motp(self, *, as_printed: bool = False) -> npt.NDArray[np.float64]:
        """100 (1 - mean distance of matches), 0 without matches.

        With `as_printed` the sum runs over motmetrics' whole log, which names most matches
        several times: what poseval prints with motmetrics 1.1 and later.
        """
        distance = self.logged_distance if as_printed else self.matched_distance
        return np.nan_to_num(100 * (1 - _ratio(distance, self.detections)), nan=0.0)

    def precision(self) -> npt.NDArray[np.float64]:
        """100 detections / (detections + false positives)."""
        return 100 * _ratio(self.detections, self.detections + self.false_positives)

    def recall(self) -> npt.NDArray[np.float64]:
        """100 detections / objects."""
        return 100 * _ratio(self.detections, self.objects)

    def idf1(self) -> npt.NDArray[np.float64]:
        """100 times the F score of the best one-to-one mapping of tracks."""
        return 100 * _ratio(2 * self.idtp, 2 * self.idtp + self.idfp + self.idfn)


def mot_counts(frames: Sequence[FramePair]) -> MotCounts:
    """Events of one sequence's scored frames (already cleaned); poseval leaves out the last of them."""
    counts = MotCounts()
    if len(frames) < 2:
        return counts
    accumulators = [motmetrics.MOTAccumulator(auto_id=True) for _ in range(NUM_JOINTS)]
    for frame in frames[:-1]:
        empty = not (len(frame.truth) and len(frame.predicted))
        distances = np.zeros(0) if empty else frame.distances()
        for joint, accumulator in enumerate(accumulators):
            accumulator.update(*(_DUMMY if empty else _matchable(frame, distances[..., joint], joint)))
    host = motmetrics.metrics.create()
    for joint, accumulator in enumerate(accumulators):
        _count(counts, joint, accumulator, host)
    return counts


def _matchable(
    frame: FramePair, distance: npt.NDArray[np.float64], joint: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Ids of the people who have the joint, and their distances (G, P), NaN out of reach."""
    truth, predicted = frame.truth.joints[:, joint], frame.predicted.joints[:, joint]
    cost = distance[np.ix_(predicted, truth)].T
    return frame.truth.track_ids[truth], frame.predicted.track_ids[predicted], np.where(cost <= HIT, cost, np.nan)


def _count(
    counts: MotCounts, joint: int, accumulator: motmetrics.MOTAccumulator, host: motmetrics.metrics.MetricsHost
) -> None:
    events = accumulator.events
    assert events is not None  # the property builds them on first use
    kind, distance = events["Type"].to_numpy().astype(str), events["D"].to_numpy(np.float64)
    matched = (kind == "MATCH") | (kind == "SWITCH")
    counts.misses[joint] = (kind == "MISS").sum()
    counts.switches[joint] = (kind == "SWITCH").sum()
    counts.false_positives[joint] = (kind == "FP").sum()
    counts.detections[joint] = matched.sum()
    counts.objects[joint] = matched.sum() + (kind == "MISS").sum()
    counts.matched_distance[joint] = distance[matched].sum()
    counts.logged_distance[joint] = np.nansum(distance)
    identities = host.compute(accumulator, metrics=["idtp", "idfp", "idfn"])
    for name in ("idtp", "idfp", "idfn"):
        getattr(counts, name)[joint] = identities[name].iloc[0]


def _ratio(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)

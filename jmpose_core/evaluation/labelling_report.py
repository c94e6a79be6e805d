"""A simulated annotator on a labelled file: its tracklets, and what each policy takes, as values for JSON."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from jmpose_core.annotations import Visibility
from jmpose_core.evaluation.effort_report import OF_HEAD, true_people
from jmpose_core.evaluation.labelling import Labelling, Policy, Tracklet, labelled
from jmpose_core.evaluation.matching import Source
from jmpose_core.fill.track_frames import TrackFrames
from jmpose_core.queue.error_model import ErrorModel

_SEED: Final = 12


def tracklets(
    truth: Source, frame_of_image: Mapping[int, int], tracks: Mapping[int, TrackFrames], *, tolerance: float = OF_HEAD
) -> list[Tracklet]:
    """The predicted tracks beside the truth of the same boxes.

    Args:
        frame_of_image: the frame of each of the file's images, by place.
        tolerance: head sizes that a joint may be off.
    """
    by_track: dict[int, dict[int, tuple[np.ndarray, np.ndarray, float]]] = {}
    for one in true_people(truth, Counter()):
        person, frame = one.person, frame_of_image.get(one.person.frame_index)
        if frame is not None:
            due = person.visibility != Visibility.ABSENT
            allowed = one.tolerance * tolerance / OF_HEAD
            by_track.setdefault(person.track_id, {})[frame] = (person.keypoints, due, allowed)
    return [_tracklet(track, by_track[track_id]) for track_id, track in tracks.items() if track_id in by_track]


def _tracklet(track: TrackFrames, truth: Mapping[int, tuple[np.ndarray, np.ndarray, float]]) -> Tracklet:
    joints, due, allowed = track.predicted.copy(), np.zeros(track.labelled.shape, bool), np.ones(len(track))
    for row, frame in enumerate(track.frame_index.tolist()):
        if frame in truth:
            joints[row], due[row], allowed[row] = truth[frame]
    return Tracklet(track, joints, due, allowed)


def labelling_report(
    people: Sequence[Tracklet], policy: Policy, models: Sequence[ErrorModel], *, engine_seconds: float
) -> dict[str, Any]:
    """What it takes to bring all of them to truth, each with its own model of the queue.

    `curve` gives, after 0, 1, 2 ... clicks on every tracklet that needs so many, the share in percent of judged joints
    that are within tolerance.
    """
    found = [
        labelled(one, policy, model, np.random.default_rng([_SEED, row]))
        for row, (one, model) in enumerate(zip(people, models, strict=True))
    ]
    joints = sum(one.joints for one in found)
    secs = [secs for one in found for secs in one.fill_secs]
    clicks, enough = sum(one.clicks for one in found), sum(one.clicks_to_enough for one in found)
    return {
        "policy": policy.value,
        "tracklets": len(found),
        "joints": joints,
        "clicks_95": enough,
        "clicks_all": clicks,
        "clicks_per_tracklet_95": enough / max(len(found), 1),
        "clicks_per_tracklet_all": clicks / max(len(found), 1),
        "keys_all": sum(one.keys for one in found),
        "engine_seconds": engine_seconds,
        "fill_ms_p95": 1000 * float(np.percentile(secs, 95)) if secs else 0.0,
        "harmed": sum(one.harmed for one in found) / max(joints, 1),
        "curve": _curve(found, joints),
    }


def _curve(found: Sequence[Labelling], joints: int) -> list[tuple[int, float]]:
    most = max((one.clicks for one in found), default=0)
    wrong = [sum(one.wrong[min(click, one.clicks)] for one in found) for click in range(most + 1)]
    return [(click, 100 * (1 - count / max(joints, 1))) for click, count in enumerate(wrong)]

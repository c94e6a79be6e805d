"""PCK of people in three units: torso, head and whole person; which people a unit is not known of, and why.

Each person of the ground truth is compared with the prediction that poseval's rule assigns to it, by the joints within
half a head size; where there is no head box, as in JHMDB, by those within 0.2 of the person's size, the widest reach of
the figures that are left, so that the assignment loses no joint that would count.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.evaluation.average_precision import HIT, assigned
from jmpose_core.evaluation.pck import pck, person_sizes
from jmpose_core.evaluation.sequences import FramePair, People
from jmpose_core.skeleton import JOINTS

OF_TORSO: Final = 0.2
OF_PERSON: Final = 0.2
OF_PERSON_STRICT: Final = 0.1


def pck_figures(frames: Sequence[FramePair]) -> dict[str, dict[str, float]]:
    """Shares in percent by joint and in total, of frames that are cleaned; NaN where no person's unit is known.

    `pck` is within 0.2 of the torso, `pckh` within half a head size, `pck_person` and `pck_person_strict` within 0.2
    and 0.1 of the person's size.
    """
    nobody = np.zeros((0, len(JOINTS), 2))
    predicted = np.concatenate([nobody, *(_assigned_points(frame) for frame in frames)])
    truth = np.concatenate([nobody, *(frame.truth.points[..., :2] for frame in frames)])
    labelled = np.concatenate([nobody[..., 0].astype(bool), *(frame.truth.joints for frame in frames)])
    heads = np.concatenate([np.zeros(0), *(frame.truth.head_sizes for frame in frames)])
    people = np.concatenate([np.zeros(0), *(_sizes(frame.truth) for frame in frames)])
    results = {
        "pck": pck(predicted, truth, labelled, threshold=OF_TORSO),
        "pckh": pck(predicted, truth, labelled, threshold=HIT, sizes=heads),
        "pck_person": pck(predicted, truth, labelled, threshold=OF_PERSON, sizes=people),
        "pck_person_strict": pck(predicted, truth, labelled, threshold=OF_PERSON_STRICT, sizes=people),
    }
    return {name: {joint: 100 * share for joint, share in result.by_name().items()} for name, result in results.items()}


def pck_remarks(frames: Sequence[FramePair]) -> list[str]:
    """What a reader of the figures must know: what the person's size is, and what is missing and why; sentences."""
    count = sum(len(frame.truth) for frame in frames)
    if not count:
        return []
    boxes = sum(int(np.isfinite(frame.truth.box_sizes).sum()) for frame in frames)
    unlabelled = ~np.any([frame.truth.joints.any(axis=0) for frame in frames], axis=0)
    remarks = [_about_sizes(count, boxes)]
    if lack := heads_missing(frames):
        remarks.append(f"PCKh@0.5 needs the head boxes of the ground truth: {lack}")
    if unlabelled.any():
        names = ", ".join(name for name, absent in zip(JOINTS, unlabelled, strict=True) if absent)
        remarks.append(f"not labelled in the ground truth, so in no figure: {names}")
    return remarks


def heads_missing(frames: Sequence[FramePair]) -> str:
    """Of whom the head size, PCKh's unit, is not known; empty where it is known of all."""
    count = sum(len(frame.truth) for frame in frames)
    without = sum(int((~(frame.truth.head_sizes > 0)).sum()) for frame in frames)
    if not without:
        return ""
    return "no head boxes" if without == count else f"no head boxes of {without} of {count} people"


def _about_sizes(count: int, boxes: int) -> str:
    units = {"the ground truth's box": boxes, "the box about the labelled joints": count - boxes}
    told = [f"{unit} ({people} of {count} people)" for unit, people in units.items() if people]
    return f"the person's size is the longer side of {' or of '.join(told)}"


def _sizes(people: People) -> npt.NDArray[np.float64]:
    """(N,) pixels: longer side of the person's box, or else of the box about the labelled joints; NaN of one joint."""
    about_joints = person_sizes(people.points[..., :2], people.joints)
    sizes = np.where(np.isnan(people.box_sizes), about_joints, people.box_sizes)
    return np.where(sizes > 0, sizes, np.nan)


def _assigned_points(frame: FramePair) -> npt.NDArray[np.float64]:
    """(G, 15, 2) predicted joints of each person of the ground truth; NaN where there is none."""
    points = np.full((len(frame.truth), len(JOINTS), 2), np.nan)
    if len(frame.predicted) and len(frame.truth):
        heads = frame.truth.head_sizes
        reach = np.where(np.isnan(heads), OF_PERSON * _sizes(frame.truth), HIT * heads)
        owner = assigned(frame.distances(reach) <= 1, frame.truth.joints.sum(axis=1))
        people = np.flatnonzero(owner >= 0)
        present = frame.predicted.joints[owner[people], :, None]
        points[people] = np.where(present, frame.predicted.points[owner[people], :, :2], np.nan)
    return points

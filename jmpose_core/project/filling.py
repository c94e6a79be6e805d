"""Bring the fill of a track up to date with what a step changed: `jmpose_core.fill` on rows of the project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.fill.fill import UNITS, Unit, extent, fill_track
from jmpose_core.project import people
from jmpose_core.project.database import Database
from jmpose_core.project.evidence_store import EvidenceStore
from jmpose_core.project.layers import merged, owned_joints
from jmpose_core.project.rows import PersonKey, PersonRow, annotations_of, rows_of
from jmpose_core.project.schema import LAYER_ANNOTATION, LAYER_FILL, LAYER_PREDICTION
from jmpose_core.project.track_rows import is_predicted, layers_by_frame, said_by_annotator, track_frames
from jmpose_core.skeleton import NUM_JOINTS

BoolArray: TypeAlias = npt.NDArray[np.bool_]
ALL_JOINTS: Final[BoolArray] = np.ones(NUM_JOINTS, bool)


@dataclass(slots=True)
class Touched:
    """Where a step changed the labels or predictions of one track: joints (15,) by frame."""

    joints: dict[int, BoolArray]

    def add(self, frame_index: int, joints: BoolArray) -> None:
        """Note one more change."""
        there = self.joints.get(frame_index)
        self.joints[frame_index] = joints if there is None else there | joints


def changed_labels(before: PersonRow | None, after: PersonRow | None) -> BoolArray:
    """(15,) joints whose labels a change of one row changes; all of them where the person comes, goes or is removed."""
    if (before is not None and before.removed) or (after is not None and after.removed):
        return ALL_JOINTS
    old, new = (_labels(row) if row is not None else _NO_LABELS for row in (before, after))
    return (old != new).any(axis=1)


_NO_LABELS: Final = np.zeros((NUM_JOINTS, 4))


def _labels(row: PersonRow) -> npt.NDArray[np.float64]:
    """(15, 4) x, y, visibility and 1 of the joints that are labelled; 0 of the others."""
    (person,) = annotations_of([row])
    codes = np.column_stack([person.visibility, np.ones(NUM_JOINTS)])
    return np.where(owned_joints(person)[:, None], np.column_stack([person.keypoints, codes]), 0)


def refilled(
    database: Database, evidence: EvidenceStore, video_id: int, track_id: int, touched: Touched
) -> list[PersonRow | PersonKey]:
    """Rows to write and keys to delete so that the track's fill follows from its labels and predictions.

    Only where it may hang on what was touched; annotations follow the fill as they follow predictions.
    """
    labelled = people.labelled_joints(database, video_id, track_id)
    if not labelled and not people.has_fill(database, video_id, track_id):
        return []
    extents = _extents(labelled, touched)
    if not extents:
        return []
    first, last = min(a for a, _ in extents.values()), max(b for _, b in extents.values())
    there = layers_by_frame(people.rows_of_track(database, video_id, track_id, max(first, 0), last))
    frames = [frame for frame, layers in there.items() if is_predicted(layers)]
    fills = _filled(evidence, video_id, there, frames, extents)
    new_fills = dict(zip(fills, rows_of(video_id, LAYER_FILL, list(fills.values())), strict=True))
    changes: list[PersonRow | PersonKey] = []
    for frame, layers in there.items():
        fill, before = new_fills.get(frame), layers.get(LAYER_FILL)
        if fill is None and before is not None:
            changes.append(before.key)
        elif fill is not None and fill != before:
            changes.append(fill)
    return changes + _followed(video_id, there, new_fills)


def _extents(labelled: Mapping[int, BoolArray], touched: Touched) -> dict[Unit, tuple[int, int]]:
    """For each unit that was touched, the frames whose fill may be another now (last excluded)."""
    found = {}
    for unit in UNITS:
        frames = [frame for frame, joints in touched.joints.items() if joints[list(unit)].any()]
        if frames:
            found[unit] = extent(unit, labelled, min(frames), max(frames) + 1)
    return found


def _filled(
    evidence: EvidenceStore,
    video_id: int,
    there: Mapping[int, Mapping[int, PersonRow]],
    frames: Sequence[int],
    extents: Mapping[Unit, tuple[int, int]],
) -> dict[int, Annotation]:
    """The people of the fill layer, by frame, with what stays of units and frames that were not touched."""
    if not frames:
        return {}
    predicted = list(annotations_of([there[frame][LAYER_PREDICTION] for frame in frames]))
    said = said_by_annotator(there, frames)
    track = track_frames(evidence, video_id, predicted, said)
    filled = np.zeros((len(frames), NUM_JOINTS), bool)
    points, confidence = track.predicted.copy(), np.zeros((len(frames), NUM_JOINTS))
    visibility = np.stack([person.visibility for person in predicted])
    kept = [row for row, frame in enumerate(frames) if LAYER_FILL in there[frame]]
    for row, before in zip(kept, annotations_of([there[frames[row]][LAYER_FILL] for row in kept]), strict=True):
        filled[row] = before.origin == Origin.PROPAGATED
        points[row], confidence[row], visibility[row] = before.keypoints, before.confidence, before.visibility
    frame_index = np.array(frames)
    for unit, (first, last) in extents.items():
        a, b = np.searchsorted(frame_index, (first, last)).tolist()
        joints = list(unit)
        found = fill_track(track.part(a, b), (unit,))
        filled[a:b, joints] = found.filled[:, joints]
        points[a:b, joints] = found.points[:, joints]
        confidence[a:b, joints] = found.confidence[:, joints]
        for joint in unit:
            visibility[a:b, joint] = _visibility(predicted[a:b], said[a:b], track.labelled[a:b, joint], joint)
    return {
        person.frame_index: replace(
            person,
            keypoints=np.where(filled[row, :, None], points[row], person.keypoints),
            confidence=np.where(filled[row], confidence[row], person.confidence),
            visibility=np.where(filled[row], visibility[row], person.visibility).astype(np.uint8),
            origin=np.where(filled[row], Origin.PROPAGATED, person.origin).astype(np.uint8),
        )
        for row, person in enumerate(predicted)
        if filled[row].any()
    }


def _visibility(
    predicted: Sequence[Annotation], said: Sequence[Annotation | None], labelled: BoolArray, joint: int
) -> npt.NDArray[np.uint8]:
    """(n,) as predicted; where that is absent, as at the nearest label."""
    found = np.array([person.visibility[joint] for person in predicted], np.uint8)
    labels = np.flatnonzero(labelled)
    for row in np.flatnonzero(found == Visibility.ABSENT) if len(labels) else ():
        nearest = said[int(labels[np.abs(labels - row).argmin()])]
        assert nearest is not None  # it has the label
        found[row] = nearest.visibility[joint]
    return found


def _followed(
    video_id: int, there: Mapping[int, Mapping[int, PersonRow]], new_fills: Mapping[int, PersonRow]
) -> list[PersonRow]:
    """Annotations that show something else of the fill now."""
    rows = [
        layers[LAYER_ANNOTATION]
        for layers in there.values()
        if LAYER_ANNOTATION in layers and LAYER_PREDICTION in layers and not layers[LAYER_ANNOTATION].removed
    ]
    below = [new_fills.get(row.frame_index) or there[row.frame_index][LAYER_PREDICTION] for row in rows]
    pairs = zip(rows, annotations_of(rows), annotations_of(below), strict=True)
    shown = [merged(person, row.owned, under) for row, person, under in pairs]
    after = rows_of(video_id, LAYER_ANNOTATION, shown, [row.owned for row in rows])
    return [new for new, row in zip(after, rows, strict=True) if new != row]

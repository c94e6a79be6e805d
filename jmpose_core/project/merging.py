"""Two tracks that are one person: which of two skeletons in one frame says what."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from jmpose_core.annotations import Annotation, CodeArray, Origin, Visibility
from jmpose_core.errors import ProjectError
from jmpose_core.frame_numbers import frame_number
from jmpose_core.project.layers import owned_joints
from jmpose_core.project.rows import PersonKey, PersonRow, annotations_of, rows_of
from jmpose_core.project.schema import LAYER_ANNOTATION, LAYER_FILL, LAYER_PREDICTION
from jmpose_core.skeleton import JOINT_TITLES

_ONE_PLACE = 1.0  # pixels: labels of both that are this near say the same


def merged_tracks(kept: Sequence[PersonRow], gone: Sequence[PersonRow]) -> list[PersonRow | PersonKey]:
    """Rows to write and keys to delete so that everybody of one track is on another, which has somebody, too.

    Args:
        kept, gone: all rows of the two tracks.

    Raises:
        ProjectError: a joint is labelled on both, in different places.
    """
    track_id = kept[0].track_id
    frames: dict[int, tuple[dict[int, PersonRow], dict[int, PersonRow]]] = {}
    for row in gone:
        frames.setdefault(row.frame_index, ({}, {}))[1][row.layer] = row._replace(track_id=track_id)
    there = [row for row in kept if row.frame_index in frames]
    for row in there:
        frames[row.frame_index][0][row.layer] = row
    merged = [row for own, moved in frames.values() for row in merged_layers(own, moved)]
    written = {row.key for row in merged}
    return [*(row.key for row in (*there, *gone) if row.key not in written), *merged]


def merged_layers(kept: Mapping[int, PersonRow], moved: Mapping[int, PersonRow]) -> list[PersonRow]:
    """The rows of one person in place of two, in one frame. The fill is left out: it is made anew.

    Args:
        kept, moved: rows by layer, all with the track of `kept`; where one alone is shown, that one is the person.

    Raises:
        ProjectError: a joint is labelled on both, in different places.
    """
    if not _shown(moved):
        return _without_fill(kept or moved)
    if not _shown(kept):
        return _without_fill(moved)
    found = [_merged_row(kept.get(layer), moved.get(layer)) for layer in (LAYER_PREDICTION, LAYER_ANNOTATION)]
    return [row for row in found if row is not None]


def merged_people(kept: Annotation, moved: Annotation) -> Annotation:
    """Joint by joint what says more: a label, then a joint that is there; of two alike, `kept`'s.

    Raises:
        ProjectError: a joint is labelled on both, in different places.
    """
    both = owned_joints(kept) & owned_joints(moved)
    apart = np.abs(kept.keypoints - moved.keypoints).max(axis=1) > _ONE_PLACE
    for joint in np.flatnonzero(both & (apart | (kept.visibility != moved.visibility))).tolist():
        raise ProjectError(
            f"frame {frame_number(kept.frame_index)}: the {JOINT_TITLES[joint]} is labelled on both tracks, in "
            "different ways; delete one of the two people there, or swap the tracks"
        )
    taken = _says(moved) > _says(kept)
    return replace(
        kept,
        keypoints=np.where(taken[:, None], moved.keypoints, kept.keypoints),
        visibility=np.where(taken, moved.visibility, kept.visibility),
        confidence=np.where(taken, moved.confidence, kept.confidence),
        origin=np.where(taken, moved.origin, kept.origin),
    )


def _says(person: Annotation) -> CodeArray:
    """(15,) how much is known of each joint."""
    there = (person.visibility != Visibility.ABSENT) & (person.origin != Origin.NONE)
    return np.where(owned_joints(person), 2, there).astype(np.uint8)


def _merged_row(kept: PersonRow | None, moved: PersonRow | None) -> PersonRow | None:
    if kept is None or moved is None:
        return kept or moved
    (person,) = rows_of(kept.video_id, kept.layer, [merged_people(*annotations_of([kept, moved]))], [kept.owned])
    return person


def _shown(layers: Mapping[int, PersonRow]) -> bool:
    return bool(layers) and not layers[max(layers)].removed


def _without_fill(layers: Mapping[int, PersonRow]) -> list[PersonRow]:
    return [row for layer, row in layers.items() if layer != LAYER_FILL]

"""What changes when a range of frames has been predicted again."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.errors import ProjectError
from jmpose_core.frame_numbers import frame_number, frame_range
from jmpose_core.project.layers import as_predictions, merged
from jmpose_core.project.rows import PersonKey, PersonRow, annotations_of, column, payloads, rows_of
from jmpose_core.project.schema import LAYER_ANNOTATION, LAYER_PREDICTION
from jmpose_core.project.track_matching import NO_TRACK, Appearances, match_tracks


def predicted_range(annotations: Sequence[Annotation], first: int | None, last: int | None) -> tuple[int, int]:
    """The frames that were predicted, `last` excluded; where not told, those from the first to the last person.

    Raises:
        ProjectError: a person lies outside of it.
    """
    frames = [annotation.frame_index for annotation in annotations]
    first = min(frames, default=0) if first is None else first
    last = max(frames, default=first - 1) + 1 if last is None else last
    for frame in frames:
        if not first <= frame < last:
            number, predicted = frame_number(frame), frame_range(first, last)
            raise ProjectError(f"predictions: frame {number} lies outside of the predicted {predicted}")
    return first, last


def with_existing_tracks(
    annotations: Sequence[Annotation], nearby: Sequence[PersonRow], first: int, last: int, used_ids: set[int]
) -> list[Annotation]:
    """The predicted people on the tracks that are there; a new track keeps its number where that is free.

    Args:
        annotations: people of the frames `first` to `last` (excluded).
        nearby: rows of all layers of these frames and of the one on either side.
        used_ids: track ids of the video that are not free.

    Raises:
        ProjectError: two predicted people share frame and track.
    """
    _refuse_twins(annotations)
    if not annotations:
        return []
    track_ids = match_tracks(_appearances_of_people(annotations), _existing(nearby, first, last))
    fresh = _fresh_ids({a.track_id for a, t in zip(annotations, track_ids, strict=True) if t == NO_TRACK}, used_ids)
    return [
        _on_track(annotation, fresh[annotation.track_id] if track_id == NO_TRACK else track_id)
        for annotation, track_id in zip(annotations, track_ids.tolist(), strict=True)
    ]


def changes(
    video_id: int, annotations: Iterable[Annotation], present: Sequence[PersonRow]
) -> list[PersonRow | PersonKey]:
    """Rows to write and keys to delete so that `annotations` are the predictions.

    The annotation layer keeps what the annotator owns, and follows elsewhere;
    tombstones stay as they are, and the fill is for `filling` to bring up to date.

    Args:
        annotations: on their final tracks.
        present: rows of all layers of the predicted frames.
    """
    before = {row.key: row for row in present}
    predicted = as_predictions(annotations)
    rows = [row for row in present if row.layer == LAYER_ANNOTATION and not row.removed]
    above = {row.key: person for row, person in zip(rows, annotations_of(rows), strict=True)}
    keys = [PersonKey(video_id, found.frame_index, found.track_id, LAYER_ANNOTATION) for found in predicted]
    followed = [(key, found) for key, found in zip(keys, predicted, strict=True) if key in above]
    owned = [before[key].owned for key, _ in followed]
    shown = [merged(above[key], bits, found) for bits, (key, found) in zip(owned, followed, strict=True)]
    after = [*rows_of(video_id, LAYER_PREDICTION, predicted), *rows_of(video_id, LAYER_ANNOTATION, shown, owned)]
    kept = {row.key for row in after}
    gone = [key for key in before if key.layer == LAYER_PREDICTION and key not in kept]
    return [*gone, *(row for row in after if before.get(row.key) != row)]


def _on_track(annotation: Annotation, track_id: int) -> Annotation:
    return annotation if annotation.track_id == track_id else replace(annotation, track_id=track_id)


def _refuse_twins(annotations: Iterable[Annotation]) -> None:
    seen: set[tuple[int, int]] = set()
    for annotation in annotations:
        place = (annotation.frame_index, annotation.track_id)
        if place in seen:
            raise ProjectError(f"predictions: frame {frame_number(place[0])} has track {place[1]} twice")
        seen.add(place)


def _existing(nearby: Sequence[PersonRow], first: int, last: int) -> Appearances:
    """People of the range, removed ones too, and those beside it whose track ends at its border."""
    upper = {(row.frame_index, row.track_id): row for row in nearby}  # ordered by layer: the annotation comes last
    everybody = _appearances_of_rows(list(upper.values()))
    inside = (everybody.frame_index >= first) & (everybody.frame_index < last)
    parts = [everybody.take(np.flatnonzero(inside))]
    for outer, inner in ((first - 1, first), (last, last - 1)):
        beside = everybody.frame_index == outer
        there = np.concatenate([p.track_id[p.frame_index == inner] for p in parts])
        ended = beside & ~np.isin(everybody.track_id, there)
        parts.append(everybody.take(np.flatnonzero(ended)).at_frame(inner))
    return _joined(parts)


def _appearances_of_people(annotations: Sequence[Annotation]) -> Appearances:
    return Appearances(
        column(annotations, "frame_index"),
        column(annotations, "track_id"),
        column(annotations, "bbox_xyxy"),
        column(annotations, "keypoints"),
        column(annotations, "visibility") != Visibility.ABSENT,
    )


def _appearances_of_rows(rows: Sequence[PersonRow]) -> Appearances:
    records = payloads(rows)
    return Appearances(
        np.array([row.frame_index for row in rows], np.int64),
        np.array([row.track_id for row in rows], np.int64),
        records["bbox_xyxy"],
        records["keypoints"],
        records["visibility"] != Visibility.ABSENT,
    )


def _joined(parts: Sequence[Appearances]) -> Appearances:
    return Appearances(
        np.concatenate([p.frame_index for p in parts]),
        np.concatenate([p.track_id for p in parts]),
        np.concatenate([p.bbox_xyxy for p in parts]),
        np.concatenate([p.keypoints for p in parts]),
        np.concatenate([p.present for p in parts]),
    )


def _fresh_ids(wanted: set[int], used: set[int]) -> dict[int, int]:
    """A free id for each new track: its own number where nobody has it, else the next above all."""
    following = max(used | wanted, default=0)
    fresh: dict[int, int] = {}
    for track_id in sorted(wanted):
        if track_id in used:
            following += 1
            fresh[track_id] = following
        else:
            fresh[track_id] = track_id
    return fresh

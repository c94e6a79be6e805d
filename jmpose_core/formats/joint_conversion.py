"""A document in another joint set."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from jmpose_core.formats.document import (
    POSETRACK18_SKELETON,
    Category,
    ExportSummary,
    PersonRecord,
    PoseTrackDocument,
)
from jmpose_core.formats.joint_sets import convert_keypoints
from jmpose_core.skeleton import POSETRACK18_SLOTS


def with_joints(
    document: PoseTrackDocument, target: Sequence[str], *, synthesise: bool = False
) -> tuple[PoseTrackDocument, ExportSummary]:
    """The document with joints named and ordered as `target`, and what the target cannot hold.

    Joints that are derived (see joint_sets) are named in each person's `synthesised`.
    """
    target = tuple(target)
    summary = ExportSummary(people=len(document.people), images=len(document.images))
    if document.joint_names == target:
        return document, summary
    category = document.categories[0] if document.categories else Category()
    skeleton = POSETRACK18_SKELETON if target == POSETRACK18_SLOTS else None
    people = [_person(person, document.joint_names, target, synthesise, summary) for person in document.people]
    categories = [replace(category, keypoints=target, skeleton=skeleton)]
    return replace(document, people=people, categories=categories), summary


def _person(
    person: PersonRecord, source: tuple[str, ...], target: tuple[str, ...], synthesise: bool, summary: ExportSummary
) -> PersonRecord:
    if person.keypoints is None:
        return person
    scores = np.array(person.scores) if person.scores else np.zeros(len(source))
    absent = ~person.keypoints.any(axis=1)
    columns = np.column_stack([person.keypoints, np.where(absent, 0.0, scores)])
    result = convert_keypoints(columns, source, target, synthesise=synthesise)
    for name in result.dropped:
        summary.drop(name)
    return replace(
        person,
        keypoints=np.ascontiguousarray(result.keypoints[:, :3]),
        scores=tuple(result.keypoints[:, 3].tolist()) if person.scores else person.scores,
        num_keypoints=None,
        synthesised=(*person.synthesised, *result.synthesised),
    )

"""The effort of correcting prediction files into ground truth files, beside annotating from scratch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.errors import FormatError
from jmpose_core.evaluation.effort import Effort, TruePerson, correct, from_scratch
from jmpose_core.evaluation.files import read_pairs
from jmpose_core.evaluation.matching import Match, Source, match_images
from jmpose_core.evaluation.pck import HEAD_FACTOR, torso_sizes
from jmpose_core.evaluation.regions import inside_any
from jmpose_core.formats.document import PersonRecord, Polygon
from jmpose_core.formats.joint_sets import our_names
from jmpose_core.formats.people import annotations_of, head_bbox, xywh_of
from jmpose_core.skeleton import JOINT_INDEX, JOINTS

OF_HEAD: Final = 0.5  # a joint may be off by half a head size, PCKh's threshold
OF_TORSO: Final = 0.2  # where there is no head: PCK's threshold
OF_BOX: Final = 0.05  # where there is no torso either: of the box's longer side, about half a standing person's head


def effort_report(gt: Path, pred: Path, match: Match = "auto") -> dict[str, Any]:
    """What `jmpose_core.evaluation.effort` counts for files; values for JSON.

    Labelled images count, joints in ignore regions and true people without any joint do not. A joint may be
    off by half a head size (0.6 times the diagonal of the head box, which is derived from the head's ends
    where the file has none); `tolerance_from` says for how many people it had to come from the torso or the box.

    Raises:
        FormatError: files are missing or broken, images do not match, or there is nobody in the ground truth.
    """
    corrected, scratch, units = Effort(), Effort(), Counter[str]()
    found_people = kept = frames = people = joints = 0
    images = []
    for truth, predicted in read_pairs(gt, pred):
        matched = match_images(truth, predicted, match)
        images.append(matched.statement(truth, predicted))
        labelled = {i for i, image in enumerate(truth.document.images) if image.is_labeled is not False}
        wanted = [one for one in true_people(truth, units) if one.person.frame_index in labelled]
        frame_of = {position: frame for frame, position in enumerate(matched.positions) if frame in labelled}
        found = _predicted_people(truth, predicted, frame_of)
        occlusion = any((one.person.visibility == Visibility.OCCLUDED).any() for one in wanted)
        judged = np.isin(JOINTS, our_names(truth.document.joint_names))
        correction = correct(wanted, found, judged=judged, occlusion=occlusion)
        corrected.edits += correction.effort.edits
        scratch.edits += from_scratch(wanted, occlusion=occlusion).edits
        frames, people = frames + len(labelled), people + len(wanted)
        found_people, kept = found_people + len(found), kept + correction.kept
        joints += sum(int((one.person.visibility != Visibility.ABSENT).sum()) for one in wanted)
    if not people:
        raise FormatError(f"{gt}: nobody with joints in its labelled images; give ground truth with people in it")
    return {
        "images": images,
        "frames": frames,
        "people": people,
        "joints": joints,
        "predicted_people": found_people,
        "kept_people": kept,
        "tolerance_from": dict(units),
        "edits": {edit.value: count for edit, count in corrected.edits.most_common()},
        "correcting": _totals(corrected, people),
        "from_scratch": _totals(scratch, people),
        "actions_ratio": corrected.actions / scratch.actions,
        "steps_ratio": corrected.steps / scratch.steps,
    }


def _totals(effort: Effort, people: int) -> dict[str, float]:
    return {
        **effort.inputs._asdict(),
        "actions": effort.actions,
        "steps": effort.steps,
        "actions_per_person": effort.actions / people,
    }


def true_people(truth: Source, units: Counter[str]) -> list[TruePerson]:
    """Everybody with joints outside of ignore regions, and how far off a joint may be; `units` counts from what."""
    regions = [image.ignore_regions or () for image in truth.document.images]
    people = []
    annotations = annotations_of(truth.document, origin=Origin.CORRECTED)
    for record, annotation in zip(truth.document.people, annotations, strict=True):
        person = _outside(annotation, regions[annotation.frame_index])
        if (person.visibility != Visibility.ABSENT).any():
            unit, tolerance = _tolerance(record, annotation)
            units[unit] += 1
            people.append(TruePerson(person, tolerance))
    return people


def _predicted_people(truth: Source, predicted: Source, frame_of: dict[int, int]) -> list[Annotation]:
    """With the frames of the ground truth; those in its ignore regions are left out."""
    people = []
    for annotation in annotations_of(predicted.document, origin=Origin.PREDICTED):
        frame = frame_of.get(annotation.frame_index)
        if frame is not None:
            regions = truth.document.images[frame].ignore_regions or ()
            person = _outside(replace(annotation, frame_index=frame), regions)
            if (person.visibility != Visibility.ABSENT).any():
                people.append(person)
    return people


def _outside(person: Annotation, regions: Sequence[Polygon]) -> Annotation:
    """The person without the joints that lie in ignore regions."""
    if not regions:
        return person
    hidden = inside_any(person.keypoints, regions)
    return replace(person, visibility=np.where(hidden, Visibility.ABSENT, person.visibility).astype(np.uint8))


def _tolerance(record: PersonRecord, person: Annotation) -> tuple[str, float]:
    """What the tolerance comes from, and the tolerance in pixels."""
    labelled = person.visibility != Visibility.ABSENT
    head, ends = record.bbox_head_xywh, [JOINT_INDEX["head_top"], JOINT_INDEX["head_bottom"]]
    if head is None and labelled[ends].all():
        head = xywh_of(head_bbox(person.keypoints[ends[0]], person.keypoints[ends[1]]))
    if head is not None and np.hypot(head[2], head[3]) > 0:
        return "head", OF_HEAD * HEAD_FACTOR * float(np.hypot(head[2], head[3]))
    torso = float(torso_sizes(person.keypoints[None], labelled[None])[0])
    if torso > 0:
        return "torso", OF_TORSO * torso
    left, top, right, bottom = person.bbox_xyxy
    return "box", OF_BOX * max(right - left, bottom - top)

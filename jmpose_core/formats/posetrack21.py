"""PoseTrack21 JSON, one file a video: PoseTrack18 with identities across videos.

Its kit needs ignore_regions_x and _y on every image; `has_labeled_person` says whether
a frame has boxes, `is_labeled` whether it has keypoints. There is no has_no_densepose,
and ground truth has no scores.
"""

from dataclasses import replace
from pathlib import Path

from jmpose_core.formats.coco_family import document_of, values_of
from jmpose_core.formats.document import ExportSummary, ImageRecord, PersonRecord, PoseTrackDocument, summary_of
from jmpose_core.formats.files import encode_json, read_json, write_atomically


def read_posetrack21(path: Path) -> PoseTrackDocument:
    """A PoseTrack21 file, with every field it has.

    Raises:
        FormatError: not such a file; the message names the place in it.
    """
    return document_of(read_json(path), path)


def write_posetrack21(document: PoseTrackDocument, path: Path) -> ExportSummary:
    """Write the document whole or not at all, with the fields that PoseTrack21's kit needs.

    Raises:
        FormatError: the file cannot be written.
    """
    summary = summary_of(document, drops=["images.has_no_densepose"])
    summary.drop("annotations.person_id (unknown)", sum(person.person_id is None for person in document.people))
    images = [
        _image(image, [person for _, person in people])
        for image, people in zip(document.images, document.people_by_image(), strict=True)
    ]
    people = [replace(person, scores=person.scores or None) for person in document.people]
    write_atomically(path, encode_json(values_of(replace(document, images=images, people=people))))
    return summary


def _image(image: ImageRecord, people: list[PersonRecord]) -> ImageRecord:
    with_joints = any(person.keypoints is not None and bool(person.keypoints.any()) for person in people)
    return replace(
        image,
        has_no_densepose=None,
        is_labeled=with_joints if image.is_labeled is None else image.is_labeled,
        has_labeled_person=bool(people) if image.has_labeled_person is None else image.has_labeled_person,
        ignore_regions=image.ignore_regions or (),
    )

"""Corrected labels to fine-tune on: projects, and PoseTrack18 or COCO files with their images beside them."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.errors import FormatError, JMPoseError
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.posetrack18 import read_posetrack18
from jmpose_core.project import Project
from jmpose_core.video import open_video


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """A video and the people in it that a person has corrected or verified, in the order of frames."""

    video_path: Path
    people: tuple[Annotation, ...]


def read_labels(paths: Sequence[Path]) -> list[LabelledVideo]:
    """Labels of all the given data.

    Raises:
        JMPoseError: a file cannot be read, or nothing in any of them was corrected.
    """
    labels = [label for path in paths for label in _read(path)]
    if not any(label.people for label in labels):
        names = ", ".join(str(path) for path in paths)
        raise FormatError(f"{names}: no corrected or verified joint to learn from; correct some frames first")
    return labels


def trusted_joints(person: Annotation) -> np.ndarray:
    """(15,) bool: joints that a person placed or confirmed, and that are in the picture."""
    return (person.origin >= Origin.CORRECTED) & (person.visibility != Visibility.ABSENT)


def digest_of_labels(labels: Sequence[LabelledVideo]) -> str:
    """Tells whether two sets of labels are the same, wherever their videos lie."""
    digest = hashlib.sha256()
    for label in labels:
        with open_video(label.video_path) as video:
            digest.update(repr(video.fingerprint()).encode())
        for person in label.people:
            digest.update(repr((person.frame_index, person.track_id, person.bbox_xyxy)).encode())
            for array in (person.keypoints, person.visibility, person.origin):
                digest.update(array.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> Iterator[LabelledVideo]:
    if path.suffix == ".jmpose":
        yield from _read_project(path)
    elif path.suffix == ".json":
        yield _read_posetrack18(path)
    else:
        raise FormatError(f"{path}: not training data; give a .jmpose project or a PoseTrack18 .json")


def _read_project(path: Path) -> Iterator[LabelledVideo]:
    with Project.open(path, read_only=True) as project:
        for video in project.videos():
            people = project.people_between(video.id, 0, video.frame_count)
            trusted = tuple(person for person in people if trusted_joints(person).any())
            if trusted:
                yield LabelledVideo(project.video_path(video.id), trusted)


def _read_posetrack18(path: Path) -> LabelledVideo:
    """Ground truth of one sequence; every labelled joint counts as verified. Images lie as PoseTrack lays them out."""
    document = read_posetrack18(path)
    folder = _images_folder(path, Path(document.images[0].file_name) if document.images else Path())
    return LabelledVideo(folder, tuple(annotations_of(document, origin=Origin.VERIFIED)))


def _images_folder(path: Path, file_name: Path) -> Path:
    for parent in path.resolve().parents:
        if (parent / file_name).is_file():
            return (parent / file_name).parent
    raise JMPoseError(f"{path}: {file_name} not found in any folder above it; put the images where PoseTrack does")

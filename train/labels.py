"""Corrected labels to fine-tune on: projects, and labels of PoseTrack, COCO, JHMDB or HiEve with images beside them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.errors import FormatError, JMPoseError
from jmpose_core.formats.document import ImageRecord, PoseTrackDocument
from jmpose_core.formats.hieve import is_hieve
from jmpose_core.formats.image_matching import BY_NAME, BY_POSITION, Frames, match_images
from jmpose_core.formats.people import BBOX_OF_KEYPOINTS, annotations_of
from jmpose_core.formats.table import read_document
from jmpose_core.geometry import Xyxy, bbox_of_points
from jmpose_core.project import PROJECT_SUFFIX, Project
from jmpose_core.video import list_images, open_video


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """A video and the people in it that a person has corrected or verified, in the order of frames."""

    video_path: Path
    people: tuple[Annotation, ...]


def read_labels(paths: Sequence[Path], *, by_position: bool = False) -> list[LabelledVideo]:
    """Labels of all the given data. Of a file, the images are found by their names; extensions may differ.

    Args:
        by_position: a file's image N is the N-th picture of its folder, whatever it is called; the counts must agree.

    Raises:
        JMPoseError: a file cannot be read, an image with labels is not there, or nothing in any of them was corrected.
    """
    labels = [label for path in paths for label in _read(path, by_position)]
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


def _read(path: Path, by_position: bool) -> Iterator[LabelledVideo]:
    if path.suffix == PROJECT_SUFFIX:
        yield from _read_project(path)
    elif path.suffix in (".json", ".mat") or is_hieve(path):
        yield from _read_file(path, by_position)
    else:
        raise FormatError(
            f"{path}: not training data; give a .jmpose project, a PoseTrack or COCO .json, JHMDB's .mat or a folder "
            "of HiEve's labels"
        )


def _read_project(path: Path) -> Iterator[LabelledVideo]:
    with Project.open(path, read_only=True) as project:
        for video in project.videos():
            people = project.people_between(video.id, 0, video.frame_count)
            label = _labelled(project.video_path(video.id), people)
            if label.people:
                if fault := project.check_video(video.id):
                    raise fault  # the labels are of other pictures
                yield label


def _read_file(path: Path, by_position: bool) -> Iterator[LabelledVideo]:
    """Ground truth of the folders of images that a file names; every labelled joint counts as verified."""
    document = read_document(path).without_crowds()
    labelled = {person.image_id for person in document.people}
    folders: dict[PurePosixPath, list[ImageRecord]] = {}
    for image in document.images:
        folders.setdefault(_place(image).parent, []).append(image)
    for images in folders.values():
        wanted = {image.id for image in images} & labelled
        if wanted:
            folder = _images_folder(path, next(image for image in images if image.id in wanted))
            people = [person for person in document.people if person.image_id in wanted]
            one = replace(document, images=images, people=people)
            yield _labelled(folder, _on_pictures(one, folder, path, by_position))


def _on_pictures(document: PoseTrackDocument, folder: Path, path: Path, by_position: bool) -> Iterator[Annotation]:
    """The people, with the pictures of the folder as frames."""
    frames = Frames(folder.name, list_images(folder), real_names=True)
    match = match_images(document, frames, path, by_position=by_position)
    for person in annotations_of(document, origin=Origin.VERIFIED):
        frame = match.frames[person.frame_index]
        if frame is None or match.by not in (BY_NAME, BY_POSITION):
            raise _not_found(path, document.images[person.frame_index])
        yield replace(person, frame_index=frame)


def _labelled(video_path: Path, people: Iterable[Annotation]) -> LabelledVideo:
    """The people with trusted joints. A box without area becomes one about the joints."""
    trusted = (_with_box(person) for person in people if trusted_joints(person).any())
    return LabelledVideo(video_path, tuple(sorted(trusted, key=lambda person: person.frame_index)))


def _with_box(person: Annotation) -> Annotation:
    if _has_area(person.bbox_xyxy):
        return person
    points = person.keypoints[person.visibility != Visibility.ABSENT]
    return replace(person, bbox_xyxy=bbox_of_points(points, enlarge=BBOX_OF_KEYPOINTS))


def _has_area(bbox_xyxy: Xyxy) -> bool:
    left, top, right, bottom = bbox_xyxy
    return right > left and bottom > top


def _place(image: ImageRecord) -> PurePosixPath:
    return PurePosixPath(image.file_name.replace("\\", "/"))


def _images_folder(path: Path, image: ImageRecord) -> Path:
    """The folder of an image, somewhere above the file, as PoseTrack and COCO lay their data out."""
    place = _place(image)
    above = [path.resolve(), *path.resolve().parents]
    candidates = [folder for parent in above for folder in (parent / place.parent, parent / "images" / place.parent)]
    for folder in candidates:
        if (folder / place.name).is_file():
            return folder
    for folder in candidates:  # an image of another extension
        if folder.is_dir() and place.parent.name and list_images(folder):
            return folder
    raise _not_found(path, image)


def _not_found(path: Path, image: ImageRecord) -> JMPoseError:
    return JMPoseError(
        f"{path}: {image.file_name} not found in any folder above it; put the images where PoseTrack does"
    )

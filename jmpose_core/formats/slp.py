"""SLEAP .slp files through sleap-io, which the program does without: the extra `slp`.

A track is named by its id. A joint that is not there is NaN; one that is hidden has a position and is not `visible`.
People with scores become predicted instances, whose scores SLEAP keeps as 32-bit numbers; people without become user
instances, on which SLEAP trains. A prediction that a user instance was made from is not read, as SLEAP hides it.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.document import (
    Category,
    ExportSummary,
    ImageRecord,
    PersonRecord,
    PoseTrackDocument,
    fields_but,
    summary_of,
)
from jmpose_core.formats.files import check_replaceable, not_written
from jmpose_core.formats.numerals import LARGEST_FRAME, whole_number
from jmpose_core.formats.people import FIRST_IMAGE_ID, visibility_of

KEPT: Final = (
    "images.file_name", "images.width", "images.height",
    "annotations.track_id", "annotations.scores", "annotations.score",
)  # fmt: skip


def read_slp(path: Path) -> PoseTrackDocument:
    """The instances of a .slp file; frames of a video file get made-up image names.

    Raises:
        FormatError: sleap-io is not installed, or the file is not SLEAP's, or has several skeletons.
    """
    sleap_io = _sleap_io(path)
    if not path.is_file():
        raise FormatError(f"{path}: no such file; check the path")
    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
        return _document(path, labels, sleap_io)
    except FormatError:
        raise
    except Exception as error:  # sleap-io lets h5py, json and its own errors through, of every kind
        raise FormatError(f"{path}: sleap-io cannot read it ({error}); save it again in SLEAP") from error


def write_slp(document: PoseTrackDocument, path: Path) -> ExportSummary:
    """Write the file whole or not at all; pictures are named in it, not copied.

    Raises:
        FormatError: sleap-io is not installed, there is no image, or the file cannot be written.
    """
    sleap_io = _sleap_io(path)
    if not document.images:
        raise FormatError(f"{path}: nothing to write, as there is no image; a .slp file needs a video")
    check_replaceable(path)
    summary = summary_of(document, drops=fields_but(*KEPT))
    labels = _labels(document, sleap_io, summary)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            temporary = Path(folder) / path.name
            sleap_io.save_slp(labels, str(temporary), embed=False, verbose=False)
            temporary.replace(path)
    except OSError as error:
        raise not_written(path, error) from error
    return summary


def _sleap_io(path: Path) -> ModuleType:
    try:
        import sleap_io  # type: ignore[import-not-found] - an extra
    except ImportError as error:
        raise FormatError(f"{path}: .slp files need sleap-io; pip install sleap-io") from error
    return sleap_io


def _document(path: Path, labels: Any, sleap_io: ModuleType) -> PoseTrackDocument:
    joint_sets = {tuple(skeleton.node_names) for skeleton in labels.skeletons}
    if len(joint_sets) != 1:
        raise FormatError(f"{path}: {len(joint_sets)} different skeletons, one expected; save them as separate files")
    joints = joint_sets.pop()
    several = len(labels.videos) > 1
    track_ids = _track_ids([track.name for track in labels.tracks])
    images: list[ImageRecord] = []
    people: list[PersonRecord] = []
    hidden = 0
    for number, video in enumerate(labels.videos):
        first_id = FIRST_IMAGE_ID + number * (LARGEST_FRAME + 1)
        frames = [frame for frame in labels.labeled_frames if frame.video is video]
        images += _images(path, video, frames, first_id, several=several)
        for frame in frames:
            shown = _shown(frame, sleap_io)
            hidden += len(frame.instances) - len(shown)
            image_id = first_id + int(frame.frame_idx)
            people += [_person(instance, image_id, labels, track_ids, sleap_io) for instance in shown]
    named = any(isinstance(video.filename, list) for video in labels.videos)
    count = None if several or named else _shape(labels.videos[0])[0] if labels.videos else None
    notes = [f"predictions that were corrected, left out beneath their corrections ({hidden})"] if hidden else []
    categories = [Category(keypoints=joints, skeleton=None)]
    return PoseTrackDocument(images, people, categories, frame_count=count, names_made_up=not named, notes=notes)


def _shown(frame: Any, sleap_io: ModuleType) -> list[Any]:
    """The instances of a frame that SLEAP shows: not a prediction beneath the user's instance of that person."""
    users = [instance for instance in frame.instances if not isinstance(instance, sleap_io.PredictedInstance)]
    corrected = {id(instance.from_predicted) for instance in users if instance.from_predicted is not None}
    tracks = {id(instance.track) for instance in users if instance.track is not None}
    return [
        instance
        for instance in frame.instances
        if not isinstance(instance, sleap_io.PredictedInstance)
        or (id(instance) not in corrected and id(instance.track) not in tracks)
    ]


def _shape(video: Any) -> tuple[int | None, int | None, int | None]:
    """Frames, height and width, where the file says them."""
    shape = video.shape
    frames, height, width = (int(size) if size else None for size in shape[:3]) if shape else (None, None, None)
    return frames, height, width


def _images(path: Path, video: Any, frames: Sequence[Any], first_id: int, *, several: bool) -> list[ImageRecord]:
    """Of a sequence of pictures each; of a video file the labelled frames, and the first, so that it is listed."""
    named = [str(name) for name in video.filename] if isinstance(video.filename, list) else []
    numbers = {int(frame.frame_idx) for frame in frames} | set(range(len(named) or 1))
    if max(numbers) > LARGEST_FRAME or min(numbers) < 0:
        raise FormatError(f"{path}: frame {max(numbers)} is out of range; save it again in SLEAP")
    _, height, width = _shape(video)
    prefix = f"{Path(str(video.filename)).name}/" if several and not named else ""
    return [
        ImageRecord(
            id=first_id + number,
            file_name=named[number] if number < len(named) else f"{prefix}{number:06d}.jpg",
            width=width,
            height=height,
            frame_index=None if named else number,  # a list may leave pictures out: there the names count
        )
        for number in sorted(numbers)
    ]


def _track_ids(names: Sequence[str]) -> list[int]:
    """The tracks' names as ids where all are whole numbers, else their positions."""
    numbers = [number for name in names if (number := whole_number(name)) is not None and number >= 0]
    return numbers if len(set(numbers)) == len(names) else list(range(len(names)))


def _person(instance: Any, image_id: int, labels: Any, track_ids: list[int], sleap_io: ModuleType) -> PersonRecord:
    points = instance.points
    xy = np.array(points["xy"], np.float64)
    present: npt.NDArray[np.bool_] = np.all(np.isfinite(xy), axis=1)
    keypoints = np.where(present[:, None], np.column_stack([xy, points["visible"]]), 0.0)
    predicted = isinstance(instance, sleap_io.PredictedInstance)
    scores = np.where(present & np.isfinite(points["score"]), points["score"], 0.0).tolist() if predicted else []
    of_person = instance.track
    if of_person is None and not predicted and instance.from_predicted is not None:
        of_person = instance.from_predicted.track
    track = next((index for index, track in enumerate(labels.tracks) if track is of_person), None)
    return PersonRecord(
        image_id=image_id,
        keypoints=keypoints,
        track_id=None if track is None else track_ids[track],
        scores=tuple(scores),
        score=float(instance.score) if predicted and np.isfinite(instance.score) else None,
    )


def _labels(document: PoseTrackDocument, sleap_io: ModuleType, summary: ExportSummary) -> Any:
    skeleton = sleap_io.Skeleton(nodes=list(document.joint_names), name="person")
    names = [image.file_name for image in document.images]
    first = document.images[0]
    metadata: dict[str, Any] = {"type": "ImageVideo", "filename": names[0], "filenames": names}
    if first.width and first.height:
        metadata["shape"] = (len(names), first.height, first.width, 3)
    video = sleap_io.Video(filename=names, open_backend=False, backend_metadata=metadata)
    track_ids = sorted({person.track_id for person in document.people if person.track_id is not None})
    tracks = {track_id: sleap_io.Track(name=str(track_id)) for track_id in track_ids}
    frames = []
    for place, people in enumerate(document.people_by_image()):
        instances = []
        for _, person in people:
            if person.keypoints is None or not person.keypoints.any():
                summary.drop("people without joints")
                continue
            track = None if person.track_id is None else tracks[person.track_id]
            instances.append(_instance(person, person.keypoints, skeleton, track, sleap_io, summary))
        if instances:
            frames.append(sleap_io.LabeledFrame(video=video, frame_idx=place, instances=instances))
    return sleap_io.Labels(labeled_frames=frames, videos=[video], skeletons=[skeleton], tracks=list(tracks.values()))


def _instance(
    person: PersonRecord, keypoints: np.ndarray, skeleton: Any, track: Any, sleap_io: ModuleType, summary: ExportSummary
) -> Any:
    visibility = visibility_of(keypoints)
    summary.drop_fractions(keypoints)
    xy = np.where((visibility != Visibility.ABSENT)[:, None], keypoints[:, :2], np.nan)
    if person.scores or person.score is not None:
        scores = np.array(person.scores) if person.scores else np.ones(len(keypoints))
        score = 1.0 if person.score is None else person.score
        instance = sleap_io.PredictedInstance.from_numpy(xy, skeleton, point_scores=scores, score=score, track=track)
    else:
        instance = sleap_io.Instance.from_numpy(xy, skeleton, track=track)
    instance.points["visible"] = visibility == Visibility.VISIBLE
    return instance

"""SLEAP .slp files through sleap-io, which the program does without: the extra `slp`.

A track is named by its id. A joint that is not there is NaN; one that is hidden has
a position and is not `visible`. People with scores become predicted instances, whose
scores SLEAP keeps as 32-bit numbers.
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
from jmpose_core.formats.files import not_written
from jmpose_core.formats.numerals import whole_number
from jmpose_core.formats.people import FIRST_IMAGE_ID, visibility_of

_DROPPED: Final = fields_but(
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
    summary = summary_of(document, drops=_DROPPED)
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
    images: list[ImageRecord] = []
    first_image: dict[int, int] = {}
    for video in labels.videos:
        last = max((frame.frame_idx for frame in labels.labeled_frames if frame.video is video), default=-1)
        first_image[id(video)] = len(images)
        images += _images(video, len(images), int(last) + 1, several=len(labels.videos) > 1)
    track_ids = _track_ids([track.name for track in labels.tracks])
    people = [
        _person(instance, images[first_image[id(frame.video)] + int(frame.frame_idx)].id, labels, track_ids, sleap_io)
        for frame in labels.labeled_frames
        for instance in frame.instances
    ]
    return PoseTrackDocument(images, people, [Category(keypoints=joints, skeleton=None)])


def _images(video: Any, offset: int, at_least: int, *, several: bool) -> list[ImageRecord]:
    shape = video.shape
    named = [str(name) for name in video.filename] if isinstance(video.filename, list) else []
    count = max(at_least, len(named), int(shape[0]) if shape else 0)
    prefix = f"{Path(str(video.filename)).stem}/" if several and not named else ""
    return [
        ImageRecord(
            id=FIRST_IMAGE_ID + offset + index,
            file_name=named[index] if index < len(named) else f"{prefix}{index:06d}.jpg",
            width=int(shape[2]) if shape and shape[2] else None,
            height=int(shape[1]) if shape and shape[1] else None,
        )
        for index in range(count)
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
    track = next((index for index, track in enumerate(labels.tracks) if track is instance.track), None)
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
    for index, people in enumerate(document.people_by_image()):
        instances = []
        for _, person in people:
            if person.keypoints is None or not person.keypoints.any():
                summary.drop("people without joints")
                continue
            track = None if person.track_id is None else tracks[person.track_id]
            instances.append(_instance(person, person.keypoints, skeleton, track, sleap_io, summary))
        if instances:
            frames.append(sleap_io.LabeledFrame(video=video, frame_idx=index, instances=instances))
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

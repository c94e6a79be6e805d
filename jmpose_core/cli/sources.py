"""What `jmpose predict` is asked to look at: videos, folders, projects, stills; and boxes given for them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from jmpose_core.errors import FormatError, VideoError
from jmpose_core.formats.by_name import read_document
from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.people import annotations_of
from jmpose_core.geometry import Xyxy
from jmpose_core.project import Project
from jmpose_core.video import ImageFolder, Video, list_images, open_video

Boxes = dict[int, dict[int, Xyxy]]  # track id -> frame index -> box


@dataclass(frozen=True, slots=True)
class Job:
    """One video to predict.

    document_frames: frame of the video -> position of its image in the document to
    write. Empty: the same. boxes: in place of detection; None to detect.
    """

    video: Video
    document_frames: dict[int, int] = field(default_factory=dict)
    boxes: Boxes | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to predict, and the one document that it gives."""

    name: str
    jobs: tuple[Job, ...]
    image_names: tuple[str, ...]
    image_size: tuple[int, int] | None
    template: PoseTrackDocument | None = None


def read_sources(path: Path, boxes: Path | None, *, stills: bool) -> Iterator[Source]:
    """The sources at `path`; a project has one for each of its videos.

    Raises:
        JMPoseError: nothing there that can be read, or boxes that do not belong to it.
    """
    if boxes is not None:
        yield _with_boxes(path, read_document(boxes), boxes, stills=stills)
    elif stills:
        names = list_images(path)
        yield Source(
            path.name, tuple(_still(path, name, index) for index, name in enumerate(names)), tuple(names), None
        )
    elif path.suffix == ".jmpose":
        with Project.open(path, read_only=True) as project:
            videos = [project.video_path(record.id) for record in project.videos()]
        for video in videos:
            yield _whole(video)
    else:
        yield _whole(path)


def _whole(path: Path) -> Source:
    video = open_video(path)
    names = tuple(video.image_name(index) for index in range(video.frame_count))
    return Source(path.stem, (Job(video),), names, (video.width, video.height))


def _still(folder: Path, name: str, place: int, boxes: Boxes | None = None) -> Job:
    return Job(ImageFolder(folder, [name]), {0: place}, boxes)


def _with_boxes(path: Path, document: PoseTrackDocument, boxes_path: Path, *, stills: bool) -> Source:
    """The source whose images the boxes' document lists; its ids, names and track ids are kept."""
    boxes = _boxes_by_image(document)
    if path.is_dir():
        jobs = tuple(_folder_jobs(path, document, boxes, boxes_path, stills=stills))
    else:
        video = open_video(path)
        if len(document.images) != video.frame_count:
            raise FormatError(
                f"{boxes_path}: {len(document.images)} images, but {path} has {video.frame_count} frames; "
                "give the boxes of this very video"
            )
        jobs = (Job(video, {}, _boxes_of(boxes, {place: place for place in range(video.frame_count)})),)
    return Source(path.stem, jobs, (), None, document)


def _folder_jobs(
    root: Path, document: PoseTrackDocument, boxes: dict[int, dict[int, Xyxy]], boxes_path: Path, *, stills: bool
) -> Iterator[Job]:
    by_folder: dict[Path, dict[str, int]] = {}
    for place, image in enumerate(document.images):
        file = _find(root, PurePosixPath(image.file_name))
        if file is None:
            raise VideoError(
                f"{root}: {image.file_name} of {boxes_path} is not in it; "
                "give the folder of the sequence, or one above it as PoseTrack lays them out"
            )
        by_folder.setdefault(file.parent, {})[file.name] = place
    for folder, places in by_folder.items():
        if stills:
            for name, place in places.items():
                yield _still(folder, name, place, _boxes_of(boxes, {place: 0}))
        else:
            # The whole folder is opened: frames without boxes are supporting frames all the same.
            names = list_images(folder)
            frame_of_place = {place: names.index(name) for name, place in places.items()}
            document_frames = {frame: place for place, frame in frame_of_place.items()}
            yield Job(ImageFolder(folder), document_frames, _boxes_of(boxes, frame_of_place))


def _find(root: Path, file_name: PurePosixPath) -> Path | None:
    """The file under `root`, which may be any folder along the name's own path."""
    parts = file_name.parts
    candidates = (root.joinpath(*parts[start:]) for start in range(len(parts)))
    return next((file for file in candidates if file.is_file()), None)


def _boxes_by_image(document: PoseTrackDocument) -> dict[int, dict[int, Xyxy]]:
    """Position in the document's images -> track id -> box."""
    boxes: dict[int, dict[int, Xyxy]] = {}
    for person in annotations_of(document):
        left, top, right, bottom = person.bbox_xyxy
        if right > left and bottom > top:
            boxes.setdefault(person.frame_index, {})[person.track_id] = person.bbox_xyxy
    return boxes


def _boxes_of(boxes: dict[int, dict[int, Xyxy]], frame_of_place: dict[int, int]) -> Boxes:
    tracks: Boxes = {}
    for place, frame in frame_of_place.items():
        for track_id, box in boxes.get(place, {}).items():
            tracks.setdefault(track_id, {})[frame] = box
    return tracks

"""What `jmpose predict` is asked to look at: clips to estimate, and the documents their people go into."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from jmpose_core.errors import VideoError
from jmpose_core.formats.any_json import read_json_annotations
from jmpose_core.formats.document import ImageRecord, PoseTrackDocument
from jmpose_core.formats.people import FIRST_IMAGE_ID, document_from
from jmpose_core.geometry import Xyxy
from jmpose_core.project import PROJECT_SUFFIX, Project
from jmpose_core.video import ImageFolder, Video, list_images, open_video, other_images


@dataclass(frozen=True, slots=True)
class Clip:
    """One video to estimate.

    image_of_frame: place in the output's images of each frame that has one.
    boxes: track id -> frame index -> box, in place of detection and tracking.
    """

    name: str
    open: Callable[[], Video]
    image_of_frame: Mapping[int, int]
    boxes: dict[int, dict[int, Xyxy]] | None = None


@dataclass(slots=True)
class Output:
    """One file to write: its name without suffix, its images, and the clips whose people it holds.

    problems: what of the source cannot be used, as messages for the user.
    """

    name: str
    template: PoseTrackDocument
    clips: list[Clip] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def outputs_of(source: Path) -> list[Output]:
    """The outputs of a video, a folder of frames or a project (one a video).

    A project's videos that are gone, or are no longer those that were annotated, are named in `problems`.

    Raises:
        VideoError, ProjectError: it cannot be opened.
    """
    if source.suffix != PROJECT_SUFFIX:
        return [_output_of_video(source)]
    with Project.open(source, read_only=True) as project:
        faults = {record.id: project.check_video(record.id) for record in project.videos()}
        paths = [project.video_path(video_id) for video_id, fault in faults.items() if fault is None]
    if not faults:
        raise VideoError(f"{source}: the project has no video; add one in the window")
    found = [fault for fault in faults.values() if fault is not None]
    if not paths:
        raise found[0]
    outputs = [_output_of_video(path) for path in paths]
    outputs[0].problems += map(str, found)
    return outputs


def output_of_stills(folder: Path) -> Output:
    """One output for a folder of unrelated images of any sizes: each is a clip by itself.

    Images that cannot be read are left out, and named in `problems`.

    Raises:
        VideoError: no folder, or no image in it.
    """
    if not folder.is_dir():
        raise VideoError(f"{folder}: --stills takes a folder of images")
    clips, images = [], []
    problems = [f"{folder / name}: left out, as pictures of this kind cannot be read" for name in other_images(folder)]
    for name in list_images(folder):
        try:
            still = ImageFolder(folder, [name])
        except VideoError as error:
            problems.append(str(error))
            continue
        index = len(images)
        image_id = FIRST_IMAGE_ID + index
        images.append(
            ImageRecord(id=image_id, file_name=name, frame_id=image_id, width=still.width, height=still.height)
        )
        clips.append(Clip(name, lambda name=name: ImageFolder(folder, [name]), {0: index}))
    if not clips:
        raise VideoError("\n".join(problems) or f"{folder}: the folder holds no images")
    return Output(folder.resolve().name, PoseTrackDocument(images, []), clips, problems)


def template_of(video: Video) -> tuple[PoseTrackDocument, Mapping[int, int]]:
    """The images of a video as a file should name them, and the place there of each frame that has one.

    For a sequence inside a PoseTrack data set these are the images of its own file,
    without their people.

    Raises:
        FormatError: the data set's file is broken.
    """
    own = _posetrack_file(video.path)
    if own is not None:
        document = read_json_annotations(own)
        place = {Path(image.file_name).name: index for index, image in enumerate(document.images)}
        names = (video.image_name(index) for index in range(video.frame_count))
        image_of_frame = {frame: place[name] for frame, name in enumerate(names) if name in place}
        if image_of_frame:
            return replace(document, people=[]), image_of_frame
    names = [video.image_name(index) for index in range(video.frame_count)]
    document = document_from([], names, image_size=(video.width, video.height))
    return document, {index: index for index in range(video.frame_count)}


def _output_of_video(path: Path) -> Output:
    with open_video(path) as video:
        template, image_of_frame = template_of(video)
    name = path.resolve().name if path.is_dir() else path.stem
    return Output(name, template, [Clip(name, lambda: open_video(path), image_of_frame)])


def _posetrack_file(path: Path) -> Path | None:
    """DATASET/annotations/val/SEQ.json of DATASET/images/val/SEQ, where there is such a file."""
    folder = path.resolve()
    if not folder.is_dir() or len(folder.parents) < 3 or folder.parents[1].name != "images":
        return None
    split, root = folder.parent.name, folder.parents[2]
    candidates = (root / kind / split / f"{folder.name}.json" for kind in ("annotations", "posetrack_data"))
    return next((file for file in candidates if file.is_file()), None)

"""`--boxes`: a labelled file's boxes and track ids, found in the pictures of the source."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from jmpose_core.annotations import Annotation
from jmpose_core.cli.sources import Clip, Output
from jmpose_core.errors import FormatError
from jmpose_core.formats.document import Category, PoseTrackDocument
from jmpose_core.formats.image_matching import Frames, match_images
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.table import read_document, video_name_of
from jmpose_core.geometry import Xyxy
from jmpose_core.skeleton import JOINTS
from jmpose_core.video import ImageFolder, Video, list_images, open_video


def output_with_boxes(source: Path, boxes: Path, *, stills: bool = False) -> Output:
    """One output with the images and people of `boxes`; a file of several sequences gives several clips.

    Args:
        source: a video, or the folder of the pictures, or a folder above it in the data set's own layout.
        boxes: labels of any format that can be read.
        stills: the pictures are unrelated: each is a clip by itself.

    Raises:
        FormatError: the file is broken, a picture it names is not in the source, or a person has no box.
        VideoError: the source cannot be opened.
    """
    document = read_document(boxes).without_crowds()
    people = _people_by_image(document, boxes)
    if source.is_dir():
        clips = _clips_of_folder(source, boxes, document, people, stills)
    else:
        clips = [_clip_of_video(source, boxes, document, people)]
    if not set(JOINTS) <= set(document.joint_names):
        document.categories = [Category()]  # another skeleton's file lends its boxes, not its joints
    return Output(video_name_of(boxes), document, clips)


def _people_by_image(document: PoseTrackDocument, path: Path) -> list[list[Annotation]]:
    """People by place in the images; each has a box of some area, and a track id of its own."""
    people: list[list[Annotation]] = [[] for _ in document.images]
    for index, annotation in enumerate(annotations_of(document)):
        left, top, right, bottom = annotation.bbox_xyxy
        if not (right > left and bottom > top):
            raise FormatError(f"{path}: annotations[{index}].bbox: no area; --boxes needs a box for every person")
        neighbours = people[annotation.frame_index]
        if any(other.track_id == annotation.track_id for other in neighbours):
            name = document.images[annotation.frame_index].file_name
            raise FormatError(f"{path}: annotations[{index}].track_id: {annotation.track_id} is twice in {name}")
        neighbours.append(annotation)
    return people


def _clips_of_folder(
    source: Path,
    boxes: Path,
    document: PoseTrackDocument,
    people: Sequence[Sequence[Annotation]],
    stills: bool,
) -> list[Clip]:
    sequences: dict[PurePosixPath, list[int]] = {}
    for index, image in enumerate(document.images):
        sequences.setdefault(PurePosixPath(image.file_name.replace("\\", "/")).parent, []).append(index)
    clips = []
    for parent, indices in sequences.items():
        names = [Path(document.images[index].file_name).name for index in indices]
        folder = _folder_of(source, parent, names, alone=len(sequences) == 1)
        if folder is None:
            raise FormatError(
                f"{boxes}: images[{indices[0]}]: {document.images[indices[0]].file_name}, or another image of its "
                f"folder, is not in {source}; give the folder that holds them, or one above it"
            )
        if stills:
            clips += _still_clips(folder, document, indices, people)
        else:
            clips.append(_sequence_clip(folder, document, indices, people))
    return clips


def _folder_of(source: Path, parent: PurePosixPath, names: Sequence[str], *, alone: bool) -> Path | None:
    """Where images/val/SEQ is: below the source, by as much of that path as helps; or the source itself.

    Every sequence has a 000000.jpg: among several, the source is the one whose name it bears.
    """
    parts = parent.parts
    candidates = [source.joinpath(*parts[start:]) for start in range(len(parts))]
    if alone or source.resolve().name == parts[-1]:
        candidates.append(source)
    return next((folder for folder in candidates if all((folder / name).is_file() for name in names)), None)


def _sequence_clip(
    folder: Path, document: PoseTrackDocument, indices: Sequence[int], people: Sequence[Sequence[Annotation]]
) -> Clip:
    """All pictures of the folder are frames, so that supporting frames are there where the file skips some."""
    frame_of_name = {name: frame for frame, name in enumerate(list_images(folder))}
    image_of_frame = {frame_of_name[Path(document.images[index].file_name).name]: index for index in indices}
    return Clip(folder.name, lambda: ImageFolder(folder), image_of_frame, _tracks(image_of_frame, people))


def _still_clips(
    folder: Path, document: PoseTrackDocument, indices: Sequence[int], people: Sequence[Sequence[Annotation]]
) -> list[Clip]:
    clips = []
    for index in indices:
        name = Path(document.images[index].file_name).name
        clips.append(Clip(name, lambda name=name: ImageFolder(folder, [name]), {0: index}, _tracks({0: index}, people)))
    return clips


def _clip_of_video(
    source: Path, boxes: Path, document: PoseTrackDocument, people: Sequence[Sequence[Annotation]]
) -> Clip:
    with open_video(source) as video:
        image_of_frame = _images_of_video(video, boxes, document)
    return Clip(source.stem, lambda: open_video(source), image_of_frame, _tracks(image_of_frame, people))


def _images_of_video(video: Video, boxes: Path, document: PoseTrackDocument) -> Mapping[int, int]:
    """The image of each frame that has one, by name or number."""
    names = [video.image_name(index) for index in range(video.frame_count)]
    match = match_images(document, Frames(video.path.name, names, real_names=False), boxes)
    if match.left_out or match.other_videos:
        raise FormatError(
            f"{boxes}: its {len(document.images)} images are not the {video.frame_count} frames of {video.path}; "
            "give the video that it labels"
        )
    return {frame: index for index, frame in enumerate(match.frames) if frame is not None}


def _tracks(image_of_frame: Mapping[int, int], people: Sequence[Sequence[Annotation]]) -> dict[int, dict[int, Xyxy]]:
    tracks: dict[int, dict[int, Xyxy]] = {}
    for frame, image in sorted(image_of_frame.items()):
        for annotation in people[image]:
            tracks.setdefault(annotation.track_id, {})[frame] = annotation.bbox_xyxy
    return tracks

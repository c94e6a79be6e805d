"""Which image of a file is which frame of a video."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.files import fault


@dataclass(frozen=True, slots=True)
class ImageMatch:
    """For each image of a document its frame."""

    frames: tuple[int | None, ...]  # None: no frame of the video
    by_name: bool  # by the names of the image files; else by their order
    left_out: tuple[str, ...]  # names of the images that are no frame


def match_images(
    document: PoseTrackDocument, names: Sequence[str], video_name: str, path: Path, *, real_names: bool
) -> ImageMatch:
    """Images go to frames by name where the names are the video's, else by position.

    A video file has no image names. What stands for them counts only where it is the name of every image: else a
    file whose names are numbers from 1 would be read one frame late.

    Args:
        names: image names of the video's frames, without folder.
        video_name: of a file with several videos, the images in the folder of this name are taken.
        path: the document's file, for messages.
        real_names: the names are those of files, so that images of other names are known to be none of them.

    Raises:
        FormatError: several videos in the file, and none has this name.
    """
    places = [PurePosixPath(image.file_name.replace("\\", "/")) for image in document.images]
    chosen = _of_one_video(places, video_name, path)
    frame_of = {name: index for index, name in enumerate(names)}
    frames: list[int | None] = [None] * len(places)
    found = {index: frame_of[places[index].name] for index in chosen if places[index].name in frame_of}
    unique = len(set(found.values())) == len(found)
    enough = 2 * len(found) >= len(chosen) if real_names else len(found) == len(chosen)
    by_name = bool(found) and unique and enough
    if not by_name:
        found = {index: frame for frame, index in enumerate(chosen[: len(names)])}
    for index, frame in found.items():
        frames[index] = frame
    left_out = tuple(image.file_name for image, frame in zip(document.images, frames, strict=True) if frame is None)
    return ImageMatch(tuple(frames), by_name, left_out)


def _of_one_video(places: Sequence[PurePosixPath], video_name: str, path: Path) -> list[int]:
    """Positions of the images of one video."""
    folders = dict.fromkeys(place.parent.name for place in places)
    if len(folders) <= 1:
        return list(range(len(places)))
    for wanted in (video_name, Path(video_name).stem):
        if wanted in folders:
            return [index for index, place in enumerate(places) if place.parent.name == wanted]
    what = f"images of {len(folders)} folders ({', '.join(list(folders)[:3])}…), none of which is {video_name}"
    raise fault(path, "images", what, cure="import a file of this video alone, or name the folder as the video")

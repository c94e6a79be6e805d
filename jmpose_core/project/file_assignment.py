"""Which annotation file is of which video of a project: by the folder of its images, else by its own name."""

from collections.abc import Sequence
from pathlib import Path

from jmpose_core.errors import FormatError
from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.image_matching import folders_of
from jmpose_core.formats.table import FORMAT_NAMES
from jmpose_core.project import VideoRecord
from jmpose_core.project.exporting import file_stems


def videos_of_files(
    videos: Sequence[VideoRecord], files: Sequence[tuple[Path, PoseTrackDocument]], *, video_name: str | None = None
) -> list[VideoRecord]:
    """The video of each file. Files that name none are taken in the order of the videos, one for each.

    Args:
        video_name: the user's word, for a single file.

    Raises:
        FormatError: some files name a video and others none, two name the same, or they are not as many as the videos.
    """
    if video_name is not None:
        return [_called(videos, files, video_name)]
    if len(videos) == 1 and len(files) == 1:
        return [videos[0]]
    if len(files) > len(videos):
        raise FormatError(f"{len(files)} files for {len(videos)} videos; give one for each video")
    found = [_named(videos, path, document) for path, document in files]
    named = [video for video in found if video is not None]
    if not named and len(files) == len(videos):
        return list(videos)
    names = ", ".join(video.name for video in videos)
    for (path, _), video in zip(files, found, strict=True):
        if video is None:
            raise FormatError(f"{path}: of which video ({names})? Name the file as its video, or say it with --video")
        if [other.id for other in named].count(video.id) > 1:
            raise FormatError(f"{path}: another file is of {video.name} too; import one after the other")
    return named


def _called(videos: Sequence[VideoRecord], files: Sequence[tuple[Path, PoseTrackDocument]], name: str) -> VideoRecord:
    if len(files) != 1:
        raise FormatError(f"--video {name}: {len(files)} files are given; it is for one")
    stems = file_stems(videos)
    found = [v for v, stem in zip(videos, stems, strict=True) if name in (v.name, v.path, stem)]
    if len(found) != 1:
        what = "no video" if not found else f"{len(found)} videos"
        raise FormatError(f"--video {name}: {what} of that name; choose of {', '.join(stems)}")
    return found[0]


def _named(videos: Sequence[VideoRecord], path: Path, document: PoseTrackDocument) -> VideoRecord | None:
    folders = folders_of(document)
    by_folder = [video for video in videos if folders & {video.name, Path(video.name).stem}]
    if len(by_folder) == 1:
        return by_folder[0]
    own = {path.stem, path.name} | {path.stem.removesuffix(f"{join}{name}") for name in FORMAT_NAMES for join in "-_."}
    stems = file_stems(videos)
    by_name = [video for video, stem in zip(videos, stems, strict=True) if own & {stem, video.name}]
    return by_name[0] if len(by_name) == 1 else None

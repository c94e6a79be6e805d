"""A project's videos to annotation files: where they go, what must not be written over, and writing them."""

from collections.abc import Sequence
from pathlib import Path

from jmpose_core.errors import FormatError, ProjectError
from jmpose_core.formats.document import ExportSummary
from jmpose_core.formats.files import check_replaceable, make_folder
from jmpose_core.formats.table import Format, write_document
from jmpose_core.project import Project, VideoRecord
from jmpose_core.project.as_document import Scores, Which, document_of_video


def export_places(out: Path, videos: Sequence[VideoRecord], row: Format) -> list[Path]:
    """The file, or for YOLO-pose the folder, of each video.

    Args:
        out: a file of the format's suffix, for one video; else a folder, which need not exist.

    Raises:
        FormatError: `out` is neither.
    """
    if row.suffix and out.suffix.lower() == row.suffix and not out.is_dir():
        if len(videos) > 1:
            raise FormatError(f"{out}: one file for {len(videos)} videos; give a folder")
        return [out]
    if out.exists() and not out.is_dir():
        raise FormatError(f"{out}: is neither a folder nor a {row.suffix or 'new'} file; choose another name")
    if row.suffix and out.suffix and not out.is_dir():
        raise FormatError(f"{out}: {row.title} is written as {row.suffix}; end the name so, or give a folder")
    return [out / f"{stem}{row.suffix}" for stem in file_stems(videos)]


def file_stems(videos: Sequence[VideoRecord]) -> list[str]:
    """A file name without suffix for each video, no two the same, also where letters' case does not count.

    It is the video's name without its suffix; of two videos where that is the same, the name with its suffix; where
    that is the same too, with the names of the folders above it.
    """
    choices = [_stems(video) for video in videos]
    taken: list[str] = []
    for own in choices:
        others = [other for other in choices if other is not own]
        for depth, stem in enumerate(own):
            if all(stem.casefold() not in _lower(other[: depth + 1]) for other in others):
                taken.append(stem)
                break
        else:
            taken.append(f"{own[-1]}_{len(taken) + 1}")
    return taken


def _lower(names: Sequence[str]) -> set[str]:
    return {name.casefold() for name in names}


def _stems(video: VideoRecord) -> list[str]:
    """Names for a video's file, the shortest first."""
    above = [part for part in Path(video.path).parent.parts if part not in ("..", ".", "/") and ":" not in part]
    longer = ["_".join([*above[-count:], video.name]) for count in range(1, len(above) + 1)]
    return [Path(video.name).stem, video.name, *longer]


def check_destination(project: Project, path: Path, row: Format, *, overwrite: bool) -> None:
    """Let pass what an export may write: a new file, or with `overwrite` one that is not the project's own.

    Raises:
        FormatError: the file exists; or it is a project, a video or an image of the project, a folder or a device.
    """
    if path.suffix.lower() != row.suffix:
        raise FormatError(f"{path}: {row.title} is written as {row.suffix or 'a folder'}; choose a name that says so")
    for source in _sources(project):
        if _same(path, source):
            raise FormatError(f"{path}: is a video of {project.path.name}; choose another name")
    if not row.suffix:
        return  # the writer takes new and empty folders alone
    check_replaceable(path)
    if path.exists() and not overwrite:
        raise FormatError(f"{path}: exists; choose another name, or say that it may be replaced (--overwrite)")


def _sources(project: Project) -> list[Path]:
    paths = [project.path]
    for video in project.videos():
        try:
            paths.append(project.video_path(video.id))
        except ProjectError:
            continue  # moved away: nothing to write over
    return paths


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def export_video(
    project: Project,
    video: VideoRecord,
    path: Path,
    row: Format,
    *,
    scores: Scores = Scores.PREDICTED,
    which: Which = Which.ALL,
    overwrite: bool = False,
) -> ExportSummary:
    """Write the people of a video, and make the folders above the file.

    Raises:
        FormatError: `check_destination` refuses, the format cannot hold the people, or the file cannot be written.
        ProjectError, VideoError: the project or video cannot be read.
    """
    check_destination(project, path, row, overwrite=overwrite)
    make_folder(path.parent)
    return write_document(document_of_video(project, video, scores=scores, which=which), path, row.name)

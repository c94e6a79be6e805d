"""From what the user opens (video, folder of frames, project) to a project file. Slow: run it in a thread."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from jmpose_core.app_folders import data_folder, folder_mark
from jmpose_core.errors import ProjectError
from jmpose_core.project import PROJECT_SUFFIX, Project
from jmpose_core.video import open_video
from resources import DEMO_CLIP


@dataclass(frozen=True, slots=True)
class Opened:
    """A project file that is ready to be opened, and what there is to say about it."""

    project: Path
    video_name: str | None  # the video that was asked for; None where a project was
    note: str = ""


def prepare_demo(open_project: Path | None = None) -> Opened:
    """The project of the bundled clip, copied to where the user's own data are: the program's folder stays as it is.

    Raises:
        ProjectError: the clip cannot be copied.
    """
    clip = data_folder() / "demo" / DEMO_CLIP.name
    try:
        clip.parent.mkdir(parents=True, exist_ok=True)
        if not clip.exists():
            shutil.copyfile(DEMO_CLIP, clip)
    except OSError as error:
        raise ProjectError(f"{clip}: cannot be written ({error.strerror}); make room for it") from error
    return prepare(clip, open_project)


def prepare(path: Path, open_project: Path | None = None) -> Opened:
    """The project of a video or folder, made if there is none yet; of a project, itself.

    Videos of the project that were moved to beside it, or below, are found again.

    Args:
        path: of the video, folder of frames or project.
        open_project: that the window has open; it is left as it is.

    Raises:
        VideoError: the video cannot be opened; no project is left behind.
        ProjectError: the project cannot be made or opened.
    """
    if path.suffix == PROJECT_SUFFIX:
        return Opened(path, None, _found_again(path, open_project))
    project_path, note = _place_for(path)
    if project_path.exists():
        _add_if_missing(project_path, path)
        return Opened(project_path, path.name, note or _found_again(project_path, open_project))
    project_path.parent.mkdir(parents=True, exist_ok=True)
    project = Project.create(project_path)
    try:
        project.add_video(path)
    except BaseException:
        project.close()
        project_path.unlink()
        raise
    project.close()
    return Opened(project_path, path.name, ". ".join(filter(None, [note, _damage_of(path)])))


def _damage_of(path: Path) -> str:
    """What is missing in a video that was cut off, for the user."""
    with open_video(path) as video:
        return video.damage


def fault_of_video(project_path: Path, video_id: int) -> str:
    """Why a video's pictures must not be shown: its file is gone, or is another one; empty where it is sound.

    Raises:
        ProjectError: the project cannot be read.
    """
    with Project.open(project_path, read_only=True) as project:
        fault = project.check_video(video_id)
    return str(fault) if fault is not None else ""


def _add_if_missing(project_path: Path, video: Path) -> None:
    """walk.mp4 and walk.avi share walk.jmpose."""
    with Project.open(project_path, read_only=True) as project:
        if any(record.name == video.name for record in project.videos()):
            return
    with Project.open(project_path) as project:
        project.add_video(video)


def _found_again(project_path: Path, open_project: Path | None) -> str:
    """Find videos that were moved near the project; what there is to say about it."""
    if open_project is not None and open_project.exists() and project_path.samefile(open_project):
        return ""
    with Project.open(project_path, read_only=True) as project:
        if not project.gone_videos():
            return ""
    with Project.open(project_path) as project:
        found = project.find_moved_videos() if not project.why_read_only else []
    return ". ".join(f"{video.name} was moved, and found again as {video.path}" for video in found)


def _place_for(video: Path) -> tuple[Path, str]:
    """Beside the video or, where that folder cannot be written, among the user's own data."""
    absolute = video.absolute()
    beside = absolute.with_name(
        absolute.stem + PROJECT_SUFFIX if absolute.is_file() else absolute.name + PROJECT_SUFFIX
    )
    if beside.exists() or os.access(absolute.parent, os.W_OK):
        return beside, ""
    if not absolute.exists():
        raise ProjectError(f"{video}: there is no such file or folder; check the path")
    elsewhere = data_folder() / "projects" / f"{beside.stem}-{folder_mark(absolute.parent)}{PROJECT_SUFFIX}"
    return elsewhere, f"{absolute.parent} is read-only, so the project is kept in {elsewhere}"

"""From what the user opens (video, folder of frames, project) to a project file. Slow: run it in a thread."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from jmpose_core.errors import ProjectError
from jmpose_core.project import Project
from resources import DEMO_CLIP

SUFFIX = ".jmpose"


@dataclass(frozen=True, slots=True)
class Opened:
    """A project file that is ready to be opened, and what there is to say about it."""

    project: Path
    video_name: str | None  # the video that was asked for; None where a project was
    note: str = ""


def prepare_demo() -> Opened:
    """The project of the bundled clip, copied to where the user's own data are: the program's folder stays as it is.

    Raises:
        ProjectError: the clip cannot be copied.
    """
    clip = user_data_path("jmpose-studio", "jmpose") / "demo" / DEMO_CLIP.name
    try:
        clip.parent.mkdir(parents=True, exist_ok=True)
        if not clip.exists():
            shutil.copyfile(DEMO_CLIP, clip)
    except OSError as error:
        raise ProjectError(f"{clip}: cannot be written ({error.strerror}); make room for it") from error
    return prepare(clip)


def prepare(path: Path) -> Opened:
    """The project of a video or folder, made if there is none yet; of a project, itself.

    Raises:
        VideoError: the video cannot be opened; no project is left behind.
        ProjectError: the project cannot be made or opened.
    """
    if path.suffix == SUFFIX:
        return Opened(path, None)
    project_path, note = _place_for(path)
    if project_path.exists():
        _add_if_missing(project_path, path)
        return Opened(project_path, path.name, note)
    project_path.parent.mkdir(parents=True, exist_ok=True)
    project = Project.create(project_path)
    try:
        project.add_video(path)
    except BaseException:
        project.close()
        project_path.unlink()
        raise
    project.close()
    return Opened(project_path, path.name, note)


def _add_if_missing(project_path: Path, video: Path) -> None:
    """walk.mp4 and walk.avi share walk.jmpose."""
    with Project.open(project_path, read_only=True) as project:
        if any(record.name == video.name for record in project.videos()):
            return
    with Project.open(project_path) as project:
        project.add_video(video)


def _place_for(video: Path) -> tuple[Path, str]:
    """Beside the video or, where that folder cannot be written, among the user's own data."""
    absolute = video.absolute()
    beside = absolute.with_name(absolute.stem + SUFFIX if absolute.is_file() else absolute.name + SUFFIX)
    if beside.exists() or os.access(absolute.parent, os.W_OK):
        return beside, ""
    if not absolute.exists():
        raise ProjectError(f"{video}: there is no such file or folder; check the path")
    folder = hashlib.sha256(str(absolute.parent).encode()).hexdigest()[:8]  # videos of one name in several folders
    elsewhere = user_data_path("jmpose-studio", "jmpose") / "projects" / f"{beside.stem}-{folder}{SUFFIX}"
    return elsewhere, f"{absolute.parent} is read-only, so the project is kept in {elsewhere}"

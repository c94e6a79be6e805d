"""Write what the annotator sees of one video to a file. Takes a while: run it in a thread."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jmpose_core.errors import ProjectError
from jmpose_core.formats.document import ExportSummary, PoseTrackDocument
from jmpose_core.formats.people import document_from
from jmpose_core.formats.posetrack18 import write_posetrack18
from jmpose_core.project import Project, VideoRecord
from jmpose_core.video import open_video


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format as the dialog offers it."""

    name: str
    suffix: str
    write: Callable[[PoseTrackDocument, Path], ExportSummary]


FORMATS: Final = (ExportFormat("PoseTrack18 JSON", ".json", write_posetrack18),)


def export_video(
    project_path: Path, video: VideoRecord, path: Path, export_format: ExportFormat, *, scores: bool
) -> ExportSummary:
    """Write every person of a video.

    Args:
        scores: with the model's confidences, as predictions for an evaluation have them.

    Raises:
        ProjectError, VideoError, FormatError: the project or video cannot be read, the file not written.
    """
    with Project.open(project_path, read_only=True) as project:
        names = _image_names(project, video)
        people = list(project.people_between(video.id, 0, video.frame_count))
    document = document_from(people, names, image_size=(video.width, video.height), scores=scores)
    return export_format.write(document, path)


def _image_names(project: Project, video: VideoRecord) -> list[str]:
    """Of a folder, its own file names; where the video is gone, numbers."""
    try:
        path = project.video_path(video.id)
    except ProjectError:
        return [f"{index:06d}.jpg" for index in range(video.frame_count)]
    with open_video(path) as source:
        return [source.image_name(index) for index in range(source.frame_count)]

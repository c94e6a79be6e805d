"""Write what the annotator sees of one video to a file. Takes a while: run it in a thread."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jmpose_core.formats.document import ExportSummary, PoseTrackDocument
from jmpose_core.formats.posetrack18 import write_posetrack18
from jmpose_core.formats.project_document import document_of
from jmpose_core.project import Project, VideoRecord


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
        document = document_of(project, video, scores=scores)
    return export_format.write(document, path)

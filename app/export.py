"""Write what the annotator sees of one video to a file. Takes a while: run it in a thread."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jmpose_core.formats.by_name import write_document
from jmpose_core.formats.document import ExportSummary
from jmpose_core.formats.project_document import document_of
from jmpose_core.project import Project, VideoRecord


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format as the dialog offers it; `name` is its name on the command line too."""

    name: str
    title: str
    suffix: str  # empty: a folder


FORMATS: Final = (
    ExportFormat("posetrack18", "PoseTrack18 JSON", ".json"),
    ExportFormat("posetrack21", "PoseTrack21 JSON", ".json"),
    ExportFormat("posetrack17", "PoseTrack17 JSON", ".json"),
    ExportFormat("coco", "COCO keypoints", ".json"),
    ExportFormat("yolo-pose", "YOLO-pose (a folder)", ""),
    ExportFormat("cvat", "CVAT video XML", ".xml"),
    ExportFormat("csv", "CSV table", ".csv"),
    ExportFormat("slp", "SLEAP", ".slp"),
)


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
    return write_document(document, path, export_format.name)

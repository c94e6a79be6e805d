"""Write what the annotator sees of one video to a file, or say what that would write. Slow: run it in a thread."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jmpose_core.formats.by_name import preview_document, write_document
from jmpose_core.formats.document import ExportSummary, PoseTrackDocument
from jmpose_core.project import Project, VideoRecord
from jmpose_core.project.as_document import document_of


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


@dataclass(frozen=True, slots=True)
class ExportPreview:
    """What an export would write."""

    summary: ExportSummary
    frames: int  # with people
    tracks: int


class ExportReader:
    """The document of one video, read once with the model's confidences and once without."""

    def __init__(self, project: Path, video: VideoRecord) -> None:
        self._project, self._video = project, video
        self._documents: dict[bool, PoseTrackDocument] = {}

    def preview(self, export_format: ExportFormat, *, scores: bool) -> ExportPreview:
        """What `export_video` would write now.

        Raises:
            ProjectError, VideoError, FormatError: the project or video cannot be read, or not be held by the format.
        """
        if scores not in self._documents:
            with Project.open(self._project, read_only=True) as project:
                self._documents[scores] = document_of(project, self._video, scores=scores)
        document = self._documents[scores]
        return ExportPreview(
            summary=preview_document(document, f"{self._video.name}{export_format.suffix}", export_format.name),
            frames=len({person.image_id for person in document.people}),
            tracks=len({person.track_id for person in document.people}),
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


def title_of(format_name: str) -> str:
    """A format's name for people."""
    return next(known.title for known in FORMATS if known.name == format_name)

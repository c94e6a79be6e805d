"""Write what the annotator sees of one video to a file, or say what that would write. Slow: run it in a thread."""

from dataclasses import dataclass
from pathlib import Path

from jmpose_core.formats.document import ExportSummary, PoseTrackDocument
from jmpose_core.formats.table import Format, format_of, preview_document
from jmpose_core.project import Project, VideoRecord, exporting
from jmpose_core.project.as_document import Scores, document_of


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

    def preview(self, export_format: Format, *, scores: bool) -> ExportPreview:
        """What `export_video` would write now.

        Raises:
            ProjectError, VideoError, FormatError: the project or video cannot be read, or not be held by the format.
        """
        if scores not in self._documents:
            with Project.open(self._project, read_only=True) as project:
                self._documents[scores] = document_of(project, self._video, scores=_scores(scores))
        document = self._documents[scores]
        return ExportPreview(
            summary=preview_document(document, f"{self._video.name}{export_format.suffix}", export_format.name),
            frames=len({person.image_id for person in document.people}),
            tracks=len({person.track_id for person in document.people}),
        )


def export_video(
    project_path: Path, video: VideoRecord, path: Path, export_format: Format, *, scores: bool
) -> ExportSummary:
    """Write every person of a video.

    Args:
        scores: with the model's confidences, as predictions for an evaluation have them.

    Raises:
        ProjectError, VideoError, FormatError: the project or video cannot be read, the file not written.
    """
    with Project.open(project_path, read_only=True) as project:
        return exporting.export_video(project, video, path, export_format, scores=_scores(scores), overwrite=True)


def title_of(format_name: str) -> str:
    """A format's name for people."""
    return format_of(format_name).title


def _scores(with_confidences: bool) -> Scores:
    return Scores.PREDICTED if with_confidences else Scores.NONE

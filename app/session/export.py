"""Write what the annotator sees of one video to a file, or say what that would write. Slow: run it in a thread."""

from dataclasses import dataclass
from pathlib import Path

from jmpose_core.formats.document import ExportSummary, PoseTrackDocument
from jmpose_core.formats.files import make_folder
from jmpose_core.formats.table import Format, preview_document, write_document
from jmpose_core.project import Project, VideoRecord
from jmpose_core.project.as_document import Scores, Which, document_of_video
from jmpose_core.project.exporting import check_destination


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """What an export writes: the same figures before and after."""

    summary: ExportSummary
    frames: int  # with people; summary.images counts those without, too
    tracks: int


class ExportReader:
    """One video as a document, read once for each choice of what is in it.

    What was previewed is what is written.
    """

    def __init__(self, project: Path, video: VideoRecord) -> None:
        self._project, self._video = project, video
        self._documents: dict[tuple[bool, Which], PoseTrackDocument] = {}

    def forget(self) -> None:
        """People have changed: read them again."""
        self._documents = {}

    def preview(self, export_format: Format, *, scores: bool, which: Which) -> ExportCounts:
        """What `write` would write now.

        Args:
            scores: with the model's confidences, as predictions for an evaluation have them.
            which: people.

        Raises:
            ProjectError, VideoError, FormatError: the project or video cannot be read, or not be held by the format.
        """
        document = self._document(scores, which)
        name = f"{self._video.name}{export_format.suffix}"
        return _counts(document, preview_document(document, name, export_format.name))

    def write(self, path: Path, export_format: Format, *, scores: bool, which: Which) -> ExportCounts:
        """Write the people of the video.

        Raises:
            ProjectError, VideoError, FormatError: the project or video cannot be read, the file not written.
        """
        document = self._document(scores, which)
        with Project.open(self._project, read_only=True) as project:
            check_destination(project, path, export_format, overwrite=True)  # the dialog has said what it replaces
        make_folder(path.parent)
        return _counts(document, write_document(document, path, export_format.name))

    def _document(self, scores: bool, which: Which) -> PoseTrackDocument:
        documents = self._documents  # `forget` in the window's thread begins another
        if (scores, which) not in documents:
            with Project.open(self._project, read_only=True) as project:
                found = document_of_video(project, self._video, scores=_scores(scores), which=which)
                documents[scores, which] = found
        return documents[scores, which]


def _counts(document: PoseTrackDocument, summary: ExportSummary) -> ExportCounts:
    return ExportCounts(
        summary,
        frames=len({person.image_id for person in document.people}),
        tracks=len({person.track_id for person in document.people}),
    )


def _scores(with_confidences: bool) -> Scores:
    return Scores.PREDICTED if with_confidences else Scores.NONE

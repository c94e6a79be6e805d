"""What the annotator sees of a project's video, as a document that any format can write."""

from enum import StrEnum

from jmpose_core.annotations import Annotation
from jmpose_core.errors import ProjectError
from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.people import document_from
from jmpose_core.project import Project, VideoRecord
from jmpose_core.video import open_video


class Scores(StrEnum):
    """Which people are written with the model's confidences: those who have them are predictions for every reader."""

    PREDICTED = "predicted"  # those whom nobody corrected or verified; the others are labels
    ALL = "all"  # everybody, as a file of results for an evaluation has them
    NONE = "none"  # nobody: all are labels


class Which(StrEnum):
    """Which people are written, by what somebody has seen of them. Images are listed all the same."""

    ALL = "all"
    LABELLED = "labelled"  # of whom a joint was corrected or verified
    DONE = "done"  # of whom every joint was


def is_wanted(person: Annotation, which: Which) -> bool:
    """Whether somebody has seen enough of a person."""
    match which:
        case Which.ALL:
            return True
        case Which.LABELLED:
            return bool(person.touched.any())
        case Which.DONE:
            return bool(person.touched.all())


def document_of_video(
    project: Project, video: VideoRecord, *, scores: Scores = Scores.PREDICTED, which: Which = Which.ALL
) -> PoseTrackDocument:
    """The people of a video. Who has a joint that somebody corrected or verified is a label, as a whole.

    Raises:
        ProjectError, VideoError: the project or video cannot be read.
    """
    people = [person for person in project.people_between(video.id, 0, video.frame_count) if is_wanted(person, which)]
    names = image_names(project, video)
    size = (video.width, video.height)
    document = document_from(people, names, image_size=size, scores=scores is not Scores.NONE)
    if scores is Scores.PREDICTED:
        for record, person in zip(document.people, people, strict=True):
            if person.touched.any():
                record.scores, record.score = (), None
    return document


def image_names(project: Project, video: VideoRecord) -> list[str]:
    """A name a frame: of a folder, its own file names; of a video, and where it is gone, numbers.

    Raises:
        VideoError: the video cannot be opened.
        ProjectError: it is another video now than when it was annotated.
    """
    try:
        path = project.video_path(video.id)
    except ProjectError:
        return [f"{index:06d}.jpg" for index in range(video.frame_count)]
    if fault := project.check_video(video.id):
        raise fault
    with open_video(path) as source:
        return [source.image_name(index) for index in range(source.frame_count)]

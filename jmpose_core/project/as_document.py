"""What the annotator sees of a project's video, as a document that any format can write."""

from jmpose_core.errors import ProjectError
from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.people import document_from
from jmpose_core.project import Project, VideoRecord
from jmpose_core.video import open_video


def document_of(project: Project, video: VideoRecord, *, scores: bool = True) -> PoseTrackDocument:
    """Every person of a video.

    Args:
        scores: with the model's confidences, as predictions for an evaluation have them.

    Raises:
        ProjectError, VideoError: the project or video cannot be read.
    """
    people = list(project.people_between(video.id, 0, video.frame_count))
    names = image_names(project, video)
    return document_from(people, names, image_size=(video.width, video.height), scores=scores)


def image_names(project: Project, video: VideoRecord) -> list[str]:
    """A name a frame: of a folder, its own file names; of a video, and where it is gone, numbers.

    Raises:
        VideoError: the video cannot be opened.
    """
    try:
        path = project.video_path(video.id)
    except ProjectError:
        return [f"{index:06d}.jpg" for index in range(video.frame_count)]
    with open_video(path) as source:
        return [source.image_name(index) for index in range(source.frame_count)]

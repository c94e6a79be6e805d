"""People of JHMDB's held-out films as the program predicts them, beside the truth: what labelling is simulated on."""

from pathlib import Path

from jmpose_core.engine.session import Session
from jmpose_core.engine.tracklets import predicted_tracks
from jmpose_core.evaluation.labelling import Tracklet
from jmpose_core.evaluation.labelling_report import tracklets
from jmpose_core.evaluation.matching import Source
from jmpose_core.formats.any_json import read_json_annotations
from jmpose_core.video import open_video
from train.motion.jhmdb import LabelledClip, read_clips


def held_out_tracklets(folder: Path, *, most: int | None = None) -> list[tuple[int, Tracklet]]:
    """The number of the film, and the person, of each held-out clip; with `most`, of so many, evenly spread.

    Raises:
        FormatError: a clip's files are missing or broken.
        JMPoseError: the bundled weights cannot be used.
    """
    clips = [clip for clip in read_clips(folder) if clip.is_held_out]
    if most is not None and most < len(clips):
        clips = [clips[index * len(clips) // most] for index in range(most)]
    session = Session()
    found = [(clip.source, predicted_tracklet(session, clip)) for clip in clips]
    session.close()
    return found


def predicted_tracklet(session: Session, clip: LabelledClip) -> Tracklet:
    """The person of a clip, predicted in the boxes of the truth.

    Raises:
        FormatError: the clip's files are missing or broken.
        JMPoseError: the bundled weights cannot be used.
    """
    file = clip.video_path.with_name("annotations.json")
    truth = Source(read_json_annotations(file), file)
    (track_id,) = {person.track_id for person in truth.document.people}
    boxes = {track_id or 0: {frame: clip.box(frame) for frame in range(len(clip))}}
    with open_video(clip.video_path) as video:
        tracks = predicted_tracks(session, video, boxes, on_progress=lambda _: None, should_stop=lambda: False)
    (found,) = tracklets(truth, {frame: frame for frame in range(len(clip))}, tracks)
    return found

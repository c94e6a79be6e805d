"""People whose boxes and tracks are given, predicted with all that a fill and the queue need."""

from collections.abc import Callable, Mapping

from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import Predict
from jmpose_core.engine.run_progress import OnProgress
from jmpose_core.engine.session import Session
from jmpose_core.fill.packing import pack, unpack
from jmpose_core.fill.track_frames import TrackFrames
from jmpose_core.geometry import Xyxy
from jmpose_core.video import Video


def predicted_tracks(
    session: Session,
    video: Video,
    boxes: Mapping[int, Mapping[int, Xyxy]],
    *,
    on_progress: OnProgress,
    should_stop: Callable[[], bool],
) -> dict[int, TrackFrames]:
    """What the model says of each track in its boxes.

    Args:
        boxes: track id -> frame index -> box.

    Raises:
        Cancelled: should_stop returned true.
        JMPoseError: the video or the weights cannot be used.
    """
    request = Predict(
        video_path=str(video.path),
        first=0,
        last=video.frame_count,
        visible_frame=0,
        boxes={track_id: dict(own) for track_id, own in boxes.items()},
    )
    seen: dict[tuple[int, int], bytes] = {}
    people: dict[int, list[Annotation]] = {}
    found = session.predict(
        request,
        video=video,
        on_progress=on_progress,
        should_stop=should_stop,
        on_evidence=lambda person, evidence: seen.__setitem__((person.track_id, person.frame_index), pack(evidence)),
    )
    for person in found:
        people.setdefault(person.track_id, []).append(person)
    return {
        track_id: TrackFrames.predicted_only(own, unpack([seen[track_id, person.frame_index] for person in own]))
        for track_id, own in people.items()
        for own in [sorted(own, key=lambda person: person.frame_index)]
    }

"""The main job on the bundled clip, without a window: predictions, an overlay video, and the three panels."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

import resources
from jmpose_core import drawing
from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import Predict, Probe, Progress
from jmpose_core.engine.session import Session
from jmpose_core.errors import JMPoseError
from jmpose_core.fill.evidence import OnEvidence
from jmpose_core.formats.people import document_from
from jmpose_core.formats.posetrack18 import write_posetrack18
from jmpose_core.frame_numbers import frame_number
from jmpose_core.project import PROJECT_SUFFIX, Project
from jmpose_core.project.evidence_store import KeptEvidence
from jmpose_core.video import Video, open_video, write_video

_SHEET_FRAMES: Final = 24
_SHEET_COLUMNS: Final = 4

OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


def write_files(out: Path, *, on_progress: OnProgress, should_stop: ShouldStop) -> list[Path]:
    """Write predictions.json, overlay.mp4, panels.png and contact-sheet.jpg into `out`; their paths.

    Raises:
        Cancelled: should_stop returned true; nothing is written.
        JMPoseError: the weights are missing, or `out` cannot be written to.
    """
    out.mkdir(parents=True, exist_ok=True)
    session = Session()
    with open_video(resources.DEMO_CLIP) as video:
        people = _predicted(session, video, on_progress, should_stop)
        by_frame: dict[int, list[Annotation]] = {}
        for person in people:
            by_frame.setdefault(person.frame_index, []).append(person)
        names = [video.image_name(index) for index in range(video.frame_count)]
        predictions = out / "predictions.json"
        write_posetrack18(document_from(people, names, image_size=(video.width, video.height)), predictions)
        overlay = out / "overlay.mp4"
        frames = (
            drawing.draw_people(frame, by_frame.get(index, [])) for index, frame in video.frames(0, video.frame_count)
        )
        write_video(overlay, frames, video.fps, (video.width, video.height))
        shown = [index * (video.frame_count - 1) // (_SHEET_FRAMES - 1) for index in range(_SHEET_FRAMES)]
        sheet = drawing.contact_sheet(
            [
                (f"frame {frame_number(index)}", drawing.draw_people(video.frame(index), by_frame.get(index, [])))
                for index in shown
            ],
            columns=_SHEET_COLUMNS,
            width=480,
        )
    drawing.write_picture(out / "contact-sheet.jpg", sheet)
    drawing.write_picture(out / "panels.png", _panels(session, people))
    session.close()
    return [predictions, overlay, out / "panels.png", out / "contact-sheet.jpg"]


def filled_project(out: Path, *, on_progress: OnProgress, should_stop: ShouldStop) -> Path:
    """`out`/demo.jmpose with the clip and its predictions; one that is there already is left as it is.

    Raises:
        Cancelled: should_stop returned true.
        JMPoseError: the weights are missing, or `out` cannot be written to.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"demo{PROJECT_SUFFIX}"
    if path.exists():
        return path
    session = Session()
    seen: list[KeptEvidence] = []
    with open_video(resources.DEMO_CLIP) as video:
        people = _predicted(
            session, video, on_progress, should_stop, lambda *found: seen.append(KeptEvidence.of(*found))
        )
    session.close()
    with Project.create(path) as project:
        record = project.add_video(resources.DEMO_CLIP)
        project.evidence.keep(record.id, seen)
        project.apply_predictions(record.id, people, text="Predict")
    return path


def _predicted(
    session: Session,
    video: Video,
    on_progress: OnProgress,
    should_stop: ShouldStop,
    on_evidence: OnEvidence | None = None,
) -> list[Annotation]:
    request = Predict(video_path=str(video.path), first=0, last=video.frame_count, visible_frame=0)
    found = session.predict(
        request, on_progress=on_progress, should_stop=should_stop, video=video, on_evidence=on_evidence
    )
    return list(found)


def _panels(session: Session, people: list[Annotation]) -> drawing.Picture:
    """What the model sees of a person in swift motion, where flow and refinement have something to show."""
    person = _swiftest(people)
    seen = session.probe(
        Probe(video_path=str(resources.DEMO_CLIP), frame_index=person.frame_index, bbox_xyxy=person.bbox_xyxy)
    )
    return drawing.panels(seen.crop_rgb, seen.initial, seen.flow, seen.refined)


def _swiftest(people: list[Annotation]) -> Annotation:
    """The person whose joints move most against the box's height, among the better half of the poses."""
    if not people:
        raise JMPoseError("nobody was found on the demo clip: its weights are not good enough; see `jmpose doctor`")
    sure = float(np.median([person.score for person in people]))
    before = {(person.track_id, person.frame_index + 1): person for person in people}

    def speed(person: Annotation) -> float:
        last = before.get((person.track_id, person.frame_index))
        if last is None or person.score < sure:
            return 0.0
        height = person.bbox_xyxy[3] - person.bbox_xyxy[1]
        return float(np.median(np.linalg.norm(person.keypoints - last.keypoints, axis=1)) / height)

    return max(people, key=speed)

"""jmpose bench engine: how fast the engine is here, and what streaming costs in accuracy."""

import statistics
from typing import Annotated

import numpy as np
import typer

import resources
from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.cli.bench.figures import Figures, JsonOption, VideoArgument, tell_figures, timed
from jmpose_core.cli.terminal import progress_bars
from jmpose_core.engine.protocol import Predict
from jmpose_core.estimation.options import DEFAULT_OPTIONS, EstimateOptions
from jmpose_core.geometry import Xyxy


def bench_engine(
    video: VideoArgument = None,
    frames: Annotated[int, typer.Option(min=1, help="From the start of the video.")] = 48,
    weights: Annotated[str, typer.Option(help="A bundled name or a weights file.")] = "jmpose_lite",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    json_out: JsonOption = None,
) -> int:
    """Poses a second of each way to estimate, and how far they put the joints apart."""
    from jmpose_core.engine.session import Session

    path = video or resources.DEMO_CLIP
    session = Session(device)

    def people(
        boxes: dict[int, dict[int, Xyxy]] | None = None, options: EstimateOptions = DEFAULT_OPTIONS
    ) -> list[Annotation]:
        request = Predict(
            video_path=str(path),
            first=0,
            last=frames,
            visible_frame=0,
            weights=weights,
            boxes=boxes,
            options=options,
        )
        with progress_bars("bench") as show:
            return list(session.predict(request, on_progress=show, should_stop=lambda: False))

    whole, whole_secs = timed(people)  # loads the networks too: it is what the first run takes
    boxes: dict[int, dict[int, Xyxy]] = {}
    for person in whole:
        boxes.setdefault(person.track_id, {})[person.frame_index] = person.bbox_xyxy
    initial, initial_secs = timed(lambda: people(boxes, EstimateOptions(stage="initial")))
    streaming, streaming_secs = timed(lambda: people(boxes))
    exact, exact_secs = timed(lambda: people(boxes, EstimateOptions(exact=True)))
    shared, shared_secs = timed(lambda: people(boxes, EstimateOptions(frame_flow=True)))
    session.close()
    figures = {
        "frames a second, first run": frames / whole_secs,
        "poses a second, initial": len(initial) / initial_secs,
        "poses a second, streaming": len(streaming) / streaming_secs,
        "poses a second, exact": len(exact) / exact_secs,
        "poses a second, streaming, flow of whole frames": len(shared) / shared_secs,
        "people a frame": len(streaming) / max(1, len({person.frame_index for person in streaming})),
        **_apart(streaming, exact, "exact"),
        **_apart(streaming, shared, "flow of whole frames"),
    }
    return tell_figures(figures, json_out)


def _apart(streaming: list[Annotation], others: list[Annotation], way: str) -> Figures:
    """Distance of the joints that both ways see, in parts of the box's height."""
    other = {(person.track_id, person.frame_index): person for person in others}
    distances: list[float] = []
    for person in streaming:
        twin = other[person.track_id, person.frame_index]
        seen = (person.visibility == Visibility.VISIBLE) & (twin.visibility == Visibility.VISIBLE)
        height = person.bbox_xyxy[3] - person.bbox_xyxy[1]
        distances += (np.linalg.norm(person.keypoints - twin.keypoints, axis=1)[seen] / height).tolist()
    if not distances:
        return {}
    return {
        f"streaming to {way}, % of the box's height, median": 100 * statistics.median(distances),
        f"streaming to {way}, % of the box's height, 95 of 100 joints": 100 * float(np.quantile(distances, 0.95)),
    }

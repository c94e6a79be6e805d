"""jmpose bench: how fast the engine and the video reader are here, and what streaming costs in accuracy."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import typer

import resources
from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.cli.terminal import exits, progress_bars, show_table
from jmpose_core.engine.protocol import Predict
from jmpose_core.formats.files import write_atomically
from jmpose_core.video import open_video

bench = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)

Figures = dict[str, float]
VideoArgument = Annotated[Path | None, typer.Argument(help="A video or folder; the demo clip by default.")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")]


def bench_engine(
    video: VideoArgument = None,
    frames: Annotated[int, typer.Option(min=1, help="From the start of the video.")] = 48,
    weights: Annotated[str, typer.Option(help="A bundled name or a weights file.")] = "jmpose_lite",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    json_out: JsonOption = None,
) -> int:
    """Frames and poses a second, streaming beside exact, and how far the two put the joints apart."""
    from jmpose_core.engine.session import Session

    path = video or resources.DEMO_CLIP
    session = Session(device)

    def people(**options: Any) -> list[Annotation]:
        request = Predict(video_path=str(path), first=0, last=frames, visible_frame=0, weights=weights, **options)
        with progress_bars("bench") as show:
            return list(session.predict(request, on_progress=show, should_stop=lambda: False))

    whole, whole_secs = _timed(people)  # loads the networks too: it is what the first run takes
    boxes: dict[int, dict[int, Any]] = {}
    for person in whole:
        boxes.setdefault(person.track_id, {})[person.frame_index] = person.bbox_xyxy
    initial, initial_secs = _timed(lambda: people(boxes=boxes, stage="initial"))
    streaming, streaming_secs = _timed(lambda: people(boxes=boxes))
    exact, exact_secs = _timed(lambda: people(boxes=boxes, exact=True))
    session.close()
    figures = {
        "frames a second, first run": frames / whole_secs,
        "poses a second, initial": len(initial) / initial_secs,
        "poses a second, streaming": len(streaming) / streaming_secs,
        "poses a second, exact": len(exact) / exact_secs,
        **_apart(streaming, exact),
    }
    return _tell(figures, json_out)


def bench_scrub(
    video: VideoArgument = None,
    seeks: Annotated[int, typer.Option(min=2, help="Frames to jump to.")] = 60,
    json_out: JsonOption = None,
) -> int:
    """Milliseconds from asking for a frame to having it: in order, and anywhere."""
    with open_video(video or resources.DEMO_CLIP) as opened:
        count = opened.frame_count
        in_order = [_timed(lambda index=index: opened.frame(index))[1] for index in range(min(count, seeks))]
        anywhere = np.random.default_rng(0).integers(0, count, seeks)
        jumps = [_timed(lambda index=index: opened.frame(int(index)))[1] for index in anywhere]
    figures = {}
    for name, secs in (("in order", in_order), ("anywhere", jumps)):
        figures[f"ms a frame {name}, median"] = 1000 * statistics.median(secs)
        figures[f"ms a frame {name}, slowest of twenty"] = 1000 * float(np.quantile(secs, 0.95))
    return _tell(figures, json_out)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _apart(streaming: list[Annotation], exact: list[Annotation]) -> Figures:
    """Distance of the joints that both ways see, in parts of the box's height."""
    other = {(person.track_id, person.frame_index): person for person in exact}
    distances: list[float] = []
    for person in streaming:
        twin = other[person.track_id, person.frame_index]
        seen = (person.visibility == Visibility.VISIBLE) & (twin.visibility == Visibility.VISIBLE)
        height = person.bbox_xyxy[3] - person.bbox_xyxy[1]
        distances += (np.linalg.norm(person.keypoints - twin.keypoints, axis=1)[seen] / height).tolist()
    if not distances:
        return {}
    return {
        "streaming to exact, % of the box's height, median": 100 * statistics.median(distances),
        "streaming to exact, % of the box's height, 95 of 100 joints": 100 * float(np.quantile(distances, 0.95)),
    }


def _tell(figures: Figures, json_out: Path | None) -> int:
    show_table([["", "measured"], *([name, f"{value:.2f}"] for name, value in figures.items())])
    if json_out is not None:
        write_atomically(json_out, msgspec.json.format(msgspec.json.encode(figures), indent=2))
    return 0


bench.command("engine")(exits(bench_engine))
bench.command("scrub")(exits(bench_scrub))

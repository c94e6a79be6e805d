"""jmpose bench scrub: how long a frame of a video takes to come."""

import statistics
from typing import Annotated

import numpy as np
import typer

import resources
from jmpose_core.cli.bench.figures import JsonOption, VideoArgument, tell_figures, timed
from jmpose_core.video import open_video


def bench_scrub(
    video: VideoArgument = None,
    seeks: Annotated[int, typer.Option(min=2, help="Frames to jump to.")] = 60,
    json_out: JsonOption = None,
) -> int:
    """Milliseconds from asking for a frame to having it: in order, and anywhere."""
    with open_video(video or resources.DEMO_CLIP) as opened:
        count = opened.frame_count
        in_order = [timed(lambda index=index: opened.frame(index))[1] for index in range(min(count, seeks))]
        anywhere = np.random.default_rng(0).integers(0, count, seeks)
        jumps = [timed(lambda index=index: opened.frame(int(index)))[1] for index in anywhere]
    figures = {}
    for name, secs in (("in order", in_order), ("anywhere", jumps)):
        figures[f"ms a frame {name}, median"] = 1000 * statistics.median(secs)
        figures[f"ms a frame {name}, slowest of twenty"] = 1000 * float(np.quantile(secs, 0.95))
    return tell_figures(figures, json_out)

"""jmpose bench effort --images: a simulated annotator, by each policy, from predictions in the true boxes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import resources
from jmpose_core.cli.bench.figures import keep, timed
from jmpose_core.cli.boxes import output_with_boxes
from jmpose_core.cli.terminal import progress_bars, show_table, stoppable, tell
from jmpose_core.errors import FormatError
from jmpose_core.evaluation.labelling import ENOUGH, Policy, Tracklet
from jmpose_core.evaluation.labelling_report import labelling_report, tracklets
from jmpose_core.evaluation.matching import Source
from jmpose_core.formats.any_json import read_json_annotations
from jmpose_core.queue.error_model import ErrorModel

_COLUMNS = {
    "clicks_95": f"clicks to {ENOUGH:.0%}",
    "clicks_per_tracklet_95": "... a tracklet",
    "clicks_all": "clicks to all",
    "clicks_per_tracklet_all": "... a tracklet",
    "keys_all": "keys",
    "harmed": "harmed",
    "fill_ms_p95": "fill ms (p95)",
}


def bench_labelling(gt: Path, images: Path, policies: Sequence[Policy], tolerance: float, json_out: Path | None) -> int:
    """Predict in the boxes and tracks of `gt`, label by each policy, and tell what it took.

    With one policy the JSON is its report, with several a list of them.

    Raises:
        FormatError: the file is broken, does not label these images, or has nobody with joints.
    """
    model = ErrorModel.read(resources.QUEUE)
    people, secs = timed(lambda: _predicted(gt, images, tolerance))
    if not people:
        raise FormatError(f"{gt}: nobody with joints in the boxes of its images; give ground truth with people in it")
    models = [model] * len(people)
    reports = [labelling_report(people, policy, models, engine_seconds=secs) for policy in policies]
    first = reports[0]
    tell(
        f"{first['tracklets']} tracklets with {first['joints']} joints, of which {_right(first):.1f} % are within "
        f"{tolerance:g} head sizes as predicted; predicted in {secs:.1f} s"
    )
    show_table([["policy", *_COLUMNS.values()], *(_row(report) for report in reports)])
    return keep(first if len(reports) == 1 else reports, json_out)


def _predicted(gt: Path, images: Path, tolerance: float) -> list[Tracklet]:
    from jmpose_core.engine.session import Session  # imports torch
    from jmpose_core.engine.tracklets import predicted_tracks

    truth = Source(read_json_annotations(gt), gt)
    session = Session()
    found: list[Tracklet] = []
    with stoppable() as should_stop, progress_bars(images.name) as on_progress:
        for clip in output_with_boxes(images, gt).clips:
            with clip.open() as video:
                tracks = predicted_tracks(
                    session, video, clip.boxes or {}, on_progress=on_progress, should_stop=should_stop
                )
            frame_of_image = {image: frame for frame, image in clip.image_of_frame.items()}
            found += tracklets(truth, frame_of_image, tracks, tolerance=tolerance)
    session.close()
    return found


def _right(report: Mapping[str, Any]) -> float:
    return report["curve"][0][1]


def _row(report: Mapping[str, Any]) -> list[str]:
    cells = (report[name] for name in _COLUMNS)
    return [report["policy"], *(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells)]
